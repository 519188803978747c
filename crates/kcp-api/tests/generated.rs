//! What is committed in `generated/` is what the schemas say today.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../examples/kcp_manifests/files.rs"]
mod files;

use std::{collections::BTreeMap, path::Path};

use kcp_api::schemas;
use serde_json::Value;

fn committed(folder: &Path, below: &str, into: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            committed(&entry.path(), &format!("{name}/"), into);
        } else {
            into.insert(name, std::fs::read_to_string(entry.path()).unwrap());
        }
    }
}

#[test]
fn kapi_02_committed_manifests_are_those_of_the_schemas() {
    let mut found = BTreeMap::new();
    committed(&Path::new(env!("CARGO_MANIFEST_DIR")).join("generated"), "", &mut found);
    let wanted = files::all().unwrap();
    let paths = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(paths(&found), paths(&wanted), "run `cargo xtask codegen`");
    for (path, text) in &wanted {
        assert!(found[path] == *text, "{path} differs: run `cargo xtask codegen`");
        assert!(text.lines().next().unwrap().contains("cargo xtask codegen"), "{path} names its verb");
    }
    for crd in schemas::crds() {
        let path = format!("crds/{}.yaml", crd["metadata"]["name"].as_str().unwrap());
        let read: Value = serde_saphyr::from_str(&wanted[&path]).unwrap();
        assert_eq!(read, crd, "{path}");
    }
}
