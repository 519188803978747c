//! How long to wait before the next try.

use std::time::Duration;

use crate::Ids;

/// A sequence of delays that starts again after success.
pub trait Backoff: Send {
    /// The delay before the next try.
    fn next_delay(&mut self) -> Duration;
    /// Called after success: the next delay is the first one again.
    fn reset(&mut self);
}

/// Delays drawn between a tenth of and the whole of an exponentially growing bound.
#[derive(Clone, Debug)]
pub struct FullJitter {
    first: Duration,
    max: Duration,
    attempt: u32,
    ids: Ids,
}

impl FullJitter {
    /// Bounds of `first`, twice that, and so on, at most `max`.
    pub fn new(first: Duration, max: Duration, ids: Ids) -> Self {
        FullJitter { first, max, attempt: 0, ids }
    }
}

impl Backoff for FullJitter {
    fn next_delay(&mut self) -> Duration {
        let bound = self.first.saturating_mul(1 << self.attempt.min(20)).min(self.max);
        self.attempt = self.attempt.saturating_add(1);
        bound.mul_f64(0.1 + 0.9 * self.ids.fraction())
    }

    fn reset(&mut self) {
        self.attempt = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_the_bound_and_start_again_after_success() {
        let mut backoff =
            FullJitter::new(Duration::from_millis(200), Duration::from_secs(30), Ids::seeded(1));
        for attempt in 0..40 {
            let bound =
                Duration::from_millis(200).saturating_mul(1 << attempt.min(20)).min(Duration::from_secs(30));
            let delay = backoff.next_delay();
            assert!(delay <= bound && delay >= bound / 11, "attempt {attempt}: {delay:?}");
        }
        backoff.reset();
        assert!(backoff.next_delay() <= Duration::from_millis(200));
    }
}
