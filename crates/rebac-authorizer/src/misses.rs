//! How often a caller is told to come back for a cluster that is not known yet.

use std::{collections::HashMap, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;

/// Most clusters that are counted at once; beyond that nobody is told to come back.
const CLUSTERS_MAX: usize = 10_000;

pub(crate) struct Misses {
    max: u32,
    window: Duration,
    after: Duration,
    counts: Mutex<HashMap<String, (u32, Instant)>>,
}

impl Misses {
    pub(crate) fn none() -> Self {
        Self::new(0, Duration::ZERO, Duration::ZERO)
    }

    pub(crate) fn new(max: u32, window: Duration, after: Duration) -> Self {
        Self { max, window, after, counts: Mutex::default() }
    }

    /// Counts a miss; the pause after which to come back, while the count of this window allows it.
    pub(crate) fn count(&self, cluster: &str) -> Option<Duration> {
        if self.max == 0 {
            return None;
        }
        let now = Instant::now();
        let mut counts = self.counts.lock();
        if counts.len() >= CLUSTERS_MAX {
            counts.retain(|_, (_, first)| now.duration_since(*first) < self.window);
            if counts.len() >= CLUSTERS_MAX {
                return None;
            }
        }
        let (count, first) = counts.entry(cluster.to_owned()).or_insert((0, now));
        if now.duration_since(*first) >= self.window {
            (*count, *first) = (0, now);
        }
        *count += 1;
        (*count <= self.max).then_some(self.after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn rbw_08_unknown_cluster_is_retried_once_in_a_window() {
        let misses = Misses::new(1, Duration::from_secs(300), Duration::from_secs(1));
        assert_eq!(misses.count("c"), Some(Duration::from_secs(1)));
        assert_eq!(misses.count("c"), None);
        assert_eq!(misses.count("other"), Some(Duration::from_secs(1)));
        tokio::time::advance(Duration::from_secs(300)).await;
        assert_eq!(misses.count("c"), Some(Duration::from_secs(1)));
    }
}
