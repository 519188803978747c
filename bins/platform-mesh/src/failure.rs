//! How failures reach people: one sentence with the next step, exit code 1, no backtrace.

use std::process::ExitCode;

use kcp_embedded::options::OptionsError;
use mesh::{BootstrapError, MeshError};

/// Prints why the command failed and what to do next.
pub fn print(error: &anyhow::Error) -> ExitCode {
    let mut sentence = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        if !sentence.contains(&text) {
            if !sentence.is_empty() {
                sentence.push_str(": ");
            }
            sentence.push_str(&text);
        }
    }
    match help(error) {
        Some(next) => eprintln!("error: {sentence}; {next}"),
        None => eprintln!("error: {sentence}"),
    }
    ExitCode::FAILURE
}

fn help(error: &anyhow::Error) -> Option<String> {
    if let Some(error) = error.downcast_ref::<MeshError>() {
        return Some(error.help());
    }
    if error.downcast_ref::<BootstrapError>().is_some() {
        return Some("what was applied stands, so run it again once that is mended".to_owned());
    }
    error.downcast_ref::<OptionsError>().map(|error| error.help().to_owned())
}
