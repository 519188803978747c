//! The story of a mesh in eleven steps, told over its public addresses only: the acceptance test of the whole.
//!
//! Each step checks what it did; a step that fails ends the story.

mod bucket; // the provider: its kind, its controller
mod calls; // requests of a person, with their answers as they came
mod steps; // the eleven steps

use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use crate::Reach;
use steps::{STEPS, Story};

/// Longest time that one step may take.
const STEP_TIME: Duration = Duration::from_secs(60);

/// What happens while the story is told.
#[derive(Clone, Debug)]
pub enum DemoEvent {
    /// A step begins.
    Began {
        /// Its number, from 1.
        step: usize,
        /// What it is about.
        title: &'static str,
    },
    /// A step ended.
    Ended(StepReport),
}

/// How a step ended.
#[derive(Clone, Debug, Serialize)]
pub struct StepReport {
    /// Its number, from 1.
    pub step: usize,
    /// Its short name.
    pub id: &'static str,
    /// Whether each of its outcomes was checked and found as it should be.
    pub ok: bool,
    /// How long it took, in milliseconds.
    pub ms: u64,
    /// What it made, saw or took away.
    pub objects: Vec<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How the story ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DemoSummary {
    /// Steps of the story that were asked for.
    pub steps: usize,
    /// Steps that went well.
    pub ok: usize,
}

impl DemoSummary {
    /// Whether every step that was asked for went well.
    pub fn is_ok(self) -> bool {
        self.steps == self.ok
    }
}

/// Number of steps of the whole story.
pub const DEMO_STEPS: usize = STEPS.len();

/// Why a step failed, in words.
type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Tells the story up to step `until`; `told` hears of each step as it begins and ends.
///
/// # Cancellation
/// What the steps made stays; the controller of the story's provider ends.
pub async fn demo(reach: &Reach, until: usize, mut told: impl FnMut(DemoEvent)) -> DemoSummary {
    let mut summary = DemoSummary { steps: until.min(DEMO_STEPS), ok: 0 };
    let mut story = Story::new(reach);
    for (index, step) in STEPS.iter().enumerate().take(summary.steps) {
        let number = index + 1;
        told(DemoEvent::Began { step: number, title: step.title });
        let begin = Instant::now();
        let ended = tokio::time::timeout(STEP_TIME, (step.tell)(&mut story)).await;
        let error = match ended {
            Ok(Ok(())) => None,
            Ok(Err(fault)) => Some(sentence(fault.as_ref())),
            Err(_) => Some(format!("not done in {} s{}", STEP_TIME.as_secs(), story.waiting())),
        };
        let report = StepReport {
            step: number,
            id: step.id,
            ok: error.is_none(),
            ms: u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX),
            objects: story.take_objects(),
            error,
        };
        let failed = !report.ok;
        told(DemoEvent::Ended(report));
        if failed {
            break;
        }
        summary.ok += 1;
    }
    story.end().await;
    summary
}

/// An error with its causes.
fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}
