//! From a change in a store to keys in the queue.

use std::sync::Arc;

use runtime::Lane;

use super::shared::Shared;
use crate::{
    Cached, Cluster, ClusterObjectRef, ObjectKey,
    fleet::{Scope, WeakFleet},
    store::{Change, Place, StoreCore, StoreListener},
};

fn lane(initial: bool) -> Lane {
    if initial { Lane::Initial } else { Lane::Fresh }
}

/// The reconciled kind.
pub(super) struct Primary<K: Cached> {
    pub(super) shared: Arc<Shared<K>>,
}

impl<K: Cached> StoreListener<K> for Primary<K> {
    fn changed(&self, place: &Place, change: &Change<'_, K>) {
        let shared = &self.shared;
        let Some(member) = shared.member_at(place) else { return };
        match change {
            Change::Applied { old, new, initial } => {
                if old.is_some_and(|old| self.is_same(old, new)) {
                    return;
                }
                let key = ObjectKey::of(new.as_ref());
                if shared.rules.keeps_deleted {
                    shared.take_deleted(&member.group(), &key);
                }
                shared.enqueue(&member, key, lane(*initial));
            }
            Change::Deleted(last) => {
                let key = ObjectKey::of(last.as_ref());
                shared.forget(&member.group(), &key);
                if shared.rules.keeps_deleted {
                    shared.keep_deleted(member.group(), key.clone(), (*last).clone());
                    shared.enqueue(&member, key, Lane::Fresh);
                }
            }
        }
    }

    fn synced(&self, scope: &Arc<Scope>) {
        self.shared.try_open(scope);
    }
}

impl<K: Cached> Primary<K> {
    fn is_same(&self, old: &K, new: &K) -> bool {
        let predicates = &self.shared.rules.predicates;
        let deletion = |object: &K| object.meta().deletion_timestamp.is_some();
        !predicates.is_empty()
            && old.meta().uid == new.meta().uid
            && deletion(old) == deletion(new)
            && predicates.iter().all(|predicate| predicate(new).is_some() && predicate(old) == predicate(new))
    }
}

type Map<O> = Box<dyn Fn(&Cluster, &Arc<O>) -> Vec<ClusterObjectRef> + Send + Sync>;

/// An owned or otherwise related kind.
pub(super) struct Mapped<O, K: Cached> {
    pub(super) shared: Arc<Shared<K>>,
    pub(super) fleet: WeakFleet,
    pub(super) map: Map<O>,
}

impl<O: Cached, K: Cached> Mapped<O, K> {
    pub(super) fn replay(&self, store: &StoreCore<O>, shared: &Shared<K>, cluster: &Cluster) {
        for object in store.list(&Place::of(cluster)) {
            for target in (self.map)(cluster, &object) {
                shared.enqueue_ref(target, Lane::Initial);
            }
        }
    }
}

impl<O: Cached, K: Cached> StoreListener<O> for Mapped<O, K> {
    fn changed(&self, place: &Place, change: &Change<'_, O>) {
        // The source may be a cluster that the controller itself does not work on.
        let Some(cluster) = self.fleet.upgrade().and_then(|fleet| fleet.at(place)) else { return };
        let (old, new, initial) = match change {
            Change::Applied { old, new, initial } => (*old, Some(*new), *initial),
            Change::Deleted(last) => (Some(*last), None, false),
        };
        // What the object pointed to before is concerned as well.
        for object in old.into_iter().chain(new) {
            for target in (self.map)(&cluster, object) {
                self.shared.enqueue_ref(target, lane(initial));
            }
        }
    }

    fn synced(&self, scope: &Arc<Scope>) {
        self.shared.try_open(scope);
    }
}

/// A kind that is only read.
pub(super) struct Gate<K: Cached> {
    pub(super) shared: Arc<Shared<K>>,
}

impl<O, K: Cached> StoreListener<O> for Gate<K> {
    fn changed(&self, _: &Place, _: &Change<'_, O>) {}

    fn synced(&self, scope: &Arc<Scope>) {
        self.shared.try_open(scope);
    }
}
