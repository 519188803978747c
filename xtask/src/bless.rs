//! Golden files that hold what our own code says: a test compares them, and rewrites them where `MESH_BLESS` is set.
//!
//! Files that were recorded from another program (`crates/apiserver/tests/golden`) are not among them: they say what that
//! program does, and nothing of ours may change them.

use std::process::ExitCode;

use anyhow::Result;

use crate::{
    process::{cargo, step, workspace},
    report::{Cell, Report},
};

/// The variable that makes a test write its golden file instead of comparing it.
const VARIABLE: &str = "MESH_BLESS";

/// Package, test target, and the folder with its golden files.
const GOLDEN: [(&str, &str, &str); 2] = [
    ("platform-mesh-oidc-config", "golden", "crates/oidc-config/tests/golden"),
    ("scenarios", "walk", "tests/tests/golden"),
];

/// Rewrites the golden files of all tests, or of one package; what changed shows in `git diff`.
pub fn run(only: Option<&str>) -> Result<ExitCode> {
    let chosen: Vec<_> =
        GOLDEN.iter().filter(|(package, ..)| only.is_none_or(|only| only == *package)).collect();
    if chosen.is_empty() {
        let known: Vec<&str> = GOLDEN.iter().map(|(package, ..)| *package).collect();
        eprintln!("xtask: no golden files to bless there; packages that have some: {}", known.join(", "));
        return Ok(ExitCode::from(2));
    }
    let mut report = Report::new("bless");
    for (package, target, folder) in chosen {
        let mut command = cargo();
        command.args(["test", "--locked", "--workspace", "--test", target]).env(VARIABLE, "1");
        let (cell, took) = step(&format!("{package}: {target}"), &mut command);
        let cell = match cell {
            Cell::Ok if !workspace().join(folder).is_dir() => Cell::Red(format!("{folder} is no folder")),
            other => other,
        };
        report.row(format!("{package} → {folder}"), cell, took);
    }
    Ok(report.close())
}
