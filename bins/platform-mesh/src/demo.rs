//! `platform-mesh demo`: the story of a mesh as a timeline.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use mesh::{DEMO_STEPS, DemoEvent, DemoSummary, Mesh, MeshOptions, Reach, demo};
use runtime::{LogFormat, Stop, init_logging};

use crate::{colours::Colours, say::say};

/// Flags of `demo`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Folder of a running mesh; one is started for the story unless given.
    #[arg(long)]
    mesh: Option<PathBuf>,
    /// The last step to tell.
    #[arg(long, default_value_t = DEMO_STEPS, value_parser = step)]
    until: usize,
    /// Leave the mesh running after the story, until Ctrl-C.
    #[arg(long, conflicts_with = "mesh")]
    keep: bool,
    /// A JSON object a line instead of a timeline.
    #[arg(long)]
    json: bool,
    /// Least level of the log: trace, debug, info, warn, error, or a filter.
    #[arg(long, default_value = "error")]
    log_level: String,
}

fn step(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(step) if (1..=DEMO_STEPS).contains(&step) => Ok(step),
        _ => Err(format!("`{text}` is no step: 1 to {DEMO_STEPS} are")),
    }
}

/// Tells the story; fails unless each outcome was checked.
pub async fn run(arguments: Arguments) -> Result<()> {
    init_logging(&arguments.log_level, LogFormat::Text)?;
    let stop = Stop::new();
    let tasks = runtime::Tasks::new();
    tasks.spawn("signals", runtime::End::MayEnd, stop.clone().on_signals());
    let summary = match &arguments.mesh {
        Some(folder) => {
            let reach = Reach::to(folder).await?;
            stop.or(tell(&arguments, &reach)).await.transpose()?
        }
        None => own(&arguments, &stop).await?,
    };
    match summary {
        Some(summary) if summary.is_ok() => Ok(()),
        Some(summary) => {
            bail!(
                "{} of {} steps went well; look at the failed one with --log-level info",
                summary.ok,
                summary.steps
            )
        }
        None => bail!("the story was stopped before its end"),
    }
}

/// A mesh for the story alone.
async fn own(arguments: &Arguments, stop: &Stop) -> Result<Option<DemoSummary>> {
    let folder = std::env::temp_dir().join(format!("platform-mesh-demo-{}", std::process::id()));
    let Some(mesh) = stop.or(Mesh::up(MeshOptions::new(&folder))).await else { return Ok(None) };
    let mesh = mesh?;
    let told = match Reach::to(&folder).await {
        Ok(reach) => stop.or(tell(arguments, &reach)).await.transpose(),
        Err(error) => Err(error.into()),
    };
    if arguments.keep && !stop.is_stopped() {
        say(&format!(
            "the mesh runs at {} until Ctrl-C; its files are in {}\n",
            mesh.url(),
            folder.display()
        ))?;
        mesh.run_until(stop.clone()).await?;
    } else {
        mesh.stop().await;
    }
    // Nothing in it is of use once the mesh has ended.
    let _ = tokio::fs::remove_dir_all(&folder).await;
    told
}

async fn tell(arguments: &Arguments, reach: &Reach) -> Result<DemoSummary> {
    let mut said = Ok(());
    let colours = Colours::of_stdout();
    let summary = demo(reach, arguments.until, |event| {
        let text = if arguments.json { json_line(&event) } else { Some(timeline(&event, colours)) };
        if let Some(text) = text
            && let Err(error) = say(&text)
        {
            said = Err(error);
        }
    })
    .await;
    said?;
    if arguments.json {
        let verdict = if summary.is_ok() { "ok" } else { "failed" };
        say(&format!("{{\"demo\":\"{verdict}\",\"steps\":{},\"ok\":{}}}\n", summary.steps, summary.ok))?;
    } else if summary.is_ok() {
        say(&format!("{} of {} steps, each outcome checked\n", summary.ok, summary.steps))?;
    }
    Ok(summary)
}

fn json_line(event: &DemoEvent) -> Option<String> {
    let DemoEvent::Ended(report) = event else { return None };
    serde_json::to_string(report).ok().map(|line| line + "\n")
}

fn timeline(event: &DemoEvent, colours: Colours) -> String {
    match event {
        DemoEvent::Began { step, title } => format!("{step:>2}  {}\n", colours.bold(title)),
        DemoEvent::Ended(report) => {
            let mut text = String::new();
            for object in &report.objects {
                text.push_str(&format!("      {}\n", colours.dim(object)));
            }
            let seconds = std::time::Duration::from_millis(report.ms).as_secs_f64();
            match &report.error {
                None => text.push_str(&format!("    {} {seconds:.3} s\n", colours.green("ok"))),
                Some(error) => {
                    text.push_str(&format!("    {} {seconds:.3} s  {error}\n", colours.red("failed")))
                }
            }
            text
        }
    }
}
