//! Files that are generated and committed: a built target prints them, we write or compare them.
//!
//! The target prints a line `::file {"path": …, "text": …}` for each file below the package's folder `generated/`.

use std::{
    collections::BTreeMap,
    path::{Component, Path},
    process::{ExitCode, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::{
    process::{cargo, workspace},
    report::{Cell, Report},
};

const MARK: &str = "::file ";
/// What the first line of every generated file names.
const VERB: &str = "cargo xtask codegen";

/// Package, its folder, and the example that prints its files.
const GENERATORS: [(&str, &str, &str); 2] = [
    ("kcp-api", "crates/kcp-api", "kcp_manifests"),
    ("platform-mesh-api", "crates/platform-mesh-api", "platform_mesh_manifests"),
];

/// Whether files are written or only compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Write what differs, delete what is no longer generated.
    Write,
    /// Change nothing; what differs is red.
    Check,
}

/// Runs every generator.
pub fn run(mode: Mode) -> Result<ExitCode> {
    let mut report = Report::new("codegen");
    for (package, folder, example) in GENERATORS {
        let start = Instant::now();
        let wanted = generated(package, example)?;
        let changes = differences(&workspace().join(folder).join("generated"), &wanted, mode)?;
        let cell = match (mode, changes.is_empty()) {
            (_, true) => Cell::Ok,
            (Mode::Check, false) => Cell::Red(format!("run `{VERB}`\n  {}", changes.join("\n  "))),
            (Mode::Write, false) => {
                changes.iter().for_each(|change| println!("{folder}/generated/{change}"));
                Cell::Ok
            }
        };
        report.row(format!("{package}: {} files", wanted.len()), cell, start.elapsed());
    }
    Ok(report.close())
}

fn generated(package: &str, example: &str) -> Result<BTreeMap<String, String>> {
    let mut command = cargo();
    // Of the whole workspace: the tests have built it with the same features.
    command.args(["run", "--quiet", "--locked", "--example", example]);
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("run {example}"))?;
    ensure!(output.status.success(), "example {example} of {package} ended with {}", output.status);
    let mut files = BTreeMap::new();
    for line in String::from_utf8(output.stdout).context("a target prints UTF-8")?.lines() {
        let Some(file) = line.strip_prefix(MARK) else { continue };
        let file: Value = serde_json::from_str(file).with_context(|| format!("a line of {example}"))?;
        let (Some(path), Some(text)) = (file["path"].as_str(), file["text"].as_str()) else {
            bail!("{example}: a file has `path` and `text`: {file}");
        };
        let plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        ensure!(plain, "{example}: `{path}` does not stay below `generated/`");
        ensure!(text.lines().next().is_some_and(|line| line.contains(VERB)), "{path}: line 1 names no verb");
        files.insert(path.to_owned(), text.to_owned());
    }
    ensure!(!files.is_empty(), "example {example} of {package} printed no file");
    Ok(files)
}

/// What differs between a folder and the wanted files, in words; in mode `Write` it is mended as well.
fn differences(folder: &Path, wanted: &BTreeMap<String, String>, mode: Mode) -> Result<Vec<String>> {
    let mut found = Vec::new();
    if folder.is_dir() {
        collect(folder, folder, &mut found)?;
    }
    let mut changes = Vec::new();
    for path in found.iter().filter(|path| !wanted.contains_key(*path)) {
        changes.push(format!("{path}: no longer generated"));
        if mode == Mode::Write {
            std::fs::remove_file(folder.join(path)).with_context(|| format!("delete {path}"))?;
        }
    }
    for (path, text) in wanted {
        let file = folder.join(path);
        let what = match std::fs::read_to_string(&file) {
            Ok(held) if held == *text => continue,
            Ok(_) => "differs",
            Err(_) => "is missing",
        };
        changes.push(format!("{path}: {what}"));
        if mode == Mode::Write {
            if let Some(parent) = file.parent() {
                std::fs::create_dir_all(parent).with_context(|| format!("make {}", parent.display()))?;
            }
            std::fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
        }
    }
    Ok(changes)
}

fn collect(root: &Path, folder: &Path, into: &mut Vec<String>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, into)?;
        } else if let Ok(below) = path.strip_prefix(root) {
            into.push(below.to_string_lossy().into_owned());
        }
    }
    Ok(())
}
