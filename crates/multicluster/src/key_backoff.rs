//! How long one key waits after it failed.

use std::{collections::HashMap, hash::Hash, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;

/// The delay of a key that failed; starts again after success.
pub trait KeyBackoff: Send + Sync + 'static {
    /// `attempt` counts from 1; `since_first` is the time since the first failure in a row.
    fn delay(&self, attempt: u32, since_first: Duration) -> Duration;

    /// A change during the backoff runs the key at most once in this long.
    fn base(&self) -> Duration {
        self.delay(1, Duration::ZERO)
    }
}

/// `first`, twice that, and so on, at most `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exponential {
    /// The first delay.
    pub first: Duration,
    /// The longest delay.
    pub max: Duration,
}

impl Default for Exponential {
    /// 250 ms to 5 minutes.
    fn default() -> Self {
        Exponential { first: Duration::from_millis(250), max: Duration::from_secs(300) }
    }
}

impl KeyBackoff for Exponential {
    fn delay(&self, attempt: u32, _: Duration) -> Duration {
        self.first.saturating_mul(1_u32 << attempt.saturating_sub(1).min(30)).min(self.max)
    }
}

/// A fixed delay for the first while, then exponential: quick polling of what is about to be ready, without hammering what is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaticThenExponential {
    /// The delay within the window.
    pub fixed: Duration,
    /// How long after the first failure the fixed delay counts.
    pub window: Duration,
    /// The first delay behind the window.
    pub first: Duration,
    /// The longest delay.
    pub max: Duration,
}

impl Default for StaticThenExponential {
    /// 2 s for a minute, then from 2 s to 1000 s.
    fn default() -> Self {
        StaticThenExponential {
            fixed: Duration::from_secs(2),
            window: Duration::from_secs(60),
            first: Duration::from_secs(2),
            max: Duration::from_secs(1000),
        }
    }
}

impl KeyBackoff for StaticThenExponential {
    fn delay(&self, attempt: u32, since_first: Duration) -> Duration {
        if attempt <= 1 || since_first <= self.window {
            return self.fixed;
        }
        // Attempts inside the window do not count for the growth.
        let inside = self.window.as_secs_f64() / self.fixed.as_secs_f64().max(0.001);
        let behind = f64::from(attempt) - 1.0 - inside.floor();
        let exponent = if behind < 1.0 { 0 } else { (behind - 1.0).min(30.0) as u32 };
        self.first.saturating_mul(1_u32 << exponent).min(self.max)
    }
}

/// Waits of many keys, for steps that poll something: each key has its own attempts, forgotten on success.
pub struct KeyedWaits<Q, B> {
    backoff: B,
    waits: Mutex<HashMap<Q, (u32, Instant)>>,
}

impl<Q: Eq + Hash, B: KeyBackoff> KeyedWaits<Q, B> {
    /// No key waits.
    pub fn new(backoff: B) -> Self {
        KeyedWaits { backoff, waits: Mutex::default() }
    }

    /// The next delay of a key; counts an attempt.
    pub fn next(&self, key: Q) -> Duration {
        let mut waits = self.waits.lock();
        let (attempt, first) = waits.entry(key).or_insert((0, Instant::now()));
        *attempt += 1;
        self.backoff.delay(*attempt, first.elapsed())
    }

    /// Starts again from the first delay; call on success and when the object is gone.
    pub fn forget(&self, key: &Q) {
        self.waits.lock().remove(key);
    }

    /// Keys that wait.
    pub fn len(&self) -> usize {
        self.waits.lock().len()
    }

    /// Whether no key waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_key_polls_every_two_seconds_for_a_minute_then_grows_to_the_bound() {
        let waits = KeyedWaits::new(StaticThenExponential::default());
        let mut delays = Vec::new();
        for _ in 0..45 {
            let delay = waits.next("key");
            delays.push(delay.as_secs());
            tokio::time::sleep(delay).await;
        }
        assert!(delays[..31].iter().all(|delay| *delay == 2), "{delays:?}");
        assert_eq!(delays[31..36], [2, 4, 8, 16, 32], "{delays:?}");
        assert_eq!(delays[44], 1000);
        waits.forget(&"key");
        assert_eq!((waits.is_empty(), waits.next("key").as_secs()), (true, 2));
    }
}
