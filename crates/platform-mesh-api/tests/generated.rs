//! What is committed in `generated/` is what the types say today.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../examples/platform_mesh_manifests/files.rs"]
mod files;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use platform_mesh_api::{
    bootstrap::{Parameters, steps},
    definitions,
};
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("generated")
}

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
fn kapi_08_committed_manifests_are_those_of_the_types() {
    let mut found = BTreeMap::new();
    committed(&folder(), "", &mut found);
    let wanted = files::all().unwrap();
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        wanted.keys().collect::<Vec<_>>(),
        "run `cargo xtask codegen`"
    );
    for (path, text) in &wanted {
        assert!(found[path] == *text, "{path} differs: run `cargo xtask codegen`");
        assert!(text.lines().next().unwrap().contains("cargo xtask codegen"), "{path} names its verb");
    }
}

#[test]
fn kapi_08_manifests_as_text_are_read_back_as_they_were() {
    let files = files::all().unwrap();
    for definition in definitions() {
        let read = |folder: &str| -> Value {
            serde_saphyr::from_str(&files[&format!("{folder}/{}.yaml", definition.resource())]).unwrap()
        };
        assert_eq!(read("crds"), definition.crd());
        assert_eq!(read("schemas"), definition.api_resource_schema());
    }
    let documents: Vec<Value> = serde_saphyr::from_multiple(&files["bootstrap.yaml"]).unwrap();
    let list = steps(&Parameters::new("portal.example.org"));
    for step in list.iter().filter(|step| step.kind() != "APIResourceSchema") {
        assert!(documents.contains(&step.object), "{} {}", step.kind(), step.name());
    }
}
