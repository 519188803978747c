//! Objects of every kind, read and written back: arbitrary ones, upstream's samples, its bootstrap, its dumps.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::path::{Path, PathBuf};

use platform_mesh_api::{
    Account, AccountInfo, ApiExportPolicy, AuthorizationModel, ContentConfiguration, Definition,
    IdentityProviderConfiguration, Invite, Provider, ProviderMetadata, ProviderPermissions, Store,
    definition, definitions,
    testing::{Strangeness, full_object, objects},
};
use proptest::test_runner::{Config, TestRunner};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// Calls a generic function for every kind, with the kind's definition.
macro_rules! for_every_kind {
    ($call:ident $(, $argument:expr)*) => {{
        let called = [
            for_every_kind!(@ $call, Account, "accounts.core" $(, $argument)*),
            for_every_kind!(@ $call, AccountInfo, "accountinfos.core" $(, $argument)*),
            for_every_kind!(@ $call, Store, "stores.core" $(, $argument)*),
            for_every_kind!(@ $call, AuthorizationModel, "authorizationmodels.core" $(, $argument)*),
            for_every_kind!(@ $call, Invite, "invites.core" $(, $argument)*),
            for_every_kind!(@ $call, IdentityProviderConfiguration, "identityproviderconfigurations.core" $(, $argument)*),
            for_every_kind!(@ $call, ApiExportPolicy, "apiexportpolicies.core" $(, $argument)*),
            for_every_kind!(@ $call, ContentConfiguration, "contentconfigurations.ui" $(, $argument)*),
            for_every_kind!(@ $call, ProviderMetadata, "providermetadatas.ui" $(, $argument)*),
            for_every_kind!(@ $call, Provider, "providers.providers" $(, $argument)*),
            for_every_kind!(@ $call, ProviderPermissions, "providerpermissions.providers" $(, $argument)*),
        ];
        assert_eq!(called.len(), definitions().len(), "every definition has a type");
    }};
    (@ $call:ident, $kind:ident, $resource:literal $(, $argument:expr)*) => {
        $call::<$kind>(&definition(concat!($resource, ".platform-mesh.io")).unwrap() $(, $argument)*)
    };
}

trait Known: Serialize + DeserializeOwned + std::fmt::Debug + kube_core::Resource<DynamicType = ()> {
    fn known_parts(&self) -> String;
}

macro_rules! known {
    ($($kind:ident),*) => {
        $(impl Known for $kind {
            fn known_parts(&self) -> String {
                format!("{:?} {:?}", self.spec, self.status)
            }
        })*
    };
}
known!(
    Account,
    AccountInfo,
    Store,
    AuthorizationModel,
    Invite,
    IdentityProviderConfiguration,
    ApiExportPolicy,
    ContentConfiguration,
    ProviderMetadata,
    Provider,
    ProviderPermissions
);

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

/// There are many kinds; `PROPTEST_CASES` makes more of each.
fn runner() -> TestRunner {
    TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(Config::default().cases / 4) })
}

fn identity<K: Known>(definition: &Definition) {
    assert_eq!((K::kind(&()), K::plural(&())), (definition.kind.into(), definition.plural.into()));
    assert_eq!(K::api_version(&()), definition.api_version());
    for strangeness in [Strangeness::Plain, Strangeness::Newer] {
        runner()
            .run(&objects(definition, strangeness), |object| {
                let read: K = serde_json::from_value(object.clone())
                    .unwrap_or_else(|error| panic!("{error}: {object:#}"));
                proptest::prop_assert_eq!(serde_json::to_value(&read).unwrap(), object);
                Ok(())
            })
            .unwrap();
    }
}

#[test]
fn kapi_10_arbitrary_objects_of_every_kind_are_written_as_they_were_read() {
    for_every_kind!(identity);
}

fn readable<K: Known>(definition: &Definition) {
    runner()
        .run(&objects(definition, Strangeness::Hostile), |object| {
            let read: K =
                serde_json::from_value(object.clone()).unwrap_or_else(|error| panic!("{error}: {object:#}"));
            // What a type takes for empty it leaves out, and from then on nothing changes any more.
            let written = serde_json::to_value(&read).unwrap();
            let again: K = serde_json::from_value(written.clone()).unwrap();
            proptest::prop_assert_eq!(serde_json::to_value(&again).unwrap(), written);
            Ok(())
        })
        .unwrap();
}

#[test]
fn kapi_02_null_and_emptiness_are_read_as_absent() {
    for_every_kind!(readable);
}

/// A field of the schema that the type lacks would land in `extra`; one of the type that the schema lacks stays unset.
fn same_fields<K: Known>(definition: &Definition) {
    let object = full_object(definition);
    let read: K = serde_json::from_value(object.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), object);
    let parts = read.known_parts();
    for (index, _) in parts.match_indices("extra: ") {
        assert!(parts[index..].starts_with("extra: {}"), "{}: {}", definition.kind, &parts[index..]);
    }
    for unset in ["None", "[]", "\"\""] {
        assert!(!parts.contains(unset), "{}: the schema lacks a field of the type: {parts}", definition.kind);
    }
}

#[test]
fn kapi_08_schema_and_type_name_the_same_fields() {
    for_every_kind!(same_fields);
}

#[track_caller]
fn round_trip<K: DeserializeOwned + Serialize>(object: &Value) {
    let read: K = serde_json::from_value(object.clone()).unwrap();
    assert_eq!(&serde_json::to_value(&read).unwrap(), object);
}

#[test]
fn kapi_01_objects_survive_read_and_write_with_unknown_fields() {
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
fn kapi_02_golden_objects_survive_read_and_write() {
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
        ("identityproviderconfiguration-welcome.yaml", round_trip::<IdentityProviderConfiguration>),
        ("invite-org.yaml", round_trip::<Invite>),
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
fn kapi_02_an_object_without_spec_reads_as_empty() {
    let account: Account =
        serde_json::from_value(json!({"metadata": {"name": "x"}, "status": {"conditions": []}})).unwrap();
    assert_eq!(account.spec.kind, "");
    assert_eq!(account.kind, "Account");
}

#[test]
fn kapi_02_samples_and_bootstrap_objects_of_upstream_survive() {
    let Some(fixtures) = fixtures() else { return };
    let root = fixtures.join("platform-mesh");
    for (file, check) in [
        ("samples/core_v1alpha1_account.yaml", round_trip::<Account> as fn(&Value)),
        ("samples/core_v1alpha1_store.yaml", round_trip::<Store>),
        ("samples/core_v1alpha1_invite.yaml", round_trip::<Invite>),
        // Another group than today's; the fields are the same.
        ("samples/core_v1alpha1_apiexportpolicy.yaml", round_trip::<ApiExportPolicy>),
        ("kcp-bootstrap/03-orgs/store.yaml", round_trip::<Store>),
    ] {
        check(&yaml(&root.join(file)));
    }
    // The sample misses a field that the schema wants; it is read nevertheless.
    let sample = yaml(&root.join("samples/core_v1alpha1_authorizationmodel.yaml"));
    let model: AuthorizationModel = serde_json::from_value(sample).unwrap();
    assert_eq!(
        (model.spec.store_ref.name.as_str(), model.spec.store_ref.cluster.as_str()),
        ("test-store", "")
    );
    assert_eq!(model.spec.store_ref.path.as_deref(), Some("root:test"));
}
