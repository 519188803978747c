//! Keys that are due, each once, with a growing delay after faults.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

const FIRST_DELAY: Duration = Duration::from_millis(20);
const LONGEST_DELAY: Duration = Duration::from_secs(15);

/// Keys by the time they are due.
pub(super) struct Queue<K> {
    due: BTreeMap<(Instant, u64), K>,
    places: HashMap<K, (Instant, u64)>,
    attempts: HashMap<K, u32>,
    next: u64,
}

impl<K: Clone + Eq + Hash> Queue<K> {
    pub(super) fn new() -> Self {
        Self { due: BTreeMap::new(), places: HashMap::new(), attempts: HashMap::new(), next: 0 }
    }

    /// The key is due now.
    pub(super) fn push(&mut self, key: K) {
        self.place(key, Instant::now());
    }

    /// The key is due again after a delay that doubles each time until [`Queue::done`].
    pub(super) fn retry(&mut self, key: K) {
        let attempts = self.attempts.entry(key.clone()).or_insert(0);
        let delay = FIRST_DELAY.saturating_mul(1 << (*attempts).min(10)).min(LONGEST_DELAY);
        *attempts += 1;
        self.place(key, Instant::now() + delay);
    }

    /// The key is settled.
    pub(super) fn done(&mut self, key: &K) {
        self.attempts.remove(key);
    }

    fn place(&mut self, key: K, at: Instant) {
        if let Some(place) = self.places.get(&key) {
            if place.0 <= at {
                return;
            }
            self.due.remove(place);
        }
        self.next += 1;
        let place = (at, self.next);
        self.due.insert(place, key.clone());
        self.places.insert(key, place);
    }

    /// Waits for the next key that is due; forever if there is none.
    pub(super) async fn next(&mut self) -> K {
        loop {
            let Some((at, _)) = self.due.keys().next().copied() else {
                return std::future::pending().await;
            };
            sleep_until(at).await;
            if let Some((_, key)) = self.due.pop_first() {
                self.places.remove(&key);
                return key;
            }
        }
    }
}
