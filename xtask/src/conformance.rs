//! Suites of data against what we built. Counts come from the data; without data the exit code is 2.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Result;

use crate::{
    process::{release_target, workspace},
    table::{Table, json_option},
};

/// A suite and the target that runs it.
struct Suite {
    name: &'static str,
    /// The bench target.
    target: &'static str,
    data: Data,
}

/// The folder that a suite reads: a variable, the part below it, and where it lies beside the project.
struct Data {
    variable: &'static str,
    below: &'static str,
    beside: &'static str,
}

const FIXTURES: Data = Data { variable: "MESH_FIXTURES", below: "kcp-crds", beside: "../shared/fixtures" };
const CONFORMANCE: Data =
    Data { variable: "MESH_CONFORMANCE", below: "fga", beside: "../shared/conformance" };

const SUITES: [Suite; 2] = [
    Suite { name: "api", target: "conformance_api", data: FIXTURES },
    Suite { name: "fga", target: "conformance", data: CONFORMANCE },
];

/// Runs one suite; its remaining words go to the target.
pub fn run(name: &str, words: &[&str]) -> Result<ExitCode> {
    let Some(suite) = SUITES.iter().find(|suite| suite.name == name) else {
        let known: Vec<&str> = SUITES.iter().map(|suite| suite.name).collect();
        eprintln!("xtask: conformance knows no suite `{name}`; there are: {}", known.join(", "));
        return Ok(ExitCode::from(2));
    };
    let folder = suite.data.folder();
    if !folder.join(suite.data.below).is_dir() {
        eprintln!(
            "xtask: no data for `conformance {name}`: {} is no folder; set {} to the one that holds `{}`",
            folder.join(suite.data.below).display(),
            suite.data.variable,
            suite.data.below
        );
        return Ok(ExitCode::from(2));
    }
    let (rest, json_file) = json_option(words)?;
    let mut command = release_target(suite.target, &rest);
    command.env(suite.data.variable, &folder);
    let mut table = Table::new(format!("conformance {name}"));
    table.run(&mut command)?;
    table.close(json_file)
}

impl Data {
    fn folder(&self) -> PathBuf {
        let found = std::env::var_os(self.variable).map(PathBuf::from);
        let folder = found.unwrap_or_else(|| workspace().join(self.beside));
        std::path::absolute(&folder).unwrap_or_else(|_| Path::new(self.beside).to_path_buf())
    }
}
