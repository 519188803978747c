//! From a list and watch into a store: one task for each kind and scope.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use runtime::End;
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    Cached, ClusterId, Fleet, ListWatch, ObjectKey, Seen, WatchSink,
    fleet::Scope,
    store::{Place, StoreCore},
};

/// Starts the task; it ends when the scope closes.
pub(crate) fn start<K: Cached>(fleet: &Fleet, store: Arc<StoreCore<K>>, scope: &Arc<Scope>) {
    let what = ListWatch {
        redial: scope.redial.clone(),
        lists: fleet.limits().lists,
        progress: store.progress_of(scope.index),
        ..ListWatch::new(scope.client.clone(), store.dt.clone())
    };
    let ids = fleet.ids().part(&format!("watch/{}/{}", store.label, scope.id));
    let name = format!("watch {} {}", store.label, scope.id);
    let stop = scope.stop.clone();
    let mut feed = Feed::new(fleet, store, scope);
    fleet.tasks().spawn(name, End::MayEnd, async move {
        stop.or(what.run(ids, &mut feed)).await;
    });
}

/// What a watch sees, taken into a store.
pub(crate) struct Feed<K: Cached> {
    store: Arc<StoreCore<K>>,
    scope: Arc<Scope>,
    fleet: Fleet,
    /// Which complete list is the current one.
    listed: u32,
    initial: bool,
    listing: bool,
    /// One `ClusterId` for each cluster, so that places share their text.
    places: HashMap<ClusterId, Place>,
    names: Names,
}

/// Texts that many keys share: namespaces, and names that every cluster has.
#[derive(Default)]
struct Names(HashSet<Arc<str>>);

impl Names {
    fn share(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return known.clone();
        }
        // Names of one object each must not pile up; what is common comes back at once.
        if self.0.len() >= 1024 {
            self.0.clear();
        }
        let text: Arc<str> = text.into();
        self.0.insert(text.clone());
        text
    }

    fn key(&mut self, meta: &ObjectMeta) -> ObjectKey {
        let namespace = meta.namespace.as_deref().filter(|namespace| !namespace.is_empty());
        ObjectKey {
            namespace: namespace.map(|namespace| self.share(namespace)),
            name: self.share(meta.name.as_deref().unwrap_or_default()),
        }
    }
}

impl<K: Cached> WatchSink<K> for Feed<K> {
    async fn list_permit(&mut self) -> Option<OwnedSemaphorePermit> {
        self.scope.list_permit().await
    }

    async fn seen(&mut self, seen: Seen<K>) {
        match seen {
            Seen::ListBegin => {
                self.listed = self.listed.wrapping_add(1);
                self.listing = true;
                // Clusters that left must not be remembered for ever.
                self.places.clear();
            }
            Seen::Applied(object) => {
                if let Some(place) = self.place(object.meta()) {
                    let key = self.names.key(object.meta());
                    self.store.apply(&place, key, *object, self.listed, self.initial && self.listing);
                }
            }
            Seen::Deleted(meta) => self.delete(&meta),
            Seen::ListEnd => {
                self.listing = false;
                self.initial = false;
                self.store.list_done(&self.scope, self.listed);
                self.report();
            }
            Seen::FellBack => {
                self.fleet.metrics().relist(&self.store.label, "streaming_fell_back");
                tracing::info!(kind = %self.store.label, scope = %self.scope.id, "streaming list did not end, reading lists in pages from now on");
            }
            Seen::Expired => self.fleet.metrics().relist(&self.store.label, "expired"),
            Seen::Unreadable { meta, why } => {
                self.fleet.metrics().dropped("does_not_parse");
                tracing::warn!(kind = %self.store.label, scope = %self.scope.id, error = why, "object does not parse, left out");
                // An older copy that parsed would be stale for ever.
                if let Some(meta) = meta {
                    self.delete(&meta);
                }
            }
            Seen::Fault { reason, code } => {
                tracing::warn!(scope = %self.scope.id, error = reason, "watch interrupted");
                self.store.fault(self.scope.index, reason, code);
                self.fleet.metrics().watch_up(&self.store.label, &self.scope.id, false);
                if code == 403 {
                    self.fleet.check_forbidden(&self.scope);
                }
            }
            Seen::Healthy => {
                self.store.healthy(self.scope.index);
                self.fleet.metrics().watch_up(&self.store.label, &self.scope.id, true);
                self.report();
                self.fleet.allow_again(&self.scope);
            }
        }
    }
}

impl<K: Cached> Drop for Feed<K> {
    fn drop(&mut self) {
        self.fleet.metrics().watch_gone(&self.store.label, &self.scope.id);
    }
}

impl<K: Cached> Feed<K> {
    pub(crate) fn new(fleet: &Fleet, store: Arc<StoreCore<K>>, scope: &Arc<Scope>) -> Self {
        Feed {
            store,
            scope: scope.clone(),
            fleet: fleet.clone(),
            listed: 0,
            initial: true,
            listing: false,
            places: HashMap::new(),
            names: Names::default(),
        }
    }

    fn delete(&mut self, meta: &ObjectMeta) {
        let Some(place) = self.place(meta) else { return };
        let key = self.names.key(meta);
        self.store.delete(&place, &key);
    }

    fn report(&self) {
        self.fleet.metrics().stored(&self.store.label, self.store.count(), self.store.bytes());
    }

    fn place(&mut self, meta: &ObjectMeta) -> Option<Place> {
        let Some(id) = self.scope.demux.cluster(meta) else {
            self.fleet.metrics().dropped("no_cluster");
            self.scope.say_once_a_minute(|| {
                tracing::warn!(kind = %self.store.label, scope = %self.scope.id, "object names no cluster, left out");
            });
            return None;
        };
        if let Some(place) = self.places.get(&id) {
            return Some(place.clone());
        }
        let place = Place { scope: self.scope.index, id: id.clone() };
        self.places.insert(id, place.clone());
        Some(place)
    }
}
