//! Measurements by built release targets of the scenarios.

use std::{process::ExitCode, time::Duration};

use anyhow::Result;

use crate::{
    process::{cargo, step},
    report::{Cell, Report},
    table::{Table, json_option},
};

/// Memory, start, latency and throughput of a fleet of 10,000 clusters, beside kube-rs' Controller; `words` go to the target.
pub fn multicluster(words: &[&str]) -> Result<ExitCode> {
    let (rest, json_file) = json_option(words)?;
    let mut command = cargo();
    command.args(["bench", "--quiet", "--locked", "--package", "platform-mesh-multicluster", "--bench", "fleet", "--"]);
    let mut table = Table::new("bench multicluster");
    table.run(command.args(&rest))?;
    table.close(json_file)
}

/// Start to ready, memory, workspaces a second, beside kcp's figures; `words` go to the target.
pub fn start(words: &[&str]) -> Result<ExitCode> {
    let mut command = cargo();
    command.args(["bench", "--locked", "--package", "scenarios", "--bench", "start", "--"]).args(words);
    let (cell, took): (Cell, Duration) = step("bench start", &mut command);
    let mut report = Report::new("bench");
    report.row("start", cell, took);
    Ok(report.close())
}
