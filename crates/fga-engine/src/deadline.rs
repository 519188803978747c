//! When a question has to end: by the clock, beside the budget of visits.

use std::{cell::Cell, time::Duration};

use jiff::{SignedDuration, Timestamp};
use runtime::Clock;

/// Work between two looks at the clock, in visits of an (object, relation) pair.
const WORK_BETWEEN_LOOKS: u32 = 1_024;

/// What an evaluated condition counts as, in visits.
pub(crate) const CONDITION_WORK: u32 = 32;

/// The time that one question has. It runs from the first look at the clock, which a small question never takes.
pub(crate) struct Deadline<'a> {
    clock: &'a Clock,
    time_max: Duration,
    work: Cell<u32>,
    ends: Cell<Option<Timestamp>>,
    passed: Cell<bool>,
}

impl<'a> Deadline<'a> {
    pub fn new(clock: &'a Clock, time_max: Duration) -> Self {
        Self { clock, time_max, work: Cell::new(0), ends: Cell::new(None), passed: Cell::new(false) }
    }

    /// Counts work; whether the question has to end.
    pub fn passed(&self, work: u32) -> bool {
        let done = self.work.get() + work;
        if done >= WORK_BETWEEN_LOOKS {
            self.work.set(0);
            self.look();
        } else {
            self.work.set(done);
        }
        self.passed.get()
    }

    fn look(&self) {
        let now = self.clock.now();
        match self.ends.get() {
            Some(ends) => self.passed.set(self.passed.get() || now >= ends),
            None => {
                let time = SignedDuration::try_from(self.time_max).unwrap_or(SignedDuration::MAX);
                self.ends.set(Some(now.saturating_add(time).unwrap_or(Timestamp::MAX)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fga_02_time_counts_from_the_first_look_and_stays_passed() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let deadline = Deadline::new(&clock, Duration::from_secs(3));
        clock.advance(Duration::from_secs(60));
        assert!(!deadline.passed(WORK_BETWEEN_LOOKS), "the first look starts the time");
        clock.advance(Duration::from_secs(3));
        assert!(!deadline.passed(1), "the clock is not looked at for every visit");
        assert!(deadline.passed(WORK_BETWEEN_LOOKS));
        assert!(deadline.passed(1));
    }
}
