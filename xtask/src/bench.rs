//! Measurements by built release targets: tables of figures beside their references and aims.

use std::process::ExitCode;

use anyhow::Result;

use crate::{
    backends,
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
    let (mut rest, json_file) = json_option(words)?;
    if name == "fga" {
        name_servers(&mut rest);
    }
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

/// Names the servers of OpenFGA that run here, where the command line names none.
fn name_servers(words: &mut Vec<String>) {
    for (option, backend) in [("--openfga", "openfga"), ("--openfga-postgres", "openfga-postgres")] {
        if words.iter().any(|word| word == option) {
            continue;
        }
        if let Some(address) = backends::address(backend, "grpc") {
            words.extend([option.to_owned(), address]);
        }
    }
}
