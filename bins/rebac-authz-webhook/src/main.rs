//! The rebac-authz-webhook as a process: flags to options, signals to a stop, errors to one sentence and a next step.

use std::process::ExitCode;

use clap::Parser;
use rebac_authorizer::{Options, serve};
use runtime::{LogFormat, Stop, init_logging};

#[derive(Parser)]
#[command(name = "rebac-authz-webhook", version, about = "Authorization by relationships for kcp")]
struct Arguments {
    /// Verbosity: 0 to 3 inform, 4 and above debug.
    #[arg(short = 'v', long = "v", global = true, default_value_t = 0)]
    verbosity: u8,
    /// `text` or `json`.
    #[arg(long, global = true, default_value = "text")]
    logging_format: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Serves the authorization endpoint until SIGINT or SIGTERM.
    Serve(Box<Options>),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let Command::Serve(options) = arguments.command;
    let level = if arguments.verbosity >= 4 { "debug" } else { "info" };
    let format = if arguments.logging_format == "json" { LogFormat::Json } else { LogFormat::Text };
    let logging = init_logging(level, format);
    if let Err(error) = logging {
        eprintln!("rebac-authz-webhook: {error}");
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
        eprintln!("rebac-authz-webhook: signals cannot be received: {error}");
        return ExitCode::FAILURE;
    }
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rebac-authz-webhook: {error}\n  help: {}", error.help());
            ExitCode::FAILURE
        }
    }
}
