//! Peers in Go: modules of ours below `xtask/peers`, built when a measurement asks for them, and missing where Go is.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result};

use crate::{peers, process::workspace};

/// A program to measure beside ours.
#[derive(Debug)]
pub enum GoPeer {
    /// Where it lies.
    Built(PathBuf),
    /// Why there is none.
    Missing(String),
}

/// Builds a module; Go's own cache makes that short when nothing changed.
pub fn build(name: &str) -> Result<GoPeer> {
    let folder = std::path::absolute(peers::folder())?.join(name);
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let program = folder.join(name);
    let mut go = Command::new("go");
    // Everything is pinned by go.mod and go.sum; nothing may change them, and no workspace or flag of the user takes part.
    go.args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-o"]).arg(&program).arg(".");
    go.current_dir(workspace().join("xtask/peers").join(name));
    go.env("CGO_ENABLED", "0").env("GOWORK", "off").env_remove("GOFLAGS");
    println!("== build xtask/peers/{name}");
    Ok(match go.status() {
        Ok(status) if status.success() => GoPeer::Built(program),
        Ok(status) => GoPeer::Missing(format!("`go build` ended with {status}")),
        Err(_) => GoPeer::Missing("Go is not installed".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    /// The sums are those of the versions that the module names, so that a build fetches what was measured.
    #[test]
    fn the_peer_and_its_sums_agree() {
        let module = include_str!("../peers/multicluster/go.mod");
        let sums = include_str!("../peers/multicluster/go.sum");
        for pin in
            ["sigs.k8s.io/multicluster-runtime v0.23.3", "github.com/kcp-dev/multicluster-provider v0.7.1"]
        {
            assert!(module.contains(&format!("\t{pin}\n")), "{pin} is not in {module}");
            assert!(sums.contains(&format!("{pin} h1:")), "{pin} has no sum");
        }
    }
}
