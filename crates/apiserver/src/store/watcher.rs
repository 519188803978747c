//! Bounded queues of changes, routed by prefix and partition. A watcher that falls too far behind is ended: memory stays bounded.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::history::Event;
use super::key::Range;
use super::{Limits, Store};
use crate::partition::{Partition, Scope};
use crate::resource::StoragePrefix;

/// Why a watcher gives no more changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was too slow for its bounds.
    TooSlow,
    /// The partition went away.
    PartitionGone,
}

#[derive(Default)]
struct Queue {
    events: VecDeque<Arc<Event>>,
    weight: usize,
    ended: Option<Ended>,
}

pub(super) struct Shared {
    range: Range,
    queue: Mutex<Queue>,
    wake: Notify,
}

impl Shared {
    pub(super) fn new(range: Range) -> Self {
        Self { range, queue: Mutex::default(), wake: Notify::new() }
    }

    pub(super) fn offer(&self, event: &Arc<Event>, limits: &Limits) {
        if !self.range.contains(&event.key) {
            return;
        }
        let mut queue = self.queue.lock();
        if queue.ended.is_some() {
            return;
        }
        queue.weight += event.object.len() + event.weight();
        if queue.events.len() >= limits.lag_events_max || queue.weight > limits.lag_bytes_max {
            *queue = Queue { ended: Some(Ended::TooSlow), ..Queue::default() };
        } else {
            queue.events.push_back(event.clone());
        }
        drop(queue);
        self.wake.notify_one();
    }

    fn end(&self, why: Ended) {
        self.queue.lock().ended = Some(why);
        self.wake.notify_one();
    }

    fn take(&self) -> Option<Result<Arc<Event>, Ended>> {
        let mut queue = self.queue.lock();
        match queue.events.pop_front() {
            Some(event) => {
                queue.weight = queue.weight.saturating_sub(event.object.len() + event.weight());
                if queue.events.is_empty() {
                    // An idle watcher holds no buffer.
                    queue.events = VecDeque::new();
                }
                Some(Ok(event))
            }
            None => queue.ended.map(Err),
        }
    }
}

/// Changes of a range, in revision order. Dropping it ends the watch.
pub struct Watcher {
    shared: Arc<Shared>,
    id: u64,
    prefix: StoragePrefix,
    store: Store,
}

impl Watcher {
    pub(super) fn new(shared: Arc<Shared>, id: u64, prefix: StoragePrefix, store: Store) -> Self {
        Self { shared, id, prefix, store }
    }

    /// The next change.
    ///
    /// # Errors
    /// Why there will be no more.
    ///
    /// # Cancellation
    /// Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Result<Arc<Event>, Ended> {
        loop {
            if let Some(answer) = self.shared.take() {
                return answer;
            }
            self.shared.wake.notified().await;
        }
    }

    /// The next change if there is one already.
    pub fn try_next(&mut self) -> Option<Result<Arc<Event>, Ended>> {
        self.shared.take()
    }

    /// A revision up to which everything has been given, if nothing waits: the revision a bookmark may name.
    pub fn caught_up(&self) -> Option<u64> {
        // The order matters: what is written after the revision was read may wait in the queue, what came before may not.
        let revision = self.store.revision();
        let queue = self.shared.queue.lock();
        (queue.events.is_empty() && queue.ended.is_none()).then_some(revision)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.store.unregister(&self.prefix, self.id, &self.shared.range.scope);
    }
}

#[derive(Default)]
pub(super) struct Registry {
    everywhere: BTreeMap<u64, Arc<Shared>>,
    by_partition: HashMap<Partition, BTreeMap<u64, Arc<Shared>>>,
}

impl Registry {
    pub(super) fn add(&mut self, id: u64, shared: Arc<Shared>) {
        match shared.range.scope.clone() {
            Scope::All => self.everywhere.insert(id, shared),
            Scope::One(partition) => self.by_partition.entry(partition).or_default().insert(id, shared),
        };
    }

    pub(super) fn remove(&mut self, id: u64, scope: &Scope) {
        let Scope::One(partition) = scope else {
            self.everywhere.remove(&id);
            return;
        };
        if let Some(watchers) = self.by_partition.get_mut(partition) {
            watchers.remove(&id);
            if watchers.is_empty() {
                self.by_partition.remove(partition);
            }
        }
    }

    pub(super) fn publish(&self, event: &Arc<Event>, limits: &Limits) {
        let local = self.by_partition.get(event.key.partition());
        for shared in self.everywhere.values().chain(local.into_iter().flat_map(BTreeMap::values)) {
            shared.offer(event, limits);
        }
    }

    pub(super) fn end(&mut self, partition: &Partition) {
        for shared in self.by_partition.get(partition).into_iter().flat_map(BTreeMap::values) {
            shared.end(Ended::PartitionGone);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.everywhere.len() + self.by_partition.values().map(BTreeMap::len).sum::<usize>()
    }
}
