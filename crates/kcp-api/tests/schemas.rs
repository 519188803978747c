//! Our schemas against the definitions that kcp ships, and against our own types.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{collections::BTreeMap, path::PathBuf};

use kcp_api::testing::by_schema;
use kcp_api::testing::compare::{differences, normalize};
use kcp_api::{KINDS, schemas};
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
        .flat_map(|entry| kcp_api::read_yaml(&std::fs::read(entry.unwrap().path()).unwrap()).unwrap())
        .map(|crd| (crd["metadata"]["name"].as_str().unwrap().to_owned(), crd))
        .collect()
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
        normalize(&mut ours);
        normalize(&mut theirs);
        found.extend(differences(&name, &ours["spec"], &theirs["spec"]));
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
    for kind in KINDS {
        let crd = schemas::crd(kind.group, kind.plural).unwrap();
        let versions = crd["spec"]["versions"].as_array().unwrap();
        let version = versions.iter().find(|version| version["name"] == kind.version).unwrap();
        let schema = &version["schema"]["openAPIV3Schema"];
        described(schema, kind.kind);
        let object = by_schema::full_object(schema, kind.api_version, kind.kind);
        let known = kind.view(object.clone()).unwrap().known().unwrap();
        let found = differences(kind.kind, &known, &object);
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

/// Every field has a description, or is one of some words.
#[track_caller]
fn described(schema: &Value, path: &str) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let below = format!("{path}.{name}");
        let is_header = !path.contains('.') && by_schema::is_header(name);
        let is_clear = field["description"].is_string() || field["enum"].is_array();
        assert!(is_header || path.ends_with(".metadata") || is_clear, "{below} lacks a description");
        described(field, &below);
        described(&field["items"], &below);
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
