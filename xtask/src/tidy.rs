//! House rules that a compiler does not know: floors, files, banned crates, the list at the top.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{
    floors::floor,
    process::{cargo, workspace},
    report::Cell,
};

/// What may stand at the top of the repository; dot files and licences may always.
const TOP: [&str; 10] = [
    "Cargo.toml",
    "Cargo.lock",
    "crates",
    "bins",
    "docs",
    "xtask",
    "tests",
    "deny.toml",
    "rustfmt.toml",
    "README.md",
];

/// Crates that must not enter the tree: one TLS and one crypto provider in the whole process.
const BANNED: [&str; 3] = ["ring", "openssl-sys", "native-tls"];

/// Longest source file, in lines; a longer one has found its next module.
const LINES_MAX: usize = 600;

/// Prints the findings.
pub fn run() -> Result<ExitCode> {
    let found = findings()?;
    for line in &found {
        println!("{line}");
    }
    println!("tidy: {} findings", found.len());
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The findings as one cell.
pub fn cell(found: &[String]) -> Cell {
    if found.is_empty() { Cell::Ok } else { Cell::Red(format!("\n  {}", found.join("\n  "))) }
}

/// Every broken rule, a line each: where, what, and what to do.
pub fn findings() -> Result<Vec<String>> {
    let root = workspace();
    let mut found = Vec::new();
    top_level(&root, &mut found)?;
    let metadata = metadata()?;
    banned(&mut found)?;
    dependencies(&metadata, &mut found);
    for package in own_packages(&metadata) {
        let Some(folder) = manifest_folder(package) else { continue };
        files(&root, &folder, &mut found)?;
    }
    Ok(found)
}

fn top_level(root: &Path, found: &mut Vec<String>) -> Result<()> {
    for entry in std::fs::read_dir(root)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let known = name.starts_with('.') || name.starts_with("LICENSE") || name == "target";
        if !known && !TOP.contains(&name.as_str()) {
            found.push(format!(
                "{name}: does not belong at the top of the repository; move it below docs, crates or xtask"
            ));
        }
    }
    Ok(())
}

fn metadata() -> Result<Value> {
    let output = cargo().args(["metadata", "--format-version", "1", "--locked"]).output()?;
    anyhow::ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).context("cargo metadata is not JSON")
}

fn own_packages(metadata: &Value) -> impl Iterator<Item = &Value> {
    let members: BTreeSet<&str> =
        metadata["workspace_members"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(move |p| p["id"].as_str().is_some_and(|id| members.contains(id)))
}

fn manifest_folder(package: &Value) -> Option<PathBuf> {
    Some(Path::new(package["manifest_path"].as_str()?).parent()?.to_path_buf())
}

fn folder_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn dependencies(metadata: &Value, found: &mut Vec<String>) {
    for package in own_packages(metadata) {
        let Some(folder) = manifest_folder(package) else { continue };
        let own = folder_name(&folder);
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let Some(path) = dependency["path"].as_str() else { continue };
            let other = folder_name(Path::new(path));
            // A crate may ask for its own features in its tests.
            if own == other {
                continue;
            }
            match (floor(&own), floor(&other)) {
                (Some(upper), Some(lower)) if lower >= upper => found.push(format!(
                    "{own} (floor {upper}) depends on {other} (floor {lower}): arrows go down the floors only"
                )),
                (None, _) if own != "tests" => {
                    found.push(format!("{own}: on no floor of the house plan, and depends on {other}"));
                }
                _ => {}
            }
        }
    }
}

/// What is compiled, with the features that are on: the lock file and the metadata also list what nobody turns on.
fn banned(found: &mut Vec<String>) -> Result<()> {
    let tree = [
        "tree",
        "--locked",
        "--workspace",
        "--edges",
        "normal,build,dev",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ];
    let output = cargo().args(tree).output()?;
    anyhow::ensure!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let names: BTreeSet<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    for name in BANNED.iter().filter(|name| names.contains(*name)) {
        found.push(format!(
            "{name}: banned from the dependency tree; `cargo tree -i {name}` shows who brings it"
        ));
    }
    Ok(())
}

/// Every source file is declared by a `mod`, opens with a doc comment, and is short.
fn files(root: &Path, folder: &Path, found: &mut Vec<String>) -> Result<()> {
    if !folder.join("README.md").is_file() && folder.starts_with(root.join("crates")) {
        found.push(format!("{}: a crate has a README.md", shown(root, folder)));
    }
    let source = folder.join("src");
    let mut all = Vec::new();
    collect(&source, &mut all)?;
    let declared = declared_modules(&all)?;
    for file in &all {
        let text = std::fs::read_to_string(file)?;
        if !text.starts_with("//!") && !text.starts_with("// @generated") {
            found.push(format!("{}: opens without `//!`", shown(root, file)));
        }
        let lines = text.lines().count();
        if lines > LINES_MAX && !text.starts_with("// @generated") {
            found.push(format!("{}: {lines} lines; it has found its next module", shown(root, file)));
        }
        let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let is_root = file.parent().is_some_and(|p| p == source || p.ends_with("bin"))
            && ["lib", "main"].contains(&stem.as_str());
        if !is_root && !file.parent().is_some_and(|p| p.ends_with("bin")) && !declared.contains(&stem) {
            found.push(format!("{}: no `mod {stem}` names it", shown(root, file)));
        }
    }
    Ok(())
}

fn declared_modules(files: &[PathBuf]) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for file in files {
        for line in std::fs::read_to_string(file)?.lines() {
            let line = line.trim_start();
            let words = line.split("//").next().unwrap_or_default();
            if let Some((before, rest)) = words.split_once("mod ")
                && (before.is_empty() || before.starts_with("pub"))
            {
                names.insert(rest.trim_end().trim_end_matches(';').trim_end_matches('{').trim().to_owned());
            }
        }
    }
    Ok(names)
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, into)?;
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
    Ok(())
}

fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}
