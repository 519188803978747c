//! What a server of kcp's API installs, as files: definitions of every kind, and the schemas behind root's exports.

use std::collections::BTreeMap;

use kcp_api::schemas;
use serde_json::Value;

const HEADER: &str = "# Written by `cargo xtask codegen`; do not edit.\n";

/// Text of each file, by its path below `generated/`.
pub fn all() -> Result<BTreeMap<String, String>, serde_saphyr::ser::Error> {
    let mut files = BTreeMap::new();
    for crd in schemas::crds() {
        files.insert(format!("crds/{}.yaml", name(&crd)), yaml(&crd)?);
    }
    for schema in schemas::root_export_schemas() {
        let resource = name(&schema).split_once('.').map_or("", |(_, resource)| resource);
        files.insert(format!("schemas/{resource}.yaml"), yaml(&schema)?);
    }
    Ok(files)
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

fn yaml(object: &Value) -> Result<String, serde_saphyr::ser::Error> {
    Ok(format!("{HEADER}{}", serde_saphyr::to_string(object)?))
}
