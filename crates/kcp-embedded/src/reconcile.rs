//! A loop over one kind in all clusters: changes wake keys, keys are reconciled, failures come back with growing pauses.
//!
//! Reacts to the store's own events; nothing polls. A key is never reconciled twice at once.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use apiserver::{
    ApiError, Scope, StoragePrefix, Store,
    store::{Event, ObjectKey, Range, Watcher},
};
use futures::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use runtime::Stop;
use tokio::time::Instant;

/// What a reconcile asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing until something changes.
    Wait,
    /// Once more after this time, whatever happens.
    After(Duration),
}

/// Keys that a change concerns.
pub type KeysOf = Arc<dyn Fn(&Event) -> Vec<ObjectKey> + Send + Sync>;

/// A kind whose changes wake keys.
#[derive(Clone)]
pub struct Source {
    /// Where its objects are stored.
    pub prefix: StoragePrefix,
    /// Which keys a change wakes.
    pub keys: KeysOf,
}

impl Source {
    /// Changes of the kind itself: the changed object is the key.
    pub fn itself(prefix: StoragePrefix) -> Self {
        Self { prefix, keys: Arc::new(|event| vec![event.key.clone()]) }
    }

    /// Changes that concern other keys.
    pub fn mapped(
        prefix: StoragePrefix,
        keys: impl Fn(&Event) -> Vec<ObjectKey> + Send + Sync + 'static,
    ) -> Self {
        Self { prefix, keys: Arc::new(keys) }
    }
}

/// Reconciles one key.
pub type Reconcile = Arc<dyn Fn(ObjectKey) -> BoxFuture<'static, Result<Next, ApiError>> + Send + Sync>;

const PARALLEL: usize = 32;
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

#[derive(Default)]
struct Queue {
    ready: VecDeque<ObjectKey>,
    queued: HashSet<ObjectKey>,
    running: HashSet<ObjectKey>,
    /// Woken while running: goes again.
    again: HashSet<ObjectKey>,
    failures: HashMap<ObjectKey, u32>,
    /// Due times; short, since few keys wait at once.
    later: Vec<(Instant, ObjectKey)>,
}

impl Queue {
    fn wake(&mut self, key: ObjectKey) {
        if self.running.contains(&key) {
            self.again.insert(key);
        } else if self.queued.insert(key.clone()) {
            self.ready.push_back(key);
        }
    }

    fn take(&mut self) -> Option<ObjectKey> {
        let key = self.ready.pop_front()?;
        self.queued.remove(&key);
        self.running.insert(key.clone());
        Some(key)
    }

    fn done(&mut self, key: ObjectKey, outcome: Result<Next, ApiError>, name: &str) {
        self.running.remove(&key);
        match outcome {
            Ok(next) => {
                self.failures.remove(&key);
                if let Next::After(pause) = next {
                    self.later.push((Instant::now() + pause, key.clone()));
                }
            }
            Err(error) => {
                let failures = self.failures.entry(key.clone()).or_default();
                *failures += 1;
                let pause = (FIRST_PAUSE * 2u32.saturating_pow((*failures).min(16))).min(LONGEST_PAUSE);
                tracing::debug!(controller = name, object = %key, attempt = *failures, error = %error.message, "reconcile failed, tried again later");
                self.later.push((Instant::now() + pause, key.clone()));
            }
        }
        if self.again.remove(&key) {
            self.wake(key);
        }
    }

    fn due(&mut self, now: Instant) {
        let (due, later): (Vec<_>, Vec<_>) = self.later.drain(..).partition(|(at, _)| *at <= now);
        self.later = later;
        for (_, key) in due {
            self.wake(key);
        }
    }

    fn next_due(&self) -> Option<Instant> {
        self.later.iter().map(|(at, _)| *at).min()
    }
}

/// Runs a loop until `stop`.
///
/// # Cancellation
/// Reconciles in progress are dropped; they are safe to run again.
pub async fn run(store: Store, name: &'static str, sources: Vec<Source>, reconcile: Reconcile, stop: Stop) {
    let mut queue = Queue::default();
    let mut watchers: Vec<Option<Watcher>> = sources.iter().map(|_| None).collect();
    let mut running = FuturesUnordered::new();
    loop {
        for (source, watcher) in sources.iter().zip(watchers.iter_mut()) {
            if watcher.is_none() {
                *watcher = begin(&store, source, &mut queue);
            }
            drain(source, watcher, &mut queue);
        }
        queue.due(Instant::now());
        while running.len() < PARALLEL
            && let Some(key) = queue.take()
        {
            let future = reconcile(key.clone());
            running.push(async move { (key, future.await) });
        }
        let due = queue.next_due();
        tokio::select! {
            () = stop.cancelled() => return,
            Some((key, outcome)) = running.next(), if !running.is_empty() => queue.done(key, outcome, name),
            () = sleep_until(due), if due.is_some() => {}
            (index, event) = next_change(&mut watchers) => match (event, sources.get(index)) {
                (Some(event), Some(source)) => (source.keys)(&event).into_iter().for_each(|key| queue.wake(key)),
                // Ended: begins anew from a list.
                _ => {
                    if let Some(slot) = watchers.get_mut(index) {
                        *slot = None;
                    }
                }
            },
        }
    }
}

/// The next change of any watcher, with its place; none where a watcher ended.
async fn next_change(watchers: &mut [Option<Watcher>]) -> (usize, Option<Arc<Event>>) {
    if watchers.is_empty() {
        return std::future::pending().await;
    }
    let next = watchers.iter_mut().map(|watcher| {
        Box::pin(async move {
            match watcher {
                Some(live) => live.next().await.ok(),
                None => None,
            }
        })
    });
    let (event, index, _) = futures::future::select_all(next).await;
    (index, event)
}

async fn sleep_until(due: Option<Instant>) {
    if let Some(due) = due {
        tokio::time::sleep_until(due).await;
    }
}

fn begin(store: &Store, source: &Source, queue: &mut Queue) -> Option<Watcher> {
    let (page, watcher) = store.list_and_watch(&source.prefix, Range::scope(Scope::All));
    for stored in page.items {
        let event = Event {
            revision: stored.revision,
            key: stored.key,
            change: apiserver::store::Change::Added,
            object: stored.bytes,
            previous: None,
        };
        (source.keys)(&event).into_iter().for_each(|key| queue.wake(key));
    }
    watcher
}

fn drain(source: &Source, watcher: &mut Option<Watcher>, queue: &mut Queue) {
    let Some(live) = watcher else { return };
    loop {
        match live.try_next() {
            None => return,
            Some(Ok(event)) => (source.keys)(&event).into_iter().for_each(|key| queue.wake(key)),
            Some(Err(_)) => {
                *watcher = None;
                return;
            }
        }
    }
}
