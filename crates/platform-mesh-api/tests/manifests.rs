//! Our manifests against those of upstream, and objects read and written back.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::path::{Path, PathBuf};

use platform_mesh_api::{
    Account, AccountInfo, ApiExportPolicy, AuthorizationModel, IdentityProviderConfiguration, Invite, Store,
    definitions,
};
use serde_json::{Value, json};

fn fixtures() -> Option<PathBuf> {
    let root = std::env::var_os("MESH_FIXTURES")
        .map(PathBuf::from)
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures"));
    if root.is_dir() {
        return Some(root);
    }
    println!("no fixtures at {}: passed over", root.display());
    None
}

fn yaml(path: &Path) -> Value {
    serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Takes away what does not change which objects are accepted: texts, and the order of fields and of `required`.
fn normalised(mut value: Value) -> Value {
    fn walk(value: &mut Value) {
        match value {
            Value::Object(map) => {
                if map.get("description").is_some_and(Value::is_string) {
                    map.remove("description");
                }
                if let Some(Value::Array(required)) = map.get_mut("required") {
                    required.sort_by_key(|field| field.to_string());
                }
                map.values_mut().for_each(walk);
            }
            Value::Array(items) => items.iter_mut().for_each(walk),
            _ => {}
        }
    }
    walk(&mut value);
    value
}

#[test]
fn kapi_crds_equal_upstream_after_normalising() {
    let Some(fixtures) = fixtures() else { return };
    let mut compared = 0;
    for definition in definitions() {
        let path =
            fixtures.join(format!("platform-mesh/crds/{}_{}.yaml", definition.group, definition.plural));
        if !path.is_file() {
            continue;
        }
        assert_eq!(
            normalised(definition.crd()["spec"].clone()),
            normalised(yaml(&path)["spec"].clone()),
            "{}",
            definition.resource()
        );
        compared += 1;
    }
    assert_eq!(compared, 7, "every kind of core.platform-mesh.io has a CRD to compare with");
}

#[test]
fn ars_schemas_equal_upstream_after_normalising() {
    let Some(fixtures) = fixtures() else { return };
    for definition in definitions() {
        let name = format!(
            "platform-mesh/kcp-bootstrap/01-platform-mesh-system/apiresourceschema-{}.yaml",
            definition.resource()
        );
        let upstream = yaml(&fixtures.join(name));
        assert_eq!(
            normalised(definition.api_resource_schema()["spec"].clone()),
            normalised(upstream["spec"].clone()),
            "{}",
            definition.resource()
        );
    }
}

#[test]
fn ars_names_follow_the_schema() {
    let mut names: Vec<String> =
        definitions().iter().map(|definition| definition.api_resource_schema_name()).collect();
    for (name, definition) in names.iter().zip(definitions()) {
        assert!(
            name.starts_with("v2"),
            "{name}: the first part must be a DNS label that begins with a letter"
        );
        assert!(name.ends_with(&definition.resource()), "{name}: kcp wants <prefix>.<plural>.<group>");
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), definitions().len());
}

#[track_caller]
fn round_trip<K: serde::de::DeserializeOwned + serde::Serialize>(object: &Value) {
    let read: K = serde_json::from_value(object.clone()).unwrap();
    assert_eq!(&serde_json::to_value(&read).unwrap(), object);
}

#[test]
fn kapi_objects_survive_read_and_write_with_unknown_fields() {
    let header = |kind: &str, spec: Value, status: Value| {
        json!({
            "apiVersion": "core.platform-mesh.io/v1alpha1", "kind": kind,
            "metadata": {"name": "x", "annotations": {"kcp.io/cluster": "c"}},
            "spec": spec, "status": status, "later": {"a": [1]},
        })
    };
    let condition = json!({"type": "Ready", "status": "True", "reason": "Complete", "message": "",
        "lastTransitionTime": "2026-01-02T03:04:05Z", "observedGeneration": 3});
    round_trip::<Account>(&header(
        "Account",
        json!({"type": "team", "displayName": "T", "data": {"some": [null, 1]}, "new": true,
            "extensions": [{"apiVersion": "v1", "kind": "X", "specGoTemplate": {"foo": "bar"}, "new": 1}]}),
        json!({"conditions": [condition], "new": 1}),
    ));
    let location = json!({"name": "a", "generatedClusterId": "b", "originClusterId": "c", "path": "root:orgs:a",
        "url": "https://x", "type": "org", "new": 1});
    round_trip::<AccountInfo>(&header(
        "AccountInfo",
        json!({"account": location, "organization": location, "clusterInfo": {"ca": "", "new": 1},
            "fga": {"store": {"id": "", "new": 1}}, "oidc": {"issuerUrl": "u", "clients": {"x": {"clientId": "1", "new": 1}}}}),
        json!({"new": {}}),
    ));
    round_trip::<Store>(&header(
        "Store",
        json!({"coreModule": "module core", "tuples": [{"object": "a:b", "relation": "r", "user": "u:1"}], "new": 1}),
        json!({"storeId": "s", "authorizationModelId": "m", "conditions": [condition], "new": 1}),
    ));
    round_trip::<AuthorizationModel>(&header(
        "AuthorizationModel",
        json!({"storeRef": {"name": "a", "cluster": "c", "new": 1}, "model": "module x"}),
        json!({"managedTuples": [{"object": "a:b", "relation": "r", "user": "u:1"}]}),
    ));
    round_trip::<Invite>(&header("Invite", json!({"email": "a@b.c", "role": "owner"}), json!({"new": 1})));
    round_trip::<IdentityProviderConfiguration>(&header(
        "IdentityProviderConfiguration",
        json!({"registrationAllowed": false, "clients": [{"clientType": "bearer-only", "clientName": "x",
            "redirectUris": [], "secretRef": {"name": "s", "namespace": "n"}, "new": 1}]}),
        json!({"managedClients": {"x": {"clientId": "1", "registrationClientUri": "u",
            "secretRef": {"name": "s", "namespace": "n"}, "new": 1}}}),
    ));
    round_trip::<ApiExportPolicy>(&header(
        "APIExportPolicy",
        json!({"apiExportRef": {"name": "e", "clusterPath": "root:providers:p", "new": 1},
            "allowPathExpressions": [":root:orgs:*"]}),
        json!({"managedAllowExpressions": [":root:orgs:*"]}),
    ));
}

#[test]
fn kapi_golden_objects_survive_read_and_write() {
    let Some(fixtures) = fixtures() else { return };
    let golden = fixtures.join("golden/bound");
    for (file, check) in [
        ("account-org.yaml", round_trip::<Account> as fn(&Value)),
        ("account-dev.yaml", round_trip::<Account>),
        ("accountinfo-org.yaml", round_trip::<AccountInfo>),
        ("accountinfo-dev.yaml", round_trip::<AccountInfo>),
        ("store-org.yaml", round_trip::<Store>),
        ("store-orgs.yaml", round_trip::<Store>),
        ("invite-bob.yaml", round_trip::<Invite>),
        ("apiexportpolicy.yaml", round_trip::<ApiExportPolicy>),
        ("identityproviderconfiguration-org.yaml", round_trip::<IdentityProviderConfiguration>),
    ] {
        let mut object = yaml(&golden.join(file));
        // The dumps replace moments by a word and add a list of managers, neither of which a server would send.
        object["metadata"]
            .as_object_mut()
            .unwrap()
            .retain(|key, _| key != "x-managers" && key != "creationTimestamp");
        if let Some(conditions) = object.pointer_mut("/status/conditions").and_then(Value::as_array_mut) {
            for condition in conditions {
                condition["lastTransitionTime"] = json!("2026-01-02T03:04:05Z");
            }
        }
        check(&object);
    }
}

#[test]
fn kapi_an_object_without_spec_reads_as_empty() {
    let account: Account =
        serde_json::from_value(json!({"metadata": {"name": "x"}, "status": {"conditions": []}})).unwrap();
    assert_eq!(account.spec.kind, "");
    assert_eq!(account.kind, "Account");
}
