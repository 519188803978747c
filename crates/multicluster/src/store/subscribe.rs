//! Changes of a store as a stream: a snapshot first, then each object that changed, in memory bounded by distinct objects.

use std::{
    collections::{HashMap, VecDeque},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use futures::Stream;
use parking_lot::Mutex;

use super::table::{Change, Place, StoreCore, StoreListener};
use crate::{
    Cached, Cluster, Epoch, Gone, ObjectKey,
    fleet::{FleetListener, Scope, WeakFleet},
};

/// What happened to an object of an engaged cluster.
#[derive(Clone, Debug)]
pub enum StoreEvent<K> {
    /// It is there, as it is now.
    Applied(Cluster, Arc<K>),
    /// It is gone; this was the last known state.
    Deleted(Cluster, Arc<K>),
    /// The cluster is gone, with all its objects.
    ClusterDropped(Cluster),
}

enum Item {
    Object(Cluster, ObjectKey),
    Dropped(Cluster),
}

struct Unread<K> {
    order: VecDeque<Item>,
    /// Objects in `order`, with their last state where they are gone by now.
    dirty: HashMap<(Epoch, ObjectKey), Option<Arc<K>>>,
    waker: Option<Waker>,
}

pub(super) struct Inbox<K: Cached> {
    store: Arc<StoreCore<K>>,
    fleet: WeakFleet,
    unread: Mutex<Unread<K>>,
}

impl<K: Cached> Inbox<K> {
    pub(super) fn new(store: Arc<StoreCore<K>>, fleet: WeakFleet) -> Self {
        let unread = Unread { order: VecDeque::new(), dirty: HashMap::new(), waker: None };
        Inbox { store, fleet, unread: Mutex::new(unread) }
    }

    fn note(&self, cluster: &Cluster, key: ObjectKey, last: Option<Arc<K>>) {
        let mut unread = self.unread.lock();
        if unread.dirty.insert((cluster.epoch(), key.clone()), last).is_none() {
            unread.order.push_back(Item::Object(cluster.clone(), key));
        }
        wake(&mut unread.waker);
    }

    fn next(&self) -> Option<StoreEvent<K>> {
        loop {
            let (cluster, key, last) = {
                let mut unread = self.unread.lock();
                match unread.order.pop_front()? {
                    Item::Dropped(cluster) => return Some(StoreEvent::ClusterDropped(cluster)),
                    Item::Object(cluster, key) => {
                        let Some(last) = unread.dirty.remove(&(cluster.epoch(), key.clone())) else {
                            continue;
                        };
                        (cluster, key, last)
                    }
                }
            };
            match (self.store.get(&Place::of(&cluster), &key), last) {
                (Some(object), _) => return Some(StoreEvent::Applied(cluster, object)),
                (None, Some(last)) => return Some(StoreEvent::Deleted(cluster, last)),
                // Gone between its change and now; its deletion is noted next.
                (None, None) => {}
            }
        }
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

impl<K: Cached> StoreListener<K> for Inbox<K> {
    fn changed(&self, place: &Place, change: &Change<'_, K>) {
        let Some(cluster) = self.fleet.upgrade().and_then(|fleet| fleet.at(place)) else { return };
        match change {
            Change::Applied { new, .. } => self.note(&cluster, ObjectKey::of(new.as_ref()), None),
            Change::Deleted(last) => {
                self.note(&cluster, ObjectKey::of(last.as_ref()), Some((*last).clone()));
            }
        }
    }

    fn synced(&self, _: &Arc<Scope>) {}
}

impl<K: Cached> FleetListener for Inbox<K> {
    fn engaged(&self, cluster: &Cluster) {
        for key in self.store.keys(&Place::of(cluster)) {
            self.note(cluster, key, None);
        }
    }

    fn disengaged(&self, cluster: &Cluster, _: Gone) {
        let mut unread = self.unread.lock();
        unread.dirty.retain(|(epoch, _), _| *epoch != cluster.epoch());
        unread
            .order
            .retain(|item| !matches!(item, Item::Object(other, _) if other.epoch() == cluster.epoch()));
        unread.order.push_back(Item::Dropped(cluster.clone()));
        wake(&mut unread.waker);
    }
}

/// Changes of a store; see [`FleetStore::subscribe`](crate::FleetStore::subscribe). Never ends by itself.
pub struct StoreEvents<K: Cached> {
    pub(super) inbox: Arc<Inbox<K>>,
    pub(super) store: u64,
    pub(super) fleet: Option<u64>,
}

impl<K: Cached> Stream for StoreEvents<K> {
    type Item = StoreEvent<K>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<StoreEvent<K>>> {
        // Registered first: what is noted while we look wakes us again.
        self.inbox.unread.lock().waker = Some(cx.waker().clone());
        self.inbox.next().map_or(Poll::Pending, |event| Poll::Ready(Some(event)))
    }
}

impl<K: Cached> Drop for StoreEvents<K> {
    fn drop(&mut self) {
        self.inbox.store.unlisten(self.store);
        if let (Some(id), Some(fleet)) = (self.fleet, self.inbox.fleet.upgrade()) {
            fleet.unlisten(id);
        }
    }
}
