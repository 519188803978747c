//! What a reconcile asks of the queue.

use std::time::Duration;

/// What happens to the key next. A change always runs it again, whatever is asked for here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action(pub(crate) Next);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Change,
    After(Duration),
    Backoff,
}

impl Action {
    /// Nothing until a watched object changes.
    pub fn await_change() -> Self {
        Action(Next::Change)
    }

    /// Again after this long; earlier failures are forgotten.
    pub fn requeue(after: Duration) -> Self {
        Action(Next::After(after))
    }

    /// Again after the controller's backoff, which grows with each attempt.
    pub fn backoff() -> Self {
        Action(Next::Backoff)
    }

    /// The delay asked for, if one was.
    pub fn requeue_after(&self) -> Option<Duration> {
        match self.0 {
            Next::After(after) => Some(after),
            Next::Change | Next::Backoff => None,
        }
    }

    /// Whether the backoff was asked for.
    pub fn is_backoff(&self) -> bool {
        self.0 == Next::Backoff
    }
}
