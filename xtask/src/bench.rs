//! Measurements by built release targets: tables of figures beside their references and aims.

use std::process::ExitCode;

use anyhow::Result;

use crate::{
    go_peer::{self, GoPeer},
    process::release_target,
    table::{Table, json_option},
};

/// A measurement: its name, and the bench target that takes it.
const BENCHES: [(&str, &str); 3] = [("fga", "fga"), ("multicluster", "fleet"), ("start", "start")];

/// Takes one measurement; its remaining words go to the target.
pub fn run(name: &str, words: &[&str]) -> Result<ExitCode> {
    let Some((_, target)) = BENCHES.iter().find(|(known, ..)| *known == name) else {
        let known: Vec<&str> = BENCHES.iter().map(|(known, ..)| *known).collect();
        eprintln!("xtask: there is no measurement `{name}`; there are: {}", known.join(", "));
        return Ok(ExitCode::from(2));
    };
    let (rest, json_file) = json_option(words)?;
    let mut table = Table::new(format!("bench {name}"));
    let mut command = release_target(target, &rest);
    if name == "multicluster" {
        match go_peer::build(name)? {
            GoPeer::Built(program) => command.env("MULTICLUSTER_GO_PEER", program),
            GoPeer::Missing(why) => command.env("MULTICLUSTER_GO_PEER_MISSING", why),
        };
    }
    table.run(&mut command)?;
    table.close(json_file)
}
