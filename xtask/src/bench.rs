//! Measurements by built release targets of the scenarios.

use std::{process::ExitCode, time::Duration};

use anyhow::Result;

use crate::{
    process::{cargo, step},
    report::{Cell, Report},
};

/// Start to ready, memory, workspaces a second, beside kcp's figures; `words` go to the target.
pub fn start(words: &[&str]) -> Result<ExitCode> {
    let mut command = cargo();
    command.args(["bench", "--locked", "--package", "scenarios", "--bench", "start", "--"]).args(words);
    let (cell, took): (Cell, Duration) = step("bench start", &mut command);
    let mut report = Report::new("bench");
    report.row("start", cell, took);
    Ok(report.close())
}
