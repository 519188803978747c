//! Platform Mesh on one machine: the command line of the all-in-one.

mod failure; // one sentence, the next step, exit code 1
mod up; // start, say what to type next, run until a signal

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Platform Mesh on one machine: the whole mesh, or a bare kcp, as one program.
#[derive(Debug, Parser)]
#[command(name = "platform-mesh", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start and run until Ctrl-C.
    Up(up::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failure::print(&anyhow::Error::new(error)),
    };
    let done = runtime.block_on(async {
        match arguments.command {
            Command::Up(arguments) => up::run(arguments).await,
        }
    });
    // Blocking work that nobody waits for must not hold the exit.
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::print(&error),
    }
}
