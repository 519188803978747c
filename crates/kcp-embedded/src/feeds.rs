//! Indexes that follow the store: each kind of object that somebody indexes is a feed into a sink.
//!
//! Feeds are drained by whoever needs an index to be current ([`Feeds::catch_up`]), so a write is seen by the very next
//! request without a task in between. An idle server does nothing.

use std::sync::atomic::{AtomicU64, Ordering};

use apiserver::{
    Scope, StoragePrefix, Store,
    store::{Change, ObjectKey, Range, Watcher, decode},
};
use parking_lot::Mutex;
use serde_json::Value;

/// An index over one kind of object.
pub trait Sink: Send + Sync {
    /// An object is new or changed.
    fn upsert(&self, key: &ObjectKey, object: &Value);
    /// An object is gone.
    fn remove(&self, key: &ObjectKey);
    /// Everything known is void; all objects follow again.
    fn clear(&self);
}

struct Feed {
    prefix: StoragePrefix,
    watcher: Option<Watcher>,
    sink: std::sync::Arc<dyn Sink>,
}

/// All feeds of a server.
pub struct Feeds {
    store: Store,
    feeds: Mutex<Vec<Feed>>,
    seen: AtomicU64,
}

impl Feeds {
    /// Feeds from this store; none yet.
    pub fn new(store: Store) -> Self {
        Self { store, feeds: Mutex::default(), seen: AtomicU64::new(0) }
    }

    /// Adds a feed; the sink gets what is stored already at the next [`Feeds::catch_up`].
    pub fn add(&self, prefix: StoragePrefix, sink: std::sync::Arc<dyn Sink>) {
        self.feeds.lock().push(Feed { prefix, watcher: None, sink });
        self.seen.store(0, Ordering::Release);
    }

    /// Brings every sink up to the newest revision. Cheap when nothing was written since.
    pub fn catch_up(&self) {
        let revision = self.store.revision();
        if self.seen.load(Ordering::Acquire) >= revision {
            return;
        }
        let mut feeds = self.feeds.lock();
        for feed in feeds.iter_mut() {
            feed.drain(&self.store);
        }
        // Feeds hold at least everything up to `revision`; never step back behind another drainer.
        self.seen.fetch_max(revision, Ordering::AcqRel);
    }
}

impl Feed {
    fn drain(&mut self, store: &Store) {
        loop {
            let Some(watcher) = &mut self.watcher else {
                let (page, watcher) = store.list_and_watch(&self.prefix, Range::scope(Scope::All));
                self.sink.clear();
                for stored in &page.items {
                    self.sink.upsert(&stored.key, &stored.value());
                }
                self.watcher = watcher;
                return;
            };
            match watcher.try_next() {
                None => return,
                // Too slow for its bounds: start over from a list.
                Some(Err(_)) => self.watcher = None,
                Some(Ok(event)) => match event.change {
                    Change::Deleted => self.sink.remove(&event.key),
                    _ => self.sink.upsert(&event.key, &decode(&event.object, event.revision)),
                },
            }
        }
    }
}
