//! Seeded schedules with faults; a finding prints the command that repeats it.

use std::process::ExitCode;

use anyhow::Result;

use crate::{
    process::release_target,
    table::{Table, json_option},
};

/// A simulation: its name, and the bench target that runs it.
const SIMULATIONS: [(&str, &str); 2] =
    [("multicluster", "simulate_multicluster"), ("replica", "simulate_replica")];

/// Runs one simulation; its remaining words go to the target.
pub fn run(name: &str, words: &[&str]) -> Result<ExitCode> {
    let Some((_, target)) = SIMULATIONS.iter().find(|(known, ..)| *known == name) else {
        let known: Vec<&str> = SIMULATIONS.iter().map(|(known, ..)| *known).collect();
        eprintln!("xtask: there is no simulation `{name}`; there are: {}", known.join(", "));
        return Ok(ExitCode::from(2));
    };
    let (rest, json_file) = json_option(words)?;
    let mut table = Table::new(format!("simulate {name}"));
    table.run(&mut release_target(target, &rest))?;
    table.close(json_file)
}
