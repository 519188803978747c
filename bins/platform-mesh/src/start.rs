//! `platform-mesh start`: the control plane alone by the flags of `kcp start`, for tests that start a kcp binary.

use std::{path::PathBuf, time::Instant};

use anyhow::Result;
use clap::Args;
use kcp_embedded::{Options, options::Flags};
use mesh::{Bare, BareOptions};
use runtime::{LogFormat, Stop, init_logging};

use crate::say::say;

/// Flags of `start`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    kcp: Flags,
    /// Verbosity of the log: 0 warns, 2 informs, 4 debugs.
    #[arg(short = 'v', long = "v", default_value_t = 0)]
    verbosity: u8,
}

/// Runs until SIGINT or SIGTERM.
pub async fn run(arguments: Arguments) -> Result<()> {
    let started = Instant::now();
    let level = match arguments.verbosity {
        0 | 1 => "warn",
        2 | 3 => "info",
        _ => "debug",
    };
    init_logging(level, LogFormat::Text)?;
    let stop = Stop::new();
    let tasks = runtime::Tasks::new();
    tasks.spawn("signals", runtime::End::MayEnd, stop.clone().on_signals());
    let folder: PathBuf = arguments.kcp.root_directory.clone();
    let options = BareOptions { folder: folder.clone(), kcp: Options::try_from(arguments.kcp)?, seed: None };
    let Some(bare) = stop.or(Bare::up(options)).await else { return Ok(()) };
    let bare = bare?;
    let (url, seconds) = (bare.server().url().to_owned(), started.elapsed().as_secs_f64());
    say(&format!("ready in {seconds:.3} s  {url}  {}\n", folder.display()))?;
    Ok(bare.run_until(stop).await?)
}
