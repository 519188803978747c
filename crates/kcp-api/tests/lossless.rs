//! Nothing is lost: every kind, read and written, with fields that nobody knows.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::Secret;
use kcp_api::testing::{by_schema, laws};
use kcp_api::{KnownKind, Lossless, LosslessError, apis, core, tenancy};
use serde_json::{Value, json};

fn fixtures() -> Option<PathBuf> {
    let folder = std::env::var_os("MESH_FIXTURES").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures")),
        PathBuf::from,
    );
    if !folder.is_dir() {
        println!("no fixtures in {}: passed over", folder.display());
        return None;
    }
    Some(folder)
}

fn yaml_files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            yaml_files(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            out.push(path);
        }
    }
}

/// Fills template placeholders: control lines vanish, values become a text.
fn filled(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut line = line.to_owned();
        if line.trim_start().starts_with("{{-") || line.trim_start().starts_with("{{ .") {
            continue;
        }
        while let (Some(start), Some(end)) = (line.find("{{"), line.find("}}")) {
            line.replace_range(start..end + 2, "filled");
        }
        out.push_str(&line);
        out.push('\n');
    }
    out
}

/// Checks an object of a kind of kcp, in every version; returns how many were checked.
#[track_caller]
fn check(object: &Value) -> usize {
    let Some(kind) = KnownKind::of(object) else { return 0 };
    laws::nothing_is_lost(&|object| kind.view(object), object).unwrap();
    for other in kind.other_versions() {
        laws::conversion_is_the_identity(object, other.api_version).unwrap();
    }
    1
}

#[test]
fn kapi_02_fixture_objects_survive_with_and_without_unknown_fields() {
    let Some(folder) = fixtures() else { return };
    let mut files = Vec::new();
    yaml_files(&folder.join("platform-mesh"), &mut files);
    yaml_files(&folder.join("golden"), &mut files);
    let mut count = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let documents = kcp_api::read_yaml(filled(&text).as_bytes())
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let objects = documents.into_iter().flat_map(|document| match document["items"].as_array() {
            Some(items) => items.clone(),
            None => vec![document],
        });
        for mut object in objects {
            // Golden dumps have placeholders for times.
            let text = object.to_string().replace("<TIME>", "2026-01-26T10:00:00Z");
            object = serde_json::from_str(&text).unwrap();
            let mut more = object.clone();
            by_schema::add_unknown_fields(&mut more);
            count += check(&object) + check(&more);
        }
    }
    assert!(count > 100, "only {count} objects");
}

#[test]
fn kapi_01_errors_name_the_field_and_the_kind() {
    type Binding = apis::v1alpha2::ApiBinding;
    let read = |value: Value| Lossless::<Binding>::from_value(value).unwrap_err();
    let error = read(
        json!({"spec": {"reference": {}, "permissionClaims": [{"resource": "x", "verbs": [1], "selector": {}, "state": "Accepted"}]}}),
    );
    assert!(
        matches!(&error, LosslessError::Field { path, .. } if path == "spec.permissionClaims[0].verbs[0]"),
        "{error}"
    );
    let error = read(json!({"apiVersion": "apis.kcp.io/v1alpha1", "kind": "APIBinding"}));
    assert_eq!(
        error.to_string(),
        "`apis.kcp.io/v1alpha1 APIBinding` is not `apis.kcp.io/v1alpha2 APIBinding`"
    );
    for hostile in [
        json!([]),
        json!("x"),
        json!({"spec": [{"export": null}, []]}),
        json!({"spec": {"reference": [null]}}),
    ] {
        assert!(matches!(read(hostile), LosslessError::Field { .. }));
    }
    assert!(
        matches!(read(json!({"metadata": {"labels": 7}, "spec": {"reference": {}}})), LosslessError::Field { path, .. } if path == "metadata.labels")
    );
}

#[test]
fn kapi_05_a_guarded_patch_carries_the_revision() {
    let mut view = Lossless::<core::v1alpha1::LogicalCluster>::from_value(json!({
        "metadata": {"name": "cluster", "resourceVersion": "7"},
        "status": {"initializers": ["root:security", "system:apibindings"], "phase": "Initializing"},
    }))
    .unwrap();
    assert_eq!(view.guarded_merge_patch().unwrap(), None);
    view.status.as_mut().unwrap().initializers.retain(|name| name != "root:security");
    assert_eq!(
        view.guarded_merge_patch().unwrap().unwrap(),
        json!({"metadata": {"resourceVersion": "7"}, "status": {"initializers": ["system:apibindings"]}})
    );
}

#[test]
fn kapi_01_unknown_phases_survive() {
    let view = Lossless::<tenancy::v1alpha1::Workspace>::from_value(json!({"status": {"phase": "Sleeping"}}))
        .unwrap();
    assert_eq!(view.status.as_ref().unwrap().phase.as_str(), "Sleeping");
    assert!(!view.is_changed().unwrap());
}

#[test]
fn kapi_01_kinds_of_others_lose_nothing_either() {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x", "newer": [1]}, "newest": {},
        "data": {"key": "AAAA"}});
    laws::nothing_is_lost(&|object| Ok(Box::new(Lossless::<Secret>::from_value(object)?)), &secret).unwrap();
    // What no type is known for stays the JSON that it is.
    let foreign = json!({"apiVersion": "ui.example.io/v3", "kind": "Theme", "metadata": {"name": "x"}, "n": [1.5, null]});
    assert!(KnownKind::of(&foreign).is_none());
    assert_eq!(kcp_api::read_json(foreign.to_string().as_bytes()).unwrap(), foreign);
    assert_eq!(kcp_api::read_yaml(foreign.to_string().as_bytes()).unwrap(), [foreign]);
}
