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
    #[arg(long, global = true, default_value = "text", value_parser = ["text", "json"])]
    logging_format: String,
    #[command(flatten)]
    buffering: Buffering,
    #[command(subcommand)]
    command: Command,
}

/// Flags of Kubernetes' component logging that change nothing here: lines are written at once, to standard error.
#[derive(clap::Args)]
#[command(next_help_heading = "Accepted for upstream's sake, without effect")]
struct Buffering {
    /// Verbosity of single source files, in Go's names.
    #[arg(long, global = true, value_name = "PATTERN=N,…")]
    vmodule: Option<String>,
    /// How often lines are flushed.
    #[arg(long, global = true, value_name = "DURATION", default_value = "5s")]
    log_flush_frequency: String,
    /// Bytes held back in JSON format.
    #[arg(long, global = true, value_name = "QUANTITY")]
    log_json_info_buffer_size: Option<String>,
    /// Errors apart from the rest in JSON format.
    #[arg(long, global = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    log_json_split_stream: Option<bool>,
    /// Bytes held back in text format.
    #[arg(long, global = true, value_name = "QUANTITY")]
    log_text_info_buffer_size: Option<String>,
    /// Errors apart from the rest in text format.
    #[arg(long, global = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    log_text_split_stream: Option<bool>,
}

impl Buffering {
    /// Those that somebody set to make a difference.
    fn without_effect(&self) -> Vec<&'static str> {
        let set = [
            ("--vmodule", self.vmodule.is_some()),
            ("--log-flush-frequency", self.log_flush_frequency != "5s"),
            ("--log-json-info-buffer-size", self.log_json_info_buffer_size.is_some()),
            ("--log-json-split-stream", self.log_json_split_stream == Some(true)),
            ("--log-text-info-buffer-size", self.log_text_info_buffer_size.is_some()),
            ("--log-text-split-stream", self.log_text_split_stream == Some(true)),
        ];
        set.into_iter().filter(|(_, set)| *set).map(|(flag, _)| flag).collect()
    }
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
    for flag in arguments.buffering.without_effect() {
        tracing::warn!(flag, "flag has no effect: lines are written at once, to standard error");
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
