//! The time of day, injected: components never read the wall clock on their own.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use tokio::time::Instant;

/// Where a component gets the time of day from. Cheap to clone; clones agree.
///
/// For waiting, use `tokio::time`, which tests pause.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Tokio { start: Timestamp, origin: Instant },
    Manual(Arc<Mutex<Timestamp>>),
}

impl Default for Clock {
    fn default() -> Self {
        Clock::system()
    }
}

impl Clock {
    /// The clock of the machine.
    pub fn system() -> Self {
        Clock(Source::System)
    }

    /// Starts at `start` and follows tokio's time: under paused time, sleeping moves it, and a run repeats exactly.
    ///
    /// Must be made inside a tokio runtime when its time is paused.
    pub fn simulated(start: Timestamp) -> Self {
        Clock(Source::Tokio { start, origin: Instant::now() })
    }

    /// Stands at `start` until [`advance`](Clock::advance) is called.
    pub fn manual(start: Timestamp) -> Self {
        Clock(Source::Manual(Arc::new(Mutex::new(start))))
    }

    /// The time of day.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => Timestamp::now(),
            Source::Tokio { start, origin } => later(*start, origin.elapsed()),
            Source::Manual(now) => *now.lock(),
        }
    }

    /// The time of day in whole seconds, the precision of Kubernetes timestamps.
    pub fn now_seconds(&self) -> Timestamp {
        Timestamp::from_second(self.now().as_second()).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Moves a manual clock forward; any other clock moves by itself and ignores the call.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(now) = &self.0 {
            let mut now = now.lock();
            *now = later(*now, by);
        }
    }
}

fn later(start: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| start.checked_add(by).ok()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_simulated_clock_follows_paused_time() {
        let clock = Clock::simulated(Timestamp::UNIX_EPOCH);
        tokio::time::sleep(Duration::from_secs(90)).await;
        assert_eq!(clock.now_seconds().as_second(), 90);
    }

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let same = clock.clone();
        clock.advance(Duration::from_millis(1500));
        assert_eq!((same.now().as_millisecond(), same.now_seconds().as_second()), (1500, 1));
    }
}
