//! All objects of one prefix.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::history::{Change, Event, History};
use super::key::{ObjectKey, Range};
use super::watcher::{Registry, Shared};
use super::{Limits, Page, StoreError, Stored};
use crate::partition::{Partition, Scope};

#[derive(Clone)]
struct Entry {
    bytes: Arc<[u8]>,
    revision: u64,
}

#[derive(Default)]
pub(super) struct Table {
    entries: BTreeMap<ObjectKey, Entry>,
    history: History,
    watchers: Registry,
}

impl Table {
    pub(super) fn get(&self, key: &ObjectKey) -> Option<Stored> {
        let (key, entry) = self.entries.get_key_value(key)?;
        Some(stored(key, entry))
    }

    pub(super) fn create(
        &mut self,
        key: ObjectKey,
        revision: u64,
        bytes: Arc<[u8]>,
    ) -> Result<Arc<Event>, StoreError> {
        if self.entries.contains_key(&key) {
            return Err(StoreError::AlreadyExists(key));
        }
        self.entries.insert(key.clone(), Entry { bytes: bytes.clone(), revision });
        Ok(Arc::new(Event { revision, key, change: Change::Added, object: bytes, previous: None }))
    }

    pub(super) fn update(
        &mut self,
        key: &ObjectKey,
        expected: u64,
        revision: u64,
        bytes: Arc<[u8]>,
    ) -> Result<Arc<Event>, StoreError> {
        let owned = self.check(key, expected)?;
        let Some(entry) = self.entries.get_mut(key) else { return Err(StoreError::NotFound(owned)) };
        let previous = std::mem::replace(entry, Entry { bytes: bytes.clone(), revision });
        Ok(Arc::new(Event {
            revision,
            key: owned,
            change: Change::Modified,
            object: bytes,
            previous: Some((previous.bytes, previous.revision)),
        }))
    }

    pub(super) fn delete(
        &mut self,
        key: &ObjectKey,
        expected: u64,
        revision: u64,
        last: Option<Arc<[u8]>>,
    ) -> Result<Arc<Event>, StoreError> {
        let owned = self.check(key, expected)?;
        let Some(entry) = self.entries.remove(key) else { return Err(StoreError::NotFound(owned)) };
        Ok(Arc::new(Event {
            revision,
            key: owned,
            change: Change::Deleted,
            object: last.unwrap_or_else(|| entry.bytes.clone()),
            previous: Some((entry.bytes, entry.revision)),
        }))
    }

    /// The stored key (so that events share its text), if the object is at the expected revision.
    fn check(&self, key: &ObjectKey, expected: u64) -> Result<ObjectKey, StoreError> {
        match self.entries.get_key_value(key) {
            None => Err(StoreError::NotFound(key.clone())),
            Some((_, entry)) if entry.revision != expected => {
                Err(StoreError::Conflict { key: key.clone(), expected, actual: entry.revision })
            }
            Some((key, _)) => Ok(key.clone()),
        }
    }

    pub(super) fn publish(&mut self, event: Arc<Event>, limits: &Limits) {
        self.watchers.publish(&event, limits);
        self.history.push(event, limits);
    }

    pub(super) fn page(
        &self,
        range: &Range,
        revision: u64,
        limit: usize,
        after: Option<&ObjectKey>,
    ) -> Result<Page, StoreError> {
        let past = self.past(range, revision)?;
        if past.is_empty() {
            let here = self.entries.range(range.bounds(after)).filter(|(k, _)| range.contains(k));
            return Ok(cut(here, revision, limit));
        }
        let mut then: BTreeMap<&ObjectKey, &Entry> =
            self.entries.range(range.bounds(after)).filter(|(k, _)| range.contains(k)).collect();
        for (key, entry) in &past {
            match entry {
                Some(entry) if after.is_none_or(|a| *key > *a) => then.insert(key, entry),
                _ => then.remove(key),
            };
        }
        Ok(cut(then.into_iter(), revision, limit))
    }

    /// Objects of the range that were different at `revision`, as they were then.
    fn past(&self, range: &Range, revision: u64) -> Result<HashMap<ObjectKey, Option<Entry>>, StoreError> {
        let mut past = HashMap::new();
        for event in self.history.after(revision)?.rev().filter(|e| range.contains(&e.key)) {
            let before = event.previous.clone().map(|(bytes, revision)| Entry { bytes, revision });
            past.insert(event.key.clone(), before);
        }
        Ok(past)
    }

    pub(super) fn count(&self, range: &Range) -> usize {
        self.entries.range(range.bounds(None)).filter(|(k, _)| range.contains(k)).count()
    }

    pub(super) fn count_is_positive(&self, range: &Range) -> bool {
        self.entries.range(range.bounds(None)).any(|(k, _)| range.contains(k))
    }

    pub(super) fn watch(
        &mut self,
        id: u64,
        range: Range,
        from: u64,
        limits: &Limits,
    ) -> Result<Arc<Shared>, StoreError> {
        let shared = Arc::new(Shared::new(range));
        for event in self.history.after(from)? {
            shared.offer(event, limits);
        }
        self.watchers.add(id, shared.clone());
        Ok(shared)
    }

    pub(super) fn unwatch(&mut self, id: u64, scope: &Scope) {
        self.watchers.remove(id, scope);
    }

    pub(super) fn end_watches(&mut self, partition: &Partition) {
        self.watchers.end(partition);
    }

    pub(super) fn compact(&mut self, revision: u64) {
        self.history.compact(revision);
    }

    pub(super) fn watches(&self) -> usize {
        self.watchers.len()
    }
}

fn stored(key: &ObjectKey, entry: &Entry) -> Stored {
    Stored { key: key.clone(), revision: entry.revision, bytes: entry.bytes.clone() }
}

fn cut<'a>(mut all: impl Iterator<Item = (&'a ObjectKey, &'a Entry)>, revision: u64, limit: usize) -> Page {
    if limit == 0 {
        let items = all.map(|(k, e)| stored(k, e)).collect();
        return Page { items, revision, last: None, remaining: 0 };
    }
    let items: Vec<Stored> = all.by_ref().take(limit).map(|(k, e)| stored(k, e)).collect();
    let remaining = all.count();
    let last = (remaining > 0).then(|| items.last().map(|s| s.key.clone())).flatten();
    Page { items, revision, last, remaining }
}
