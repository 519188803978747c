//! Platform Mesh on one machine: the command line of the all-in-one.

mod start; // the control plane alone, by the flags of kcp
mod up; // start, say what to type next, run until a signal

mod demo; // the story of a mesh, as a timeline
mod people; // tokens, kubeconfigs and roles of people

mod bootstrap; // a mesh out of a kcp that somebody else runs

mod colours; // for people at a terminal
mod failure; // one sentence, the next step, exit code 1
mod say; // standard output

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Objects come and go as many small JSON nodes, from several threads at once.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    Up(Box<up::Arguments>),
    /// The control plane alone, as `kcp start` runs it, flag for flag: for tests that start a kcp binary.
    Start(Box<start::Arguments>),
    /// Tell the story of a mesh in eleven steps, and check each outcome.
    Demo(demo::Arguments),
    /// Make a mesh of a kcp that somebody else runs.
    Bootstrap(bootstrap::Arguments),
    /// Log somebody in and print an ExecCredential, for kubectl.
    Token(people::TokenArguments),
    /// Print a kubeconfig with which somebody logs in.
    Kubeconfig(people::KubeconfigArguments),
    /// Give somebody a role on an account: USER owner|member WORKSPACE.
    Grant(people::RoleArguments),
    /// Take a role away: USER owner|member WORKSPACE.
    Revoke(people::RoleArguments),
    /// Print who has a role on an account.
    Members(people::MembersArguments),
}

impl Command {
    async fn run(self) -> anyhow::Result<()> {
        match self {
            Command::Up(arguments) => up::run(*arguments).await,
            Command::Start(arguments) => start::run(*arguments).await,
            Command::Demo(arguments) => demo::run(arguments).await,
            Command::Bootstrap(arguments) => bootstrap::run(arguments).await,
            Command::Token(arguments) => people::token(arguments).await,
            Command::Kubeconfig(arguments) => people::kubeconfig(arguments).await,
            Command::Grant(arguments) => people::grant(arguments).await,
            Command::Revoke(arguments) => people::revoke(arguments).await,
            Command::Members(arguments) => people::members(arguments).await,
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failure::print(&anyhow::Error::new(error)),
    };
    let done = runtime.block_on(arguments.command.run());
    // Blocking work that nobody waits for must not hold the exit.
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::print(&error),
    }
}
