//! Definitions of kcp and Platform Mesh as they are published: each is accepted, and compiles.

use std::{
    fs,
    path::{Path, PathBuf},
};

use apiserver::{crd, schema::StructuralSchema};
use serde_json::Value;

fn fixtures() -> Option<PathBuf> {
    let named = std::env::var_os("MESH_FIXTURES").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures");
    named.into_iter().chain([beside]).find(|path| path.is_dir())
}

fn manifests(folder: &Path) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
    entries.sort();
    for path in entries.into_iter().filter(|path| path.extension().is_some_and(|e| e == "yaml")) {
        let text = fs::read_to_string(&path).unwrap_or_default();
        if let Ok(value) = serde_saphyr::from_str::<Value>(&text) {
            found.push((path.display().to_string(), value));
        }
    }
    found
}

#[test]
fn dev_04_11_published_definitions_are_accepted() {
    let Some(fixtures) = fixtures() else {
        println!("no fixtures: passed over");
        return;
    };
    let mut seen = 0;
    for folder in ["kcp-crds", "platform-mesh/crds"] {
        for (path, mut definition) in manifests(&fixtures.join(folder)) {
            if definition["kind"] != "CustomResourceDefinition" {
                continue;
            }
            crd::default(&mut definition);
            let faults: Vec<String> =
                crd::validate(&definition, None).iter().map(ToString::to_string).collect();
            assert!(faults.is_empty(), "{path}: {faults:#?}");
            seen += 1;
        }
    }
    for (path, schema) in manifests(&fixtures.join("platform-mesh/kcp-bootstrap/01-platform-mesh-system")) {
        if schema["kind"] != "APIResourceSchema" {
            continue;
        }
        for version in schema["spec"]["versions"].as_array().into_iter().flatten() {
            let compiled = StructuralSchema::parse(&version["schema"], "schema");
            assert!(compiled.is_ok(), "{path}: {:#?}", compiled.err());
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen} definitions");
}

#[test]
fn dev_04_11_published_samples_are_judged_by_their_schema() {
    let Some(fixtures) = fixtures() else {
        println!("no fixtures: passed over");
        return;
    };
    let storage = apiserver::StoragePrefix::new("core.platform-mesh.io", "any");
    let served: Vec<apiserver::ServedResource> = manifests(&fixtures.join("platform-mesh/crds"))
        .iter()
        .flat_map(|(_, definition)| crd::served_resources(definition, &storage).unwrap_or_default())
        .collect();
    let mut judged = 0;
    for (path, mut sample) in manifests(&fixtures.join("platform-mesh/samples")) {
        let resource =
            served.iter().find(|r| sample["kind"] == *r.gvk.kind && sample["apiVersion"] == r.api_version());
        let Some(schema) = resource.and_then(|resource| resource.schema.clone()) else { continue };
        let unknown = schema.unknown_fields(&sample);
        schema.prune(&mut sample);
        schema.default(&mut sample);
        let faults = schema.validate(&sample, None);
        println!("{path}: unknown {unknown:?}, faults {faults:?}");
        // Broken in one field or another, but never for reasons that make rules unreadable.
        assert!(faults.iter().all(|fault| !fault.message.contains("evaluating rule")), "{path}: {faults:?}");
        judged += 1;
    }
    assert!(judged > 0);
}
