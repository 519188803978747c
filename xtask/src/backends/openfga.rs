//! OpenFGA, from its Go module. What else its environment says (`OPENFGA_…`) is passed on.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use super::{Backend, Ready, Start, cache, free_ports};

pub(super) const PIN: &str = include_str!("../../backends/openfga.pin").trim_ascii_end();

pub(super) const BACKEND: Backend = Backend { name: "openfga", pin: PIN, program, install, start };

/// The folder of the pinned version.
fn folder() -> PathBuf {
    let version = PIN.rsplit('@').next().unwrap_or_default();
    cache().join(format!("openfga-{version}"))
}

pub(super) fn program() -> PathBuf {
    folder().join("openfga")
}

pub(super) fn install() -> Result<()> {
    let mut go = Command::new("go");
    go.args(["install", PIN]).env("GOBIN", folder()).env("CGO_ENABLED", "0");
    let status = go.status().context("run `go`: it is needed to build OpenFGA")?;
    if !status.success() {
        bail!("`go install {PIN}` ended with {status}");
    }
    Ok(())
}

fn start(_: &Path) -> Result<Start> {
    served(&["--datastore-engine", "memory"], Ready::Http("/healthz"))
}

/// OpenFGA on free ports, with these flags of its datastore.
pub(super) fn served(datastore: &[&str], ready: Ready) -> Result<Start> {
    let [http, grpc] = free_ports()?;
    let (http, grpc) = (format!("127.0.0.1:{http}"), format!("127.0.0.1:{grpc}"));
    let mut command = Command::new(program());
    command.arg("run").args(datastore).args(["--http-addr", &http, "--grpc-addr", &grpc]);
    command.args(["--playground-enabled=false", "--metrics-enabled=false"]);
    Ok(Start { command, addresses: vec![("http", http), ("grpc", grpc)], ready, companions: Vec::new() })
}
