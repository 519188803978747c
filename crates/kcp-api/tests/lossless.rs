//! Nothing is lost: every kind, read and written, with fields that nobody knows.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod generators;

use std::path::{Path, PathBuf};

use kcp_api::{Kind, Lossless, LosslessError, apis, convert, core, schemas, tenancy, topology};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// Calls a generic function for every kind.
macro_rules! for_every_kind {
    ($call:ident $(, $argument:expr)*) => {{
        $call::<apis::v1alpha1::ApiExport>($($argument),*);
        $call::<apis::v1alpha2::ApiExport>($($argument),*);
        $call::<apis::v1alpha1::ApiBinding>($($argument),*);
        $call::<apis::v1alpha2::ApiBinding>($($argument),*);
        $call::<apis::v1alpha1::ApiResourceSchema>($($argument),*);
        $call::<apis::v1alpha1::ApiExportEndpointSlice>($($argument),*);
        $call::<apis::v1alpha1::ApiConversion>($($argument),*);
        $call::<core::v1alpha1::LogicalCluster>($($argument),*);
        $call::<core::v1alpha1::Shard>($($argument),*);
        $call::<tenancy::v1alpha1::Workspace>($($argument),*);
        $call::<tenancy::v1alpha1::WorkspaceType>($($argument),*);
        $call::<tenancy::v1alpha1::WorkspaceAuthenticationConfiguration>($($argument),*);
        $call::<topology::v1alpha1::Partition>($($argument),*);
        $call::<topology::v1alpha1::PartitionSet>($($argument),*);
    }};
}

fn arbitrary<K: Kind + Serialize + DeserializeOwned>() {
    let crd = schemas::crd(K::GROUP, K::PLURAL).unwrap();
    let versions = crd["spec"]["versions"].as_array().unwrap();
    let version = versions.iter().find(|version| version["name"] == K::VERSION).unwrap();
    let objects = generators::by_schema(&version["schema"]["openAPIV3Schema"]);
    let config = Config { failure_persistence: None, ..Config::with_cases(Config::default().cases / 4) };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    runner
        .run(&objects, |mut object| {
            object["apiVersion"] = K::API_VERSION.into();
            object["kind"] = K::KIND.into();
            object["metadata"] = json!({"name": "x", "xFuture": {}, "ownerReferences": [
                {"apiVersion": "v1", "kind": "K", "name": "n", "uid": "u", "xFuture": 1}]});
            unchanged::<K>(&object);
            Ok(())
        })
        .unwrap();
}

/// Reads and writes without and with a change.
#[track_caller]
fn unchanged<K: Kind + Serialize + DeserializeOwned>(object: &Value) {
    let mut view =
        Lossless::<K>::from_value(object.clone()).unwrap_or_else(|error| panic!("{error}: {object:#}"));
    assert_eq!(&view.to_value().unwrap(), object);
    assert_eq!(view.merge_patch().unwrap(), None);
    view.meta_mut().labels.get_or_insert_default().insert("touched".into(), "yes".into());
    let mut expected = object.clone();
    expected["metadata"]["labels"]["touched"] = json!("yes");
    assert_eq!(view.to_value().unwrap(), expected);
    assert_eq!(view.merge_patch().unwrap(), Some(json!({"metadata": {"labels": {"touched": "yes"}}})));
}

#[test]
fn kapi_10_arbitrary_objects_of_every_kind_survive() {
    for_every_kind!(arbitrary);
}

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

/// Puts a field that nobody knows into every object, maps of texts aside.
fn with_unknown_fields(value: &mut Value, key: &str) {
    const MAPS: [&str; 7] =
        ["labels", "annotations", "matchLabels", "additionalWorkspaceLabels", "extra", "capacity", "crd"];
    match value {
        Value::Object(map) if !MAPS.contains(&key) => {
            for (key, item) in map.iter_mut() {
                with_unknown_fields(item, key);
            }
            map.insert("xFuture".to_owned(), json!([{"a": null}]));
        }
        Value::Array(list) => list.iter_mut().for_each(|item| with_unknown_fields(item, key)),
        _ => {}
    }
}

fn check_if_kind<K: Kind + Serialize + DeserializeOwned>(object: &Value, count: &mut usize) {
    if object["apiVersion"] == K::API_VERSION && object["kind"] == K::KIND {
        *count += 1;
        if object["metadata"].get("labels").is_none_or(|labels| !labels.is_null()) {
            unchanged::<K>(object);
        }
        for version in ["v1alpha1", "v1alpha2"] {
            let other = format!("apis.kcp.io/{version}");
            if ["APIExport", "APIBinding"].contains(&K::KIND) {
                let there = convert(object.clone(), &other).unwrap();
                assert_eq!(&convert(there, K::API_VERSION).unwrap(), object);
            }
        }
    }
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
        let document = serde_saphyr::from_str::<Value>(&filled(&text))
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let objects = match document["items"].as_array() {
            Some(items) => items.clone(),
            None => vec![document],
        };
        for mut object in objects {
            // Golden dumps have placeholders for times.
            let text = object.to_string().replace("<TIME>", "2026-01-26T10:00:00Z");
            object = serde_json::from_str(&text).unwrap();
            let mut more = object.clone();
            with_unknown_fields(&mut more, "");
            for_every_kind!(check_if_kind, &object, &mut count);
            for_every_kind!(check_if_kind, &more, &mut count);
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
