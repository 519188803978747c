//! Measurements by built release targets: tables of figures beside their references and aims.

use std::process::ExitCode;

use anyhow::Result;

use crate::{
    process::cargo,
    table::{Table, json_option},
};

/// A measurement: its name, and the package and bench target (release profile, own `main`) that takes it.
const BENCHES: [(&str, &str, &str); 3] = [
    ("fga", "fga-client", "fga"),
    ("multicluster", "platform-mesh-multicluster", "fleet"),
    ("start", "scenarios", "start"),
];

/// Takes one measurement; its remaining words go to the target.
pub fn run(name: &str, words: &[&str]) -> Result<ExitCode> {
    let Some((_, package, target)) = BENCHES.iter().find(|(known, ..)| *known == name) else {
        let known: Vec<&str> = BENCHES.iter().map(|(known, ..)| *known).collect();
        eprintln!("xtask: there is no measurement `{name}`; there are: {}", known.join(", "));
        return Ok(ExitCode::from(2));
    };
    let (rest, json_file) = json_option(words)?;
    let mut command = cargo();
    command.args(["bench", "--quiet", "--locked", "--package", package, "--bench", target, "--"]).args(&rest);
    let mut table = Table::new(format!("bench {name}"));
    table.run(&mut command)?;
    table.close(json_file)
}
