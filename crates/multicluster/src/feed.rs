//! From a list and watch into a store: one task for each kind and scope.

use std::{collections::HashMap, sync::Arc};

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
        client: scope.client.clone(),
        redial: scope.redial.clone(),
        dt: store.dt.clone(),
        field_selector: None,
    };
    let ids = fleet.ids().part(&format!("watch/{}/{}", store.label, scope.id));
    let name = format!("watch {} {}", store.label, scope.id);
    let stop = scope.stop.clone();
    let mut feed = Feed {
        store,
        scope: scope.clone(),
        fleet: fleet.clone(),
        listed: 0,
        initial: true,
        listing: false,
        places: HashMap::new(),
    };
    fleet.tasks().spawn(name, End::MayEnd, async move {
        stop.or(what.run(ids, &mut feed)).await;
    });
}

struct Feed<K: Cached> {
    store: Arc<StoreCore<K>>,
    scope: Arc<Scope>,
    fleet: Fleet,
    /// Which complete list is the current one.
    listed: u32,
    initial: bool,
    listing: bool,
    /// One `ClusterId` for each cluster, so that places share their text.
    places: HashMap<ClusterId, Place>,
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
                    self.store.apply(&place, *object, self.listed, self.initial && self.listing);
                }
            }
            Seen::Deleted(meta) => self.delete(&meta),
            Seen::ListEnd => {
                self.listing = false;
                self.initial = false;
                self.store.list_done(&self.scope, self.listed);
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
            Seen::Fault { reason, .. } => {
                tracing::warn!(scope = %self.scope.id, error = reason, "watch interrupted");
                self.store.fault(self.scope.index, Some(reason));
            }
            Seen::Healthy => self.store.fault(self.scope.index, None),
        }
    }
}

impl<K: Cached> Feed<K> {
    fn delete(&mut self, meta: &ObjectMeta) {
        let Some(place) = self.place(meta) else { return };
        let namespace = meta.namespace.as_deref().filter(|namespace| !namespace.is_empty());
        let key = ObjectKey {
            namespace: namespace.map(Arc::from),
            name: meta.name.as_deref().unwrap_or_default().into(),
        };
        self.store.delete(&place, &key);
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
