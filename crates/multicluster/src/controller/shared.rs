//! What the watch tasks and the worker of one controller share: its clusters, its queue, its failures.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, OnceLock},
    time::Duration,
};

use parking_lot::{Mutex, RwLock};
use runtime::{FairQueue, Lane, Limits};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use crate::{
    Cached, Cluster, ClusterKey, ClusterObjectRef, Gone, ObjectKey,
    fleet::{FleetListener, Scope, WeakFleet},
    store::{Place, StoreCore},
};

/// The queue's groups: one for each epoch, so that nothing of an earlier life of a cluster survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Group {
    pub(super) scope: u32,
    pub(super) epoch: u64,
}

impl Group {
    pub(super) fn of(cluster: &Cluster) -> Self {
        Group { scope: cluster.scope(), epoch: cluster.epoch().0 }
    }
}

/// The part of an object whose change counts, as a hash.
pub(super) type Property<K> = Box<dyn Fn(&K) -> Option<u64> + Send + Sync>;

pub(super) struct Rules<K> {
    pub(super) name: &'static str,
    pub(super) accepts: Box<dyn Fn(&Cluster) -> bool + Send + Sync>,
    pub(super) predicates: Vec<Property<K>>,
    pub(super) keeps_deleted: bool,
    pub(super) base: Duration,
}

#[derive(Clone, Copy)]
pub(super) struct Failing {
    pub(super) attempts: u32,
    pub(super) first: Instant,
    pub(super) last: Instant,
}

#[derive(Default)]
struct Members {
    by_key: HashMap<ClusterKey, Cluster>,
    by_place: HashMap<Place, Cluster>,
    by_group: HashMap<Group, Cluster>,
    /// Scopes in which every kind is synced.
    open: HashSet<u32>,
}

pub(super) type Gate = Box<dyn Fn(&Scope) -> bool + Send + Sync>;
pub(super) type Replay<K> = Box<dyn Fn(&Shared<K>, &Cluster) + Send + Sync>;

pub(crate) struct Shared<K: Cached> {
    pub(super) rules: Rules<K>,
    fleet: WeakFleet,
    pub(super) store: Arc<StoreCore<K>>,
    routes: OnceLock<(Vec<Gate>, Vec<Replay<K>>)>,
    members: RwLock<Members>,
    pub(super) queue: Mutex<FairQueue<Group, ObjectKey>>,
    pub(super) wake: Notify,
    pub(super) failing: Mutex<HashMap<(Group, ObjectKey), Failing>>,
    pub(super) deleted: Mutex<HashMap<(Group, ObjectKey), Arc<K>>>,
    pub(super) departures: Mutex<Vec<(Cluster, Gone)>>,
    pub(super) idle: watch::Sender<bool>,
}

impl<K: Cached> Shared<K> {
    pub(super) fn new(
        rules: Rules<K>,
        fleet: WeakFleet,
        store: Arc<StoreCore<K>>,
        limits: Limits,
        idle: watch::Sender<bool>,
    ) -> Self {
        Shared {
            rules,
            fleet,
            store,
            routes: OnceLock::new(),
            members: RwLock::default(),
            queue: Mutex::new(FairQueue::new(limits, |group: &Group| u64::from(group.scope))),
            wake: Notify::new(),
            failing: Mutex::default(),
            deleted: Mutex::default(),
            departures: Mutex::default(),
            idle,
        }
    }

    pub(super) fn set_routes(&self, gates: Vec<Gate>, replays: Vec<Replay<K>>) {
        // Set once by the builder, before anything is heard.
        let _ = self.routes.set((gates, replays));
    }

    pub(super) fn cluster_of(&self, group: &Group) -> Option<Cluster> {
        self.members.read().by_group.get(group).cloned()
    }

    /// The cluster whose entries live at a place, if the controller works on it and its scope is open.
    pub(super) fn cluster_at(&self, place: &Place) -> Option<Cluster> {
        let members = self.members.read();
        members.by_place.get(place).filter(|_| members.open.contains(&place.scope)).cloned()
    }

    /// Queues an object that somebody names; without effect unless its cluster is engaged and open, since opening goes through all objects.
    pub(super) fn enqueue_ref(&self, object: ClusterObjectRef, lane: Lane) {
        let cluster = {
            let members = self.members.read();
            let cluster = members.by_key.get(&object.cluster);
            cluster.filter(|cluster| members.open.contains(&cluster.scope())).cloned()
        };
        let Some(cluster) = cluster else { return };
        // An owner may be cluster-scoped while the owned object has a namespace.
        let key = object.object;
        let bare = ObjectKey { namespace: None, name: key.name.clone() };
        let place = Place::of(&cluster);
        let has = |key: &ObjectKey| self.store.get(&place, key).is_some();
        let key = if key.namespace.is_some() && !has(&key) && has(&bare) { bare } else { key };
        self.enqueue(&cluster, key, lane);
    }

    pub(super) fn enqueue(&self, cluster: &Cluster, key: ObjectKey, lane: Lane) {
        let (group, now) = (Group::of(cluster), Instant::now());
        let due =
            self.failing.lock().get(&(group, key.clone())).map(|failing| failing.last + self.rules.base);
        let mut queue = self.queue.lock();
        match due {
            // A change during the backoff runs the key early, but not more often than the base delay.
            Some(due) if due > now => queue.push_at(group, key, lane, due, now),
            _ => queue.push(group, key, lane, now),
        }
        drop(queue);
        self.idle.send_if_modified(|idle| std::mem::replace(idle, false));
        self.wake.notify_one();
    }

    pub(super) fn forget(&self, cluster: &Cluster, key: &ObjectKey) {
        let group = Group::of(cluster);
        self.failing.lock().remove(&(group, key.clone()));
        self.queue.lock().forget(&group, key);
    }

    /// Opens a scope once every kind is synced there, and goes through all objects of its clusters.
    pub(super) fn try_open(&self, scope: &Scope) {
        let Some((gates, _)) = self.routes.get() else { return };
        if !self.store.synced_in(scope) || !gates.iter().all(|gate| gate(scope)) {
            return;
        }
        let clusters: Vec<Cluster> = {
            let mut members = self.members.write();
            if !members.open.insert(scope.index) {
                return;
            }
            members.by_place.values().filter(|cluster| cluster.scope() == scope.index).cloned().collect()
        };
        for cluster in clusters {
            self.replay(&cluster);
        }
    }

    fn replay(&self, cluster: &Cluster) {
        for object in self.store.list(&Place::of(cluster)) {
            self.enqueue(cluster, ObjectKey::of(object.as_ref()), Lane::Initial);
        }
        for replay in self.routes.get().map(|(_, replays)| replays).into_iter().flatten() {
            replay(self, cluster);
        }
    }
}

impl<K: Cached> FleetListener for Shared<K> {
    fn engaged(&self, cluster: &Cluster) {
        if !(self.rules.accepts)(cluster) {
            return;
        }
        let open = {
            let mut members = self.members.write();
            members.by_key.insert(cluster.key().clone(), cluster.clone());
            members.by_place.insert(Place::of(cluster), cluster.clone());
            members.by_group.insert(Group::of(cluster), cluster.clone());
            members.open.contains(&cluster.scope())
        };
        if open {
            self.replay(cluster);
            return;
        }
        let scopes = self.fleet.upgrade().map(|fleet| fleet.scopes()).unwrap_or_default();
        if let Some(scope) = scopes.iter().find(|scope| scope.index == cluster.scope()) {
            self.try_open(scope);
        }
    }

    fn disengaged(&self, cluster: &Cluster, why: Gone) {
        let group = Group::of(cluster);
        {
            let mut members = self.members.write();
            if members.by_group.remove(&group).is_none() {
                return;
            }
            if members.by_key.get(cluster.key()).is_some_and(|held| held.epoch() == cluster.epoch()) {
                members.by_key.remove(cluster.key());
            }
            members.by_place.remove(&Place::of(cluster));
            if why == Gone::ScopeClosed && !members.by_group.keys().any(|other| other.scope == group.scope) {
                members.open.remove(&group.scope);
            }
        }
        self.queue.lock().drop_group(&group);
        self.failing.lock().retain(|(other, _), _| *other != group);
        self.deleted.lock().retain(|(other, _), _| *other != group);
        self.departures.lock().push((cluster.clone(), why));
        self.wake.notify_one();
    }
}
