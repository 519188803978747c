//! Seeded schedules with faults; a finding prints the command that repeats it.

use std::process::ExitCode;

use anyhow::Result;

use crate::{
    process::cargo,
    table::{Table, json_option},
};

/// A simulation: its name, the package and the bench target (release profile, own `main`) that runs it.
const SIMULATIONS: [(&str, &str, &str); 2] =
    [("multicluster", "platform-mesh-multicluster", "simulate"), ("replica", "fga-client", "simulate")];

/// Runs one simulation; its remaining words go to the target.
pub fn run(name: &str, words: &[&str]) -> Result<ExitCode> {
    let Some((_, package, target)) = SIMULATIONS.iter().find(|(known, ..)| *known == name) else {
        let known: Vec<&str> = SIMULATIONS.iter().map(|(known, ..)| *known).collect();
        eprintln!("xtask: there is no simulation `{name}`; there are: {}", known.join(", "));
        return Ok(ExitCode::from(2));
    };
    let (rest, json_file) = json_option(words)?;
    let mut command = cargo();
    command.args(["bench", "--quiet", "--locked", "--package", package, "--bench", target, "--"]).args(&rest);
    let mut table = Table::new(format!("simulate {name}"));
    table.run(&mut command)?;
    table.close(json_file)
}
