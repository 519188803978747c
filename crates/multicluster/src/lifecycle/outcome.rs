//! What a subroutine says about its run.

use std::time::Duration;

/// A delay that is not zero: what is pending must be looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct After(Duration);

impl After {
    /// This long; none for zero.
    pub fn new(delay: Duration) -> Option<Self> {
        (!delay.is_zero()).then_some(After(delay))
    }

    /// This many seconds, at least one.
    pub const fn seconds(seconds: u32) -> Self {
        After(Duration::from_secs(if seconds == 0 { 1 } else { seconds as u64 }))
    }

    /// This many milliseconds, at least one.
    pub const fn millis(millis: u32) -> Self {
        After(Duration::from_millis(if millis == 0 { 1 } else { millis as u64 }))
    }

    /// The delay.
    pub fn duration(self) -> Duration {
        self.0
    }
}

impl From<Duration> for After {
    /// A zero delay becomes a millisecond.
    fn from(delay: Duration) -> Self {
        After(delay.max(Duration::from_millis(1)))
    }
}

/// The result of a subroutine that did not fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done; the next subroutine follows.
    Continue {
        /// Run the object again after this long. In `finalize`, it keeps the finalizer.
        requeue: Option<Duration>,
    },
    /// Waits for something; the next subroutine follows, the object runs again, `Ready` is unknown.
    Pending {
        /// When to look again.
        after: After,
        /// What it waits for.
        why: String,
    },
    /// Ends the pass; `Ready` is false.
    Stop {
        /// When to look again; none: at the next change.
        after: Option<Duration>,
        /// Why.
        why: String,
    },
    /// Ends the pass; the subroutines behind it count as skipped.
    SkipRest {
        /// Whether the object counts as ready.
        ready: bool,
        /// Why.
        why: String,
    },
    /// Nothing to do here; the next subroutine follows.
    Skipped {
        /// Why.
        why: String,
    },
}

impl Outcome {
    /// Done.
    pub fn ok() -> Self {
        Outcome::Continue { requeue: None }
    }

    /// Done, and run the object again after this long.
    pub fn ok_after(requeue: Duration) -> Self {
        Outcome::Continue { requeue: Some(requeue) }
    }

    /// Waits for something.
    pub fn pending(after: impl Into<After>, why: impl Into<String>) -> Self {
        Outcome::Pending { after: after.into(), why: why.into() }
    }

    /// Ends the pass until the next change.
    pub fn stop(why: impl Into<String>) -> Self {
        Outcome::Stop { after: None, why: why.into() }
    }

    /// Ends the pass; the object runs again after this long.
    pub fn stop_for(after: Duration, why: impl Into<String>) -> Self {
        Outcome::Stop { after: Some(after), why: why.into() }
    }

    /// Ends the pass; the subroutines behind count as skipped.
    pub fn skip_rest(ready: bool, why: impl Into<String>) -> Self {
        Outcome::SkipRest { ready, why: why.into() }
    }

    /// Nothing to do.
    pub fn skipped(why: impl Into<String>) -> Self {
        Outcome::Skipped { why: why.into() }
    }

    /// The delay asked for, if it is positive.
    pub fn requeue(&self) -> Option<Duration> {
        let asked = match self {
            Outcome::Continue { requeue } => *requeue,
            Outcome::Pending { after, .. } => Some(after.0),
            Outcome::Stop { after, .. } => *after,
            Outcome::SkipRest { .. } | Outcome::Skipped { .. } => None,
        };
        asked.filter(|delay| !delay.is_zero())
    }

    /// The metric label: ok, pending or stop.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Outcome::Continue { .. } | Outcome::Skipped { .. } | Outcome::SkipRest { .. } => "ok",
            Outcome::Pending { .. } => "pending",
            Outcome::Stop { .. } => "stop",
        }
    }
}
