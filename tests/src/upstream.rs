//! The upstream bootstrap, applied in its order: folders descend into workspaces, passes repeat until all is applied.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{Plane, documents, fill, path_of, template::Values};

const PASSES_MAX: usize = 40;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

/// What the passes came to.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    /// Objects by workspace and kind/name, in the order in which they were accepted first.
    pub objects: Vec<(String, String)>,
    /// Refusals on the way, as `file: code message`; passed in later passes.
    pub refused: Vec<String>,
    /// How many passes were needed.
    pub passes: usize,
}

/// Applies a tree of manifests as `platform-mesh-operator` does. Identity hashes are read from the server before each pass.
///
/// # Panics
/// With the refusals of the last pass, where the tree does not converge.
pub async fn bootstrap(plane: &Plane, tree: &Path, values: &Values) -> Applied {
    let mut applied = Applied::default();
    loop {
        applied.passes += 1;
        let mut values = values.clone();
        hashes(plane, &mut values).await;
        let mut failed = Vec::new();
        pass(plane, tree, &values, &mut applied, &mut failed).await;
        if failed.is_empty() {
            return applied;
        }
        assert!(applied.passes < PASSES_MAX, "the bootstrap does not converge: {failed:#?}");
        applied.refused.append(&mut failed);
        tokio::time::sleep(PAUSE).await;
    }
}

async fn hashes(plane: &Plane, values: &mut Values) {
    let exports = [
        ("root", "tenancy.kcp.io", "apiExportRootTenancyKcpIoIdentityHash"),
        ("root", "shards.core.kcp.io", "apiExportRootShardsKcpIoIdentityHash"),
        ("root", "topology.kcp.io", "apiExportRootTopologyKcpIoIdentityHash"),
        ("root:platform-mesh-system", "system.platform-mesh.io", "apiExportSystemPlatformMeshIoIdentityHash"),
    ];
    for (workspace, export, key) in exports {
        let path = format!("/clusters/{workspace}/apis/apis.kcp.io/v1alpha1/apiexports/{export}");
        let answer = plane.get(plane.admin(), &path).await;
        if let Some(hash) = answer.body["status"]["identityHash"].as_str() {
            values.insert(key.to_owned(), hash.to_owned());
        }
    }
}

/// Folders in lexical order, each with the workspace that its name names.
async fn pass(plane: &Plane, tree: &Path, values: &Values, applied: &mut Applied, failed: &mut Vec<String>) {
    let mut folders = vec![("root".to_owned(), tree.to_owned())];
    for folder in entries(tree).into_iter().filter(|path| path.is_dir()) {
        let name = name_of(&folder);
        let workspace = name.split_once('-').map_or(name.as_str(), |(_, workspace)| workspace).to_owned();
        let workspace = if workspace == "root" { workspace } else { format!("root:{workspace}") };
        folders.push((workspace, folder));
    }
    for (workspace, folder) in folders {
        if let Some(name) = workspace.strip_prefix("root:") {
            let path = format!("/clusters/root/apis/tenancy.kcp.io/v1alpha1/workspaces/{name}");
            let found = plane.get(plane.admin(), &path).await;
            if found.code != 200 {
                failed.push(format!("{workspace}: {} {}", found.code, found.message()));
                continue;
            }
            plane.until(&path, "ready", |w| w["status"]["phase"] == "Ready").await;
        }
        for file in entries(&folder).into_iter().filter(|path| path.is_file()) {
            let text = fill(&std::fs::read_to_string(&file).expect("the file reads"), values);
            for object in documents(&text) {
                let answer = plane.apply(plane.admin(), &path_of(&workspace, &object).1, &object).await;
                if answer.code == 200 || answer.code == 201 {
                    let entry = (workspace.clone(), title(&object));
                    if !applied.objects.contains(&entry) {
                        applied.objects.push(entry);
                    }
                } else {
                    failed.push(format!("{}: {} {}", name_of(&file), answer.code, answer.message()));
                }
            }
        }
    }
}

fn title(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!("{}/{}", text(&object["kind"]), text(&object["metadata"]["name"]))
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("the folder reads").flatten().map(|entry| entry.path()).collect();
    all.sort();
    all
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
