//! Our manifests against those of upstream.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::path::{Path, PathBuf};

use platform_mesh_api::definitions;
use serde_json::Value;

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
