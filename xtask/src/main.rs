//! The developer's entry: `cargo xtask VERB`. Depends on no crate of the house; its verbs run built targets.

mod backends; // real servers: install, start, end
mod bench; // measurements beside kcp's figures
mod bless; // golden files that hold what our own code says
mod check; // all of CI
mod codegen; // files that are generated and committed
mod conformance; // suites of data
mod floors; // which crate stands on which floor
mod go_peer; // peers in Go, for measurements
mod peers; // pinned helpers for tests
mod process; // running a command and saying what it said
mod prove; // a test for each guarantee, and a break that it notices
mod report; // words of a cell, the closing line, exit codes
mod simulate; // seeded schedules
mod table; // cells that a built target reports
mod tidy; // house rules that a compiler does not know

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask VERB

  check [--fast]     all of CI: fmt, tidy, clippy, tests, doc tests, docs, deny (--fast: fmt, tidy, clippy)
  codegen [--check]  write generated files (--check: compare only)
  bless [PACKAGE]    rewrite golden files of tests, of all packages or one
  tidy               house rules: floors, files, banned crates, the list at the top
  peers install      pinned helpers for tests (kubectl, fga, cargo-deny, openfga-sdk) into target/peers
  peers status       which of them are there
  backends VERB      install, up, down, status of real servers (all, or: kcp, openfga, openfga-postgres)
  bench NAME         figures beside their references and aims: `fga` beside OpenFGA, `multicluster` beside kube-rs
                     and Go's multicluster-runtime (--only fleet|kube-rs|go), `start` beside kcp
  conformance NAME   suites of data; --json FILE, and what the suite offers
  simulate NAME      seeded schedules: --seeds N, --first-seed F, --seed S
  prove NAME         breaks each guarantee in a copy and demands that its test fails; --only F07

Exit code 0: all green; 1: something is red; 2: data or a tool is missing.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["check"] => check::run(check::Depth::Full),
        ["check", "--fast"] => check::run(check::Depth::Fast),
        ["codegen"] => codegen::run(codegen::Mode::Write),
        ["codegen", "--check"] => codegen::run(codegen::Mode::Check),
        ["bless"] => bless::run(None),
        ["bless", package] => bless::run(Some(package)),
        ["tidy"] => tidy::run(),
        ["peers", "install"] => peers::install(),
        ["peers", "status"] => peers::status(),
        ["backends", "install", names @ ..] => backends::install(names),
        ["backends", "up", names @ ..] => backends::up(names),
        ["backends", "down", names @ ..] => backends::down(names),
        ["backends", "status", names @ ..] => backends::status(names),
        ["bench", name, rest @ ..] => bench::run(name, rest),
        ["conformance", name, rest @ ..] => conformance::run(name, rest),
        ["simulate", name, rest @ ..] => simulate::run(name, rest),
        ["prove", name, rest @ ..] => prove::run(name, rest),
        [] | ["help" | "--help" | "-h"] => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        other => {
            eprintln!("xtask: `{}` is no verb of this workspace\n\n{HELP}", other.join(" "));
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::from(2)
        }
    }
}
