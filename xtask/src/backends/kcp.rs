//! kcp, from a tool module of ours: its go.mod replaces modules, so `go install` refuses it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use super::{Backend, Ready, Start, cache, free_ports};
use crate::process::workspace;

const PIN: &str = "github.com/kcp-dev/kcp/cmd/kcp@v0.31.2";
/// Batteries and switches that everything here is written for.
const FLAGS: [&str; 5] = [
    "--feature-gates=WorkspaceAuthentication=true",
    "--authorization-webhook-version=v1",
    "--authorization-webhook-cache-unauthorized-ttl=0s",
    "--bind-address=127.0.0.1",
    "--batteries-included=workspace-types,admin",
];

pub(super) const BACKEND: Backend = Backend { name: "kcp", pin: PIN, program, install, start };

/// The folder of the pinned version.
fn folder() -> PathBuf {
    cache().join(format!("kcp-{}", version()))
}

fn version() -> &'static str {
    PIN.split_once('@').map_or(PIN, |(_, version)| version)
}

fn program() -> PathBuf {
    folder().join("kcp")
}

fn install() -> Result<()> {
    let package = PIN.split_once('@').map_or(PIN, |(package, _)| package);
    let mut go = Command::new("go");
    // Everything is pinned by go.mod and go.sum; nothing may change them, and no workspace or flag of the user takes part.
    go.args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-o"]).arg(program()).arg(package);
    go.current_dir(workspace().join("xtask/backends/kcp"));
    go.env("CGO_ENABLED", "0").env("GOWORK", "off").env_remove("GOFLAGS");
    let status = go.status().context("run `go`: it is needed to build kcp")?;
    if !status.success() {
        bail!("`go build {package}` ended with {status}");
    }
    Ok(())
}

fn start(data: &Path) -> Result<Start> {
    let [https, client, peer] = free_ports()?;
    let mut command = Command::new(program());
    command.arg("start").args(FLAGS).arg("--root-directory").arg(data);
    command.arg(format!("--secure-port={https}"));
    command.arg(format!("--embedded-etcd-client-port={client}"));
    command.arg(format!("--embedded-etcd-peer-port={peer}"));
    // What it writes without being asked where stays with its data.
    command.current_dir(data);
    let kubeconfig = data.join("admin.kubeconfig").display().to_string();
    let addresses = vec![("https", format!("127.0.0.1:{https}")), ("kubeconfig", kubeconfig)];
    Ok(Start { command, addresses, ready: Ready::Https("/readyz"), companions: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pin_and_the_tool_module_agree() {
        let module = include_str!("../../backends/kcp/go.mod");
        assert!(module.contains(&format!("require github.com/kcp-dev/kcp {}\n", version())), "{module}");
        let sums = include_str!("../../backends/kcp/go.sum");
        assert!(sums.contains(&format!("github.com/kcp-dev/kcp {} h1:", version())));
    }
}
