//! OpenAPI v3: what kubectl explain and kubectl validation look for.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::{collections::BTreeSet, sync::Arc};

use apiserver::{
    Catalog, StoragePrefix, crd,
    kinds::BuiltIns,
    openapi::{document, index},
};
use serde_json::{Value, json};

fn bucket(plural: &str, kind: &str) -> Value {
    json!({
        "metadata": {"name": format!("{plural}.storage.example.io")},
        "spec": {
            "group": "storage.example.io", "scope": "Namespaced", "names": {"plural": plural, "kind": kind},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.n", "statusReplicasPath": ".status.n"}},
                "schema": {"openAPIV3Schema": {"type": "object", "description": "A bucket.", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer", "description": "How big."}}}}}},
            }],
        },
    })
}

fn catalog() -> Catalog {
    let storage = StoragePrefix::new("storage.example.io", "buckets");
    let custom = ["buckets", "pails"].into_iter().zip(["Bucket", "Pail"]).flat_map(|(plural, kind)| {
        crd::served_resources(&bucket(plural, kind), &storage).unwrap().into_iter().map(Arc::new)
    });
    Catalog::new(BuiltIns::default().resources().into_iter().chain(custom))
}

fn parsed(group: &str, version: &str) -> Value {
    serde_json::from_slice(&document(&catalog(), group, version).unwrap().json).unwrap()
}

/// Every `$ref` of a document.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(target)) = map.get("$ref") {
                found.insert(target.clone());
            }
            map.values().for_each(|child| references(child, found));
        }
        Value::Array(list) => list.iter().for_each(|child| references(child, found)),
        _ => {}
    }
}

#[test]
fn dev_02_3_every_document_of_the_index_is_closed_and_names_its_kinds() {
    let catalog = catalog();
    let index = index(&catalog);
    let paths = index["paths"].as_object().unwrap();
    assert!(paths.contains_key("api/v1") && paths.contains_key("apis/apiextensions.k8s.io/v1"));
    for (path, entry) in paths {
        let (group, version) = match path.split('/').collect::<Vec<_>>().as_slice() {
            ["api", version] => ("", (*version).to_owned()),
            ["apis", group, version] => (*group, (*version).to_owned()),
            other => panic!("{other:?}"),
        };
        let found = document(&catalog, group, &version).unwrap();
        assert_eq!(entry["serverRelativeURL"], format!("/openapi/v3/{path}?hash={}", found.hash));
        let json: Value = serde_json::from_slice(&found.json).unwrap();
        let mut targets = BTreeSet::new();
        references(&json, &mut targets);
        for target in targets {
            let name = target.rsplit('/').next().unwrap();
            assert!(json["components"]["schemas"].get(name).is_some(), "{path}: {target} is missing");
        }
        for resource in &catalog.version(group, &version).unwrap().resources {
            let kind = json!({"group": group, "version": version, "kind": &*resource.gvk.kind});
            let schemas = json["components"]["schemas"].as_object().unwrap();
            let has = |schema: &Value| {
                schema["x-kubernetes-group-version-kind"].as_array().is_some_and(|all| all.contains(&kind))
            };
            assert!(schemas.values().any(has), "{path}: no component of {kind}");
        }
    }
    assert!(document(&catalog, "storage.example.io", "v9").is_none());
}

#[test]
fn dev_02_3_kinds_of_one_group_version_stand_in_one_document_as_kubectl_needs_them() {
    let json = parsed("storage.example.io", "v1");
    let schemas = &json["components"]["schemas"];
    assert_eq!(
        schemas["io.example.storage.v1.Bucket"]["properties"]["spec"]["properties"]["size"]["description"],
        "How big."
    );
    assert!(
        schemas.get("io.example.storage.v1.Pail").is_some()
            && schemas.get("io.example.storage.v1.BucketList").is_some()
    );
    // kubectl asks whether a patch of the kind takes fieldValidation before it relies on the server.
    let patch = &json["paths"]["/apis/storage.example.io/v1/namespaces/{namespace}/buckets/{name}"]["patch"];
    assert_eq!(patch["x-kubernetes-action"], "patch");
    assert_eq!(patch["x-kubernetes-group-version-kind"]["kind"], "Bucket");
    let names: Vec<&str> =
        patch["parameters"].as_array().unwrap().iter().filter_map(|p| p["name"].as_str()).collect();
    assert!(names.contains(&"fieldValidation") && names.contains(&"dryRun"));
    let scale = "/apis/storage.example.io/v1/namespaces/{namespace}/buckets/{name}/scale";
    assert_eq!(json["paths"][scale]["get"]["x-kubernetes-group-version-kind"]["kind"], "Scale");
    assert!(json["paths"].get("/apis/storage.example.io/v1/buckets").is_some());
}

#[test]
fn dev_02_3_built_in_kinds_carry_list_types_and_merge_keys() {
    let json = parsed("", "v1");
    let schemas = &json["components"]["schemas"];
    let secrets = &schemas["io.k8s.api.core.v1.ServiceAccount"]["properties"]["secrets"];
    assert_eq!(secrets["x-kubernetes-patch-merge-key"], "name");
    assert_eq!(secrets["x-kubernetes-list-type"], "map");
    assert_eq!(
        schemas["io.k8s.api.core.v1.ConfigMap"]["properties"]["data"]["additionalProperties"]["type"],
        "string"
    );
    let webhooks = parsed("admissionregistration.k8s.io", "v1");
    let rule = &webhooks["components"]["schemas"]["io.k8s.api.admissionregistration.v1.RuleWithOperations"]["properties"];
    assert!(rule.get("apiGroups").is_some() && rule.get("operations").is_some());
}
