//! Shared stores: one copy of each watched kind in the process, keyed by cluster.
//!
//! Entries are kept by scope and cluster as the server reports them, engaged or not; views show engaged clusters only. So a cluster that
//! moves shows the new scope's entries from the moment of its new epoch, and late events of the old scope have no effect.

mod kept; // how an object lies in memory
mod subscribe;
mod table; // entries, listeners, indexes // changes as a stream

use std::{hash::Hash, sync::Arc};

use crate::{Cluster, ClusterKey, Index, ObjectKey, fleet::WeakFleet, kind::Cached};

pub use kept::Form;
pub use subscribe::{StoreEvent, StoreEvents};
pub(crate) use table::{AnyStore, Change, Place, StoreCore, StoreListener, Wanted};

/// The shared store of one kind. Reads are local and never start a watch.
pub struct FleetStore<K: Cached> {
    pub(crate) core: Arc<StoreCore<K>>,
    pub(crate) fleet: WeakFleet,
}

impl<K: Cached> Clone for FleetStore<K> {
    fn clone(&self) -> Self {
        FleetStore { core: self.core.clone(), fleet: self.fleet.clone() }
    }
}

impl<K: Cached> FleetStore<K> {
    /// The view of one cluster.
    pub fn of(&self, cluster: &Cluster) -> ClusterStore<K> {
        ClusterStore { core: self.core.clone(), place: Place::of(cluster), cluster: cluster.clone() }
    }

    /// All objects of all engaged clusters, cluster by cluster.
    pub fn all(&self) -> Vec<(Cluster, Arc<K>)> {
        let Some(fleet) = self.fleet.upgrade() else { return Vec::new() };
        let of = |cluster: Cluster| {
            let objects = self.core.list(&Place::of(&cluster));
            objects.into_iter().map(move |object| (cluster.clone(), object))
        };
        fleet.clusters().into_iter().flat_map(of).collect()
    }

    /// The objects of all engaged clusters for which an index gives `value`.
    pub fn by<V: Hash + Eq + Send + Sync + 'static>(
        &self,
        index: &Index<K, V>,
        value: &V,
    ) -> Vec<(ClusterKey, Arc<K>)> {
        let Some(fleet) = self.fleet.upgrade() else { return Vec::new() };
        let found = index.find(value).into_iter().filter_map(|(place, key)| {
            let cluster = fleet.at(&place)?;
            Some((cluster.key().clone(), self.core.get(&place, &key)?))
        });
        found.collect()
    }

    /// Changes as a stream: what is there first, then each object that changed, once for any number of changes that were not read yet.
    pub fn subscribe(&self) -> StoreEvents<K> {
        let inbox = Arc::new(subscribe::Inbox::new(self.core.clone(), self.fleet.clone()));
        // Changes from here on are heard of; what is there is noted as the clusters are.
        let store = self.core.listen(inbox.clone());
        let fleet = self.fleet.upgrade().map(|fleet| fleet.listen(inbox.clone()));
        StoreEvents { inbox, store, fleet }
    }

    /// Waits until the kind is synced in every scope that serves it.
    pub async fn ready(&self) {
        let mut tick = self.core.tick.subscribe();
        loop {
            let all = self.core.scopes.lock().values().all(|(_, sync)| sync.synced);
            let started = self.fleet.upgrade().is_none_or(|fleet| fleet.reported());
            if all && started {
                return;
            }
            tokio::select! {
                changed = tick.changed() => if changed.is_err() { return },
                // The first report of the providers moves no tick of this store.
                () = tokio::time::sleep(std::time::Duration::from_millis(50)) => {}
            }
        }
    }

    /// How many objects are stored, engaged or not.
    pub fn len(&self) -> u64 {
        self.core.count()
    }

    /// Whether nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The objects of one kind in one cluster.
pub struct ClusterStore<K: Cached> {
    core: Arc<StoreCore<K>>,
    place: Place,
    cluster: Cluster,
}

impl<K: Cached> ClusterStore<K> {
    /// An object without a namespace.
    pub fn get(&self, name: &str) -> Option<Arc<K>> {
        self.get_key(&ObjectKey::named(name))
    }

    /// An object in a namespace.
    pub fn get_in(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        self.get_key(&ObjectKey::namespaced(namespace, name))
    }

    /// An object by key; none once the cluster's engagement ended.
    pub fn get_key(&self, key: &ObjectKey) -> Option<Arc<K>> {
        if self.cluster.is_gone().is_some() {
            return None;
        }
        self.core.get(&self.place, key)
    }

    /// All objects, in the order of their keys.
    pub fn list(&self) -> Vec<Arc<K>> {
        if self.cluster.is_gone().is_some() {
            return Vec::new();
        }
        self.core.list(&self.place)
    }

    /// The objects for which an index gives `value`.
    pub fn by<V: Hash + Eq + Send + Sync + 'static>(&self, index: &Index<K, V>, value: &V) -> Vec<Arc<K>> {
        let here = index.find(value).into_iter().filter(|(place, _)| *place == self.place);
        here.filter_map(|(_, key)| self.get_key(&key)).collect()
    }

    /// Whether the kind is synced where this cluster is served.
    pub fn is_synced(&self) -> bool {
        self.core.sync_of(self.place.scope).is_some_and(|sync| sync.synced)
    }
}
