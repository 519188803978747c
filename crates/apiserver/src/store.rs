//! The object store: every version of every object under one global revision, with bounded history.
//!
//! Objects are JSON bytes without `resourceVersion`; the revision of the last write is stamped in on reading. Keys are
//! prefix → partition → namespace → name, so one partition and all partitions are both contiguous ranges.
//! A write is one short critical section: change, history, fan-out.

mod feed; // every change of every prefix
mod history; // the bounded log of changes of one prefix
mod key; // how objects are addressed and ranged over
mod table; // all objects of one prefix
mod watcher; // bounded queues of changes, routed by prefix and partition

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::RwLock;
use serde_json::Value;

use feed::FeedQueue;
pub use feed::{Fed, Feed};
pub use history::{Change, Event};
pub use key::{ObjectKey, Range};
use table::Table;
pub use watcher::{Ended, Watcher};

use crate::partition::{Partition, Scope};
use crate::resource::StoragePrefix;

/// Why the store refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A create met an object of the same key.
    #[error("object `{0}` exists already")]
    AlreadyExists(ObjectKey),
    /// No object of that key.
    #[error("object `{0}` does not exist")]
    NotFound(ObjectKey),
    /// The object changed since the caller read it.
    #[error("object `{key}` is at revision {actual}, not at {expected}")]
    Conflict {
        /// The object.
        key: ObjectKey,
        /// What the caller had read.
        expected: u64,
        /// What is stored.
        actual: u64,
    },
    /// The history does not reach back that far.
    #[error("revision {requested} is older than the retained history, which begins at {oldest}")]
    Expired {
        /// The asked revision.
        requested: u64,
        /// The oldest revision that can be served.
        oldest: u64,
    },
    /// That revision has not been written yet.
    #[error("revision {requested} is newer than the current revision {current}")]
    Future {
        /// The asked revision.
        requested: u64,
        /// The newest revision.
        current: u64,
    },
}

/// Bounds of the history and of the queues of watchers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Changes kept per prefix.
    pub events_max: usize,
    /// Bytes of superseded objects kept per prefix.
    pub history_bytes_max: usize,
    /// Changes a watcher may lag behind before it is ended.
    pub lag_events_max: usize,
    /// Bytes a watcher may lag behind before it is ended.
    pub lag_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { events_max: 4096, history_bytes_max: 8 << 20, lag_events_max: 8192, lag_bytes_max: 16 << 20 }
    }
}

/// One stored object at one revision.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its key.
    pub key: ObjectKey,
    /// The revision of its last write.
    pub revision: u64,
    /// JSON without `resourceVersion`.
    pub bytes: Arc<[u8]>,
}

impl Stored {
    /// Decodes the object and stamps its `resourceVersion`.
    pub fn value(&self) -> Value {
        decode(&self.bytes, self.revision)
    }
}

/// Decodes stored bytes and stamps `metadata.resourceVersion`. The store holds only what `encode` wrote, so the bytes are JSON.
pub fn decode(bytes: &[u8], revision: u64) -> Value {
    let mut value: Value = serde_json::from_slice(bytes).unwrap_or_default();
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("resourceVersion".to_owned(), revision.to_string().into());
    }
    value
}

/// Encodes an object for the store, without `resourceVersion`.
pub fn encode(mut value: Value) -> Arc<[u8]> {
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("resourceVersion");
    }
    encode_ref(&value)
}

/// Encodes an object that has no `resourceVersion`.
pub fn encode_ref(value: &Value) -> Arc<[u8]> {
    serde_json::to_vec(value).unwrap_or_default().into()
}

/// One page of a list.
#[derive(Clone, Debug)]
pub struct Page {
    /// Objects in key order.
    pub items: Vec<Stored>,
    /// The revision the list shows.
    pub revision: u64,
    /// Key of the last object taken, when more follow.
    pub last: Option<ObjectKey>,
    /// How many follow; 0 when none.
    pub remaining: usize,
}

struct State {
    revision: u64,
    tables: HashMap<StoragePrefix, Table>,
    next_watcher: u64,
    feeds: Vec<Weak<FeedQueue>>,
}

struct Inner {
    state: RwLock<State>,
    // A copy of `state.revision` for readers that need no consistency with the tables.
    revision: AtomicU64,
    limits: Limits,
}

/// The store; clones share it.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

impl Default for Store {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Store {
    /// An empty store in memory.
    pub fn new(limits: Limits) -> Self {
        let state = State { revision: 1, tables: HashMap::new(), next_watcher: 0, feeds: Vec::new() };
        Self(Arc::new(Inner { state: RwLock::new(state), revision: AtomicU64::new(1), limits }))
    }

    /// The newest revision. Every change up to it has reached the queues of its watchers.
    pub fn revision(&self) -> u64 {
        self.0.state.read().revision
    }

    /// The newest revision, without waiting for a write in progress.
    pub fn revision_hint(&self) -> u64 {
        self.0.revision.load(Ordering::Relaxed)
    }

    /// Reads one object.
    pub fn get(&self, prefix: &StoragePrefix, key: &ObjectKey) -> Option<Stored> {
        self.0.state.read().tables.get(prefix)?.get(key)
    }

    /// Reads a page: at most `limit` objects (0: all) after `after`, as of revision `at` (`None`: now).
    ///
    /// # Errors
    /// [`StoreError::Expired`] and [`StoreError::Future`] for revisions that cannot be shown.
    pub fn list(
        &self,
        prefix: &StoragePrefix,
        range: &Range,
        at: Option<u64>,
        limit: usize,
        after: Option<&ObjectKey>,
    ) -> Result<Page, StoreError> {
        let state = self.0.state.read();
        let revision = at.unwrap_or(state.revision);
        if revision > state.revision {
            return Err(StoreError::Future { requested: revision, current: state.revision });
        }
        match state.tables.get(prefix) {
            None => Ok(Page { items: Vec::new(), revision, last: None, remaining: 0 }),
            Some(table) => table.page(range, revision, limit, after),
        }
    }

    /// Everything in the range, as of now.
    pub fn list_all(&self, prefix: &StoragePrefix, range: &Range) -> Page {
        let state = self.0.state.read();
        let revision = state.revision;
        let empty = Page { items: Vec::new(), revision, last: None, remaining: 0 };
        state.tables.get(prefix).and_then(|t| t.page(range, revision, 0, None).ok()).unwrap_or(empty)
    }

    /// How many objects the range holds.
    pub fn count(&self, prefix: &StoragePrefix, range: &Range) -> usize {
        self.0.state.read().tables.get(prefix).map_or(0, |t| t.count(range))
    }

    /// The prefixes under which a partition has objects.
    pub fn prefixes_of(&self, partition: &Partition) -> Vec<StoragePrefix> {
        let range = Range::scope(Scope::One(partition.clone()));
        let state = self.0.state.read();
        state.tables.iter().filter(|(_, t)| t.count_is_positive(&range)).map(|(p, _)| p.clone()).collect()
    }

    /// Stores a new object and returns its revision.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`].
    pub fn create(
        &self,
        prefix: &StoragePrefix,
        key: ObjectKey,
        bytes: Arc<[u8]>,
    ) -> Result<u64, StoreError> {
        self.write(prefix, |table, revision| table.create(key, revision, bytes))
    }

    /// Replaces an object whose revision is `expected` and returns the new revision.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] and [`StoreError::Conflict`].
    pub fn update(
        &self,
        prefix: &StoragePrefix,
        key: &ObjectKey,
        expected: u64,
        bytes: Arc<[u8]>,
    ) -> Result<u64, StoreError> {
        self.write(prefix, |table, revision| table.update(key, expected, revision, bytes))
    }

    /// Removes an object whose revision is `expected` and returns the revision of the removal.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] and [`StoreError::Conflict`].
    pub fn delete(&self, prefix: &StoragePrefix, key: &ObjectKey, expected: u64) -> Result<u64, StoreError> {
        self.delete_as(prefix, key, expected, None)
    }

    /// As `delete`; `last` is the final state that watchers see, where it differs from what is stored.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] and [`StoreError::Conflict`].
    pub fn delete_as(
        &self,
        prefix: &StoragePrefix,
        key: &ObjectKey,
        expected: u64,
        last: Option<Arc<[u8]>>,
    ) -> Result<u64, StoreError> {
        self.write(prefix, |table, revision| table.delete(key, expected, revision, last))
    }

    fn write(
        &self,
        prefix: &StoragePrefix,
        change: impl FnOnce(&mut Table, u64) -> Result<Arc<Event>, StoreError>,
    ) -> Result<u64, StoreError> {
        let mut state = self.0.state.write();
        let revision = state.revision + 1;
        if !state.tables.contains_key(prefix) {
            state.tables.insert(prefix.clone(), Table::default());
        }
        let Some(table) = state.tables.get_mut(prefix) else { return Ok(revision) };
        let event = change(table, revision)?;
        table.publish(event.clone(), &self.0.limits);
        state.revision = revision;
        if !state.feeds.is_empty() {
            state.feeds.retain(|feed| feed.upgrade().is_some_and(|feed| feed.offer(prefix, &event)));
        }
        self.0.revision.store(revision, Ordering::Relaxed);
        Ok(revision)
    }

    /// Follows changes of a range after revision `from` (`None`: from now).
    ///
    /// # Errors
    /// [`StoreError::Expired`] where the history does not reach back to `from`.
    pub fn watch(
        &self,
        prefix: &StoragePrefix,
        range: Range,
        from: Option<u64>,
    ) -> Result<Watcher, StoreError> {
        let mut state = self.0.state.write();
        let revision = state.revision;
        self.register(&mut state, prefix, range, from.unwrap_or(revision))
    }

    /// Lists a range and follows it from exactly that revision on.
    pub fn list_and_watch(&self, prefix: &StoragePrefix, range: Range) -> (Page, Option<Watcher>) {
        let mut state = self.0.state.write();
        let revision = state.revision;
        let page = state
            .tables
            .get(prefix)
            .and_then(|t| t.page(&range, revision, 0, None).ok())
            .unwrap_or(Page { items: Vec::new(), revision, last: None, remaining: 0 });
        let watcher = self.register(&mut state, prefix, range, revision).ok();
        (page, watcher)
    }

    fn register(
        &self,
        state: &mut State,
        prefix: &StoragePrefix,
        range: Range,
        from: u64,
    ) -> Result<Watcher, StoreError> {
        state.next_watcher += 1;
        let id = state.next_watcher;
        let table = state.tables.entry(prefix.clone()).or_default();
        let shared = table.watch(id, range, from, &self.0.limits)?;
        Ok(Watcher::new(shared, id, prefix.clone(), self.clone()))
    }

    fn unregister(&self, prefix: &StoragePrefix, id: u64, scope: &Scope) {
        if let Some(table) = self.0.state.write().tables.get_mut(prefix) {
            table.unwatch(id, scope);
        }
    }

    /// Ends every watch of a single partition, for example when it goes away. Watches over all partitions stay.
    pub fn end_watches(&self, partition: &Partition) {
        for table in self.0.state.write().tables.values_mut() {
            table.end_watches(partition);
        }
    }

    /// Removes every object of a partition, whoever holds it, and ends its watches; answers how many there were. Watches over all
    /// partitions see the removals.
    pub fn remove_partition(&self, partition: &Partition) -> usize {
        let mut removed = 0;
        let range = Range::scope(Scope::One(partition.clone()));
        for prefix in self.prefixes_of(partition) {
            for stored in self.list_all(&prefix, &range).items {
                removed += usize::from(self.delete(&prefix, &stored.key, stored.revision).is_ok());
            }
        }
        self.end_watches(partition);
        removed
    }

    /// Forgets the history up to and including `revision`.
    pub fn compact(&self, revision: u64) {
        for table in self.0.state.write().tables.values_mut() {
            table.compact(revision);
        }
    }

    /// Follows every change under every prefix from now on.
    pub fn feed(&self) -> Feed {
        let queue = Arc::new(FeedQueue::default());
        self.0.state.write().feeds.push(Arc::downgrade(&queue));
        Feed::new(queue)
    }

    /// Every prefix that was ever written.
    pub fn prefixes(&self) -> Vec<StoragePrefix> {
        self.0.state.read().tables.keys().cloned().collect()
    }

    /// How many watches are open.
    pub fn watches(&self) -> usize {
        self.0.state.read().tables.values().map(Table::watches).sum()
    }
}
