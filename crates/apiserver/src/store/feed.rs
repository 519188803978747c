//! Every change of every prefix, for controllers that look at all objects.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::history::Event;
use crate::resource::StoragePrefix;

/// Changes that may wait before the reader has to look at everything again.
const WAITING_MAX: usize = 65_536;

/// What a feed gives.
#[derive(Clone, Debug)]
pub enum Fed {
    /// A change.
    Change(StoragePrefix, Arc<Event>),
    /// The reader was too slow and changes are lost: everything must be looked at again.
    Lost,
}

#[derive(Default)]
struct Waiting {
    changes: VecDeque<(StoragePrefix, Arc<Event>)>,
    lost: bool,
}

#[derive(Default)]
pub(super) struct FeedQueue {
    waiting: Mutex<Waiting>,
    wake: Notify,
}

impl FeedQueue {
    /// Always true: a feed lives as long as its reader.
    pub(super) fn offer(&self, prefix: &StoragePrefix, event: &Arc<Event>) -> bool {
        let mut waiting = self.waiting.lock();
        if waiting.changes.len() >= WAITING_MAX {
            *waiting = Waiting { changes: VecDeque::new(), lost: true };
        } else {
            waiting.changes.push_back((prefix.clone(), event.clone()));
        }
        drop(waiting);
        self.wake.notify_one();
        true
    }
}

/// The reader of a feed; dropping it ends the feed.
pub struct Feed(Arc<FeedQueue>);

impl Feed {
    pub(super) fn new(queue: Arc<FeedQueue>) -> Self {
        Self(queue)
    }

    /// The next change, in revision order.
    ///
    /// # Cancellation
    /// Nothing is lost when the future is dropped.
    pub async fn next(&self) -> Fed {
        loop {
            {
                let mut waiting = self.0.waiting.lock();
                if std::mem::take(&mut waiting.lost) {
                    return Fed::Lost;
                }
                if let Some((prefix, event)) = waiting.changes.pop_front() {
                    return Fed::Change(prefix, event);
                }
            }
            self.0.wake.notified().await;
        }
    }
}
