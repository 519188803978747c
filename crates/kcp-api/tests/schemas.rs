//! Our schemas against the definitions that kcp ships, and against our own types.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{collections::BTreeMap, path::PathBuf};

use kcp_api::schemas;
use serde_json::Value;

/// Definitions of kcp by name; empty, with a line of notice, where the fixtures are not beside the project.
fn upstream() -> BTreeMap<String, Value> {
    let folder = std::env::var_os("MESH_FIXTURES").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures")),
        PathBuf::from,
    );
    let Ok(entries) = std::fs::read_dir(folder.join("kcp-crds")) else {
        println!("no fixtures in {}: passed over", folder.display());
        return BTreeMap::new();
    };
    entries
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .map(|text| serde_saphyr::from_str::<Value>(&text).unwrap())
        .map(|crd| (crd["metadata"]["name"].as_str().unwrap().to_owned(), crd))
        .collect()
}

/// Takes out what only people read, and the order of `required`.
fn normalize(value: &mut Value, is_properties: bool) {
    match value {
        Value::Object(map) => {
            if !is_properties && map.get("description").is_some_and(Value::is_string) {
                map.remove("description");
            }
            if !is_properties && let Some(Value::Array(required)) = map.get_mut("required") {
                required.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
            }
            for (key, child) in map {
                normalize(child, key == "properties" && !is_properties);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| normalize(item, false)),
        _ => {}
    }
}

/// Every place where two values differ.
fn differences(path: &str, ours: &Value, theirs: &Value, out: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                let null = Value::Null;
                differences(
                    &format!("{path}.{key}"),
                    a.get(key).unwrap_or(&null),
                    b.get(key).unwrap_or(&null),
                    out,
                );
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                differences(&format!("{path}[{index}]"), a, b, out);
            }
        }
        (a, b) if a != b => out.push(format!("{path}: ours {a}, kcp {b}")),
        _ => {}
    }
}

#[test]
fn kapi_01_schemas_equal_kcps_apart_from_descriptions() {
    let upstream = upstream();
    let mut found = Vec::new();
    for mut ours in schemas::crds() {
        let name = ours["metadata"]["name"].as_str().unwrap().to_owned();
        let Some(theirs) = upstream.get(&name) else {
            assert!(upstream.is_empty(), "kcp has no {name}");
            continue;
        };
        let mut theirs = theirs.clone();
        normalize(&mut ours, false);
        normalize(&mut theirs, false);
        differences(&name, &ours["spec"], &theirs["spec"], &mut found);
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn kapi_01_every_kind_not_marked_later_has_a_schema() {
    let ours: Vec<String> =
        schemas::crds().iter().map(|crd| crd["metadata"]["name"].as_str().unwrap().to_owned()).collect();
    for name in upstream().into_keys() {
        let later = name.ends_with(".cache.kcp.io") || name.ends_with(".migration.kcp.io");
        assert_eq!(ours.contains(&name), !later, "{name}");
    }
    assert_eq!(ours.len(), 12);
}

#[test]
fn kapi_01_every_field_of_a_schema_is_described_and_read_by_its_type() {
    use kcp_api::{apis, core, tenancy, topology};
    check::<apis::v1alpha1::ApiExport>();
    check::<apis::v1alpha2::ApiExport>();
    check::<apis::v1alpha1::ApiBinding>();
    check::<apis::v1alpha2::ApiBinding>();
    check::<apis::v1alpha1::ApiResourceSchema>();
    check::<apis::v1alpha1::ApiExportEndpointSlice>();
    check::<apis::v1alpha1::ApiConversion>();
    check::<core::v1alpha1::LogicalCluster>();
    check::<core::v1alpha1::Shard>();
    check::<tenancy::v1alpha1::Workspace>();
    check::<tenancy::v1alpha1::WorkspaceType>();
    check::<tenancy::v1alpha1::WorkspaceAuthenticationConfiguration>();
    check::<topology::v1alpha1::Partition>();
    check::<topology::v1alpha1::PartitionSet>();
}

/// An object with every field of the schema, read and written by the type, must come back whole.
#[track_caller]
fn check<K: kcp_api::Kind + serde::de::DeserializeOwned + serde::Serialize>() {
    let crd = schemas::crd(K::GROUP, K::PLURAL).unwrap();
    let versions = crd["spec"]["versions"].as_array().unwrap();
    let version = versions.iter().find(|version| version["name"] == K::VERSION).unwrap();
    let schema = &version["schema"]["openAPIV3Schema"];
    let mut object = full_example(schema, K::KIND);
    object["apiVersion"] = K::API_VERSION.into();
    object["kind"] = K::KIND.into();
    object["metadata"] = serde_json::json!({"name": "x"});
    let typed: K = serde_json::from_value(object.clone()).unwrap();
    let mut found = Vec::new();
    differences(K::KIND, &serde_json::to_value(&typed).unwrap(), &object, &mut found);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

fn full_example(schema: &Value, path: &str) -> Value {
    if let Some(words) = schema["enum"].as_array() {
        return words.iter().rfind(|word| **word != "Scheduling").unwrap().clone();
    }
    match schema["type"].as_str() {
        Some("object") => {
            let mut object = serde_json::Map::new();
            if let Some(fields) = schema["properties"].as_object() {
                for (name, field) in fields {
                    if !["apiVersion", "kind", "metadata"].contains(&name.as_str()) || path.contains('.') {
                        let below = format!("{path}.{name}");
                        assert!(
                            field["description"].is_string() || field["enum"].is_array(),
                            "{below} lacks a description"
                        );
                        object.insert(name.clone(), full_example(field, &below));
                    }
                }
            }
            if schema["additionalProperties"].is_object() {
                object.insert("some-key".into(), full_example(&schema["additionalProperties"], path));
            }
            if schema["x-kubernetes-preserve-unknown-fields"] == true {
                object.insert("anything".into(), true.into());
            }
            Value::Object(object)
        }
        Some("array") => vec![full_example(&schema["items"], &format!("{path}[0]"))].into(),
        Some("boolean") => true.into(),
        Some("integer") => 7.into(),
        _ if schema["x-kubernetes-int-or-string"] == true => "2Gi".into(),
        _ => match schema["format"].as_str() {
            Some("date-time") => "2026-01-26T10:00:00Z".into(),
            _ => "text".into(),
        },
    }
}

#[test]
fn ars_03_definitions_become_schemas_and_back() {
    for crd in schemas::crds() {
        let schema = schemas::resource_schema_of(&crd, "v260126-7c674ee").unwrap();
        let typed: kcp_api::apis::v1alpha1::ApiResourceSchema =
            serde_json::from_value(schema.clone()).unwrap();
        let name: schemas::SchemaName = typed.metadata.name.as_deref().unwrap().parse().unwrap();
        assert_eq!(
            (name.resource.as_str(), name.group.as_str()),
            (typed.spec.names.plural.as_str(), typed.spec.group.as_str())
        );
        let mut back = schemas::crd_of(&schema).unwrap();
        if crd["spec"].get("conversion").is_none() {
            assert!(back["spec"].get("conversion").is_none());
        }
        back["metadata"] = crd["metadata"].clone();
        assert_eq!(back, crd);
    }
}

#[test]
fn ars_03_a_webhook_behind_a_service_is_refused() {
    let mut crd = schemas::crd("core.kcp.io", "shards").unwrap();
    crd["spec"]["conversion"] = serde_json::json!({
        "strategy": "Webhook",
        "webhook": {"clientConfig": {"service": {"name": "x"}}, "conversionReviewVersions": ["v1"]},
    });
    let error = schemas::resource_schema_of(&crd, "v1").unwrap_err();
    assert_eq!(error, schemas::SchemaConversionError::WebhookService);
    assert!(schemas::resource_schema_of(&crd, "1v").is_err());
    assert!(schemas::resource_schema_of(&serde_json::json!({"spec": 1}), "v1").is_err());
}

#[test]
fn ars_01_root_schemas_have_kcps_names() {
    let schemas = schemas::root_export_schemas();
    let names: Vec<&str> =
        schemas.iter().map(|schema| schema["metadata"]["name"].as_str().unwrap()).collect();
    let rows: Vec<&str> =
        schemas::ROOT_EXPORTS.iter().flat_map(|export| export.resources).map(|row| row.schema).collect();
    assert_eq!(names, rows);
    assert!(names.contains(&"v260522-2bf05df66.workspaces.tenancy.kcp.io"));
}
