//! Upstream's files: where they lie, the objects in them, and the addresses of those.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The folder of upstream's files: `MESH_FIXTURES`, or `../shared/fixtures` beside the workspace; nothing, and one line,
/// where there is none.
pub fn fixtures() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures");
    let folder = std::env::var_os("MESH_FIXTURES").map_or(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("passed over: no folder of upstream's files (MESH_FIXTURES)");
    None
}

/// The objects of a YAML text.
pub fn documents(text: &str) -> Vec<Value> {
    let all: Vec<Value> = serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    all.into_iter().filter(|object| !object.is_null()).collect()
}

/// The collection where an object belongs, and its own path below it; plurals are formed as kinds here form them.
pub fn path_of(workspace: &str, object: &Value) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let version = text(&object["apiVersion"]);
    let kind = text(&object["kind"]).to_lowercase();
    let plural = match kind.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if kind.ends_with('s') => format!("{kind}es"),
        None => format!("{kind}s"),
    };
    let base = if version.contains('/') { "apis" } else { "api" };
    let collection = format!("/clusters/{workspace}/{base}/{version}/{plural}");
    let own = format!("{collection}/{}", text(&object["metadata"]["name"]));
    (collection, own)
}
