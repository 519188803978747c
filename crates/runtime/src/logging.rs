//! Text or JSON logs on standard error.

use std::{io::IsTerminal as _, str::FromStr};

use tracing_subscriber::EnvFilter;

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = LoggingError;

    fn from_str(text: &str) -> Result<Self, LoggingError> {
        match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            other => Err(LoggingError::Format(other.to_owned())),
        }
    }
}

/// Why logging was not set up.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// Neither text nor json.
    #[error("log format `{0}` is not known, use `text` or `json`")]
    Format(String),
    /// The level or filter does not parse.
    #[error("log level `{level}` is not valid: {why}")]
    Level {
        /// The input.
        level: String,
        /// The parser's words.
        why: String,
    },
    /// Somebody set up logging before.
    #[error("logging is set up already")]
    Twice,
}

/// Sets up the process's log once. `level` is a level or a filter such as `info,multicluster=debug`; `RUST_LOG` wins where it is set.
pub fn init_logging(level: &str, format: LogFormat) -> Result<(), LoggingError> {
    let text = std::env::var("RUST_LOG")
        .ok()
        .filter(|filter| !filter.is_empty())
        .unwrap_or_else(|| level.to_owned());
    let filter =
        EnvFilter::try_new(&text).map_err(|why| LoggingError::Level { level: text, why: why.to_string() })?;
    // Colours are for people at a terminal, not for files and journals; see no-color.org.
    let colours =
        std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty());
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr);
    let set = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    set.map_err(|_| LoggingError::Twice)
}
