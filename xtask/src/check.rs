//! All of CI, in the order in which a mistake shows soonest.

use std::{
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::{
    peers,
    process::{cargo, step, workspace},
    report::{Cell, Report},
    tidy,
};

/// How much of CI runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Form and lints only.
    Fast,
    /// Everything.
    Full,
}

/// Runs CI and prints a line for each step.
pub fn run(depth: Depth) -> Result<ExitCode> {
    let mut report = Report::new("check");
    add(&mut report, "fmt", cargo().args(["fmt", "--all", "--check"]));
    let start = Instant::now();
    println!("\n== tidy");
    let found = tidy::findings()?;
    report.row("tidy", tidy::cell(&found), start.elapsed());
    let mut clippy = cargo();
    clippy.args(["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"]);
    add(&mut report, "clippy", &mut clippy);
    if depth == Depth::Full && !report.is_red() {
        full(&mut report);
    }
    Ok(report.close())
}

fn full(report: &mut Report) {
    let mut tests = cargo();
    tests.args(["test", "--locked", "--workspace"]).env("PATH", path_with_peers());
    add(report, "tests", &mut tests);
    let mut docs = cargo();
    docs.args(["doc", "--locked", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
    add(report, "docs", &mut docs);
    match peers::find("cargo-deny") {
        Some(deny) => {
            let mut command = Command::new(deny);
            command.current_dir(workspace());
            command.args(["--offline", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"]);
            add(report, "deny", &mut command);
        }
        None => {
            let why = "cargo-deny is not installed: cargo xtask peers install";
            report.row("deny", Cell::NotApplicable(why.into()), Duration::ZERO);
        }
    }
}

fn add(report: &mut Report, title: &str, command: &mut Command) {
    let (cell, took) = step(title, command);
    report.row(title, cell, took);
}

/// Tests find the pinned helpers before those of the machine.
fn path_with_peers() -> std::ffi::OsString {
    let old = std::env::var_os("PATH").unwrap_or_default();
    let all = peers::program_folders().chain(std::env::split_paths(&old));
    std::env::join_paths(all).unwrap_or(old)
}
