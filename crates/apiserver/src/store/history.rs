//! The bounded log of changes of one prefix: watches resume from it, lists of older revisions are computed from it.

use std::collections::VecDeque;
use std::sync::Arc;

use super::key::ObjectKey;
use super::{Limits, StoreError};

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// It is new.
    Added,
    /// It was replaced.
    Modified,
    /// It is gone.
    Deleted,
}

/// One change.
#[derive(Clone, Debug)]
pub struct Event {
    /// The revision of the change.
    pub revision: u64,
    /// The object.
    pub key: ObjectKey,
    /// What happened.
    pub change: Change,
    /// The object after the change; for deletions its final state.
    pub object: Arc<[u8]>,
    /// The object before the change, with its revision.
    pub previous: Option<(Arc<[u8]>, u64)>,
}

impl Event {
    pub(super) fn weight(&self) -> usize {
        self.previous.as_ref().map_or(0, |(bytes, _)| bytes.len()) + 128
    }
}

#[derive(Default)]
pub(super) struct History {
    events: VecDeque<Arc<Event>>,
    weight: usize,
    // The revision of the newest forgotten change: everything after it is known.
    compacted: u64,
}

impl History {
    pub(super) fn push(&mut self, event: Arc<Event>, limits: &Limits) {
        self.weight += event.weight();
        self.events.push_back(event);
        while self.events.len() > limits.events_max || self.weight > limits.history_bytes_max {
            if !self.forget_first() {
                break;
            }
        }
    }

    fn forget_first(&mut self) -> bool {
        let Some(event) = self.events.pop_front() else { return false };
        self.weight = self.weight.saturating_sub(event.weight());
        self.compacted = event.revision;
        true
    }

    pub(super) fn compact(&mut self, revision: u64) {
        while self.events.front().is_some_and(|e| e.revision <= revision) {
            self.forget_first();
        }
        self.compacted = self.compacted.max(revision);
        self.events.shrink_to_fit();
    }

    /// The changes after `from`, oldest first.
    pub(super) fn after(
        &self,
        from: u64,
    ) -> Result<impl DoubleEndedIterator<Item = &Arc<Event>>, StoreError> {
        if from < self.compacted {
            return Err(StoreError::Expired { requested: from, oldest: self.compacted });
        }
        let start = self.events.partition_point(|e| e.revision <= from);
        Ok(self.events.range(start..))
    }
}
