//! The account-operator as a process: flags to options, signals to a stop, errors to one sentence and a next step.

use std::process::ExitCode;

use account_controller::{Options, serve};
use clap::Parser;
use runtime::{LogFormat, Stop, init_logging};

#[derive(Parser)]
#[command(name = "account-operator", version, about = "Turns Accounts into workspaces")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Runs the operator until SIGINT or SIGTERM.
    Operator(Box<Options>),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let Command::Operator(options) = arguments.command;
    let format = if options.no_json { LogFormat::Text } else { LogFormat::Json };
    let logging = init_logging(&options.log_level, format);
    if let Err(error) = logging {
        eprintln!("account-operator: {error}");
        return ExitCode::FAILURE;
    }
    let stop = Stop::new();
    let serving = async {
        let outcome = serve(*options, stop.clone()).await;
        stop.stop();
        outcome
    };
    let (outcome, signals) = tokio::join!(serving, stop.clone().on_signals());
    if let Err(error) = signals {
        eprintln!("account-operator: signals cannot be received: {error}");
        return ExitCode::FAILURE;
    }
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("account-operator: {error}");
            if let Some(help) = error.help() {
                eprintln!("  help: {help}");
            }
            ExitCode::FAILURE
        }
    }
}
