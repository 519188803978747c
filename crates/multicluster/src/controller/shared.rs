//! What the watch tasks and the worker of one controller share: its clusters, its queue, its failures.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, OnceLock},
    time::Duration,
};

use parking_lot::{Mutex, RwLock};
use runtime::{FairQueue, Lane, Limits};
use serde_json::{Value, json};
use tokio::{
    sync::{Notify, broadcast, watch},
    time::Instant,
};

use crate::{
    Cached, Cluster, ClusterKey, ClusterObjectRef, Fence, Gone, ObjectKey, Reconciled,
    fleet::{FleetListener, Inspect, Scope, WeakFleet},
    store::{Place, StoreCore},
};

/// The queue's groups: one for each epoch and claim, so that nothing of an earlier life of a cluster survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Group {
    pub(super) scope: u32,
    pub(super) epoch: u64,
    pub(super) claim: u64,
}

/// A cluster that the controller works on.
#[derive(Clone)]
pub(super) struct Member {
    pub(super) cluster: Cluster,
    pub(super) fence: Fence,
}

impl Member {
    pub(super) fn group(&self) -> Group {
        Group { scope: self.cluster.scope(), epoch: self.cluster.epoch().0, claim: self.fence.claim() }
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
    pub(super) debounce: Option<Duration>,
}

#[derive(Clone, Copy)]
pub(super) struct Failing {
    pub(super) attempts: u32,
    pub(super) first: Instant,
    pub(super) last: Instant,
}

#[derive(Default)]
struct Members {
    by_key: HashMap<ClusterKey, Member>,
    by_place: HashMap<Place, Member>,
    by_group: HashMap<Group, Member>,
    /// How many clusters of each scope there are.
    of_scope: HashMap<u32, usize>,
    /// Scopes in which every kind is synced.
    open: HashSet<u32>,
}

impl Members {
    fn put(&mut self, member: &Member) -> bool {
        let place = Place::of(&member.cluster);
        if self.by_place.insert(place, member.clone()).is_none() {
            *self.of_scope.entry(member.cluster.scope()).or_default() += 1;
        }
        self.by_key.insert(member.cluster.key().clone(), member.clone());
        self.by_group.insert(member.group(), member.clone()).is_none()
    }

    /// Removes an engagement; the last cluster of a scope closes it, so that the next one waits for its kinds again.
    fn take(&mut self, cluster: &Cluster) -> Option<Member> {
        let place = Place::of(cluster);
        let member =
            self.by_place.get(&place).filter(|held| held.cluster.epoch() == cluster.epoch())?.clone();
        self.by_place.remove(&place);
        self.by_group.remove(&member.group());
        if self.by_key.get(cluster.key()).is_some_and(|held| held.cluster.epoch() == cluster.epoch()) {
            self.by_key.remove(cluster.key());
        }
        if let Some(count) = self.of_scope.get_mut(&cluster.scope()) {
            *count -= 1;
            if *count == 0 {
                self.of_scope.remove(&cluster.scope());
                self.open.remove(&cluster.scope());
            }
        }
        Some(member)
    }
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
    pub(super) failing: Mutex<HashMap<Group, HashMap<ObjectKey, Failing>>>,
    pub(super) deleted: Mutex<HashMap<Group, HashMap<ObjectKey, Arc<K>>>>,
    pub(super) departures: Mutex<Vec<(Member, Gone)>>,
    pub(super) idle: watch::Sender<bool>,
    pub(super) results: broadcast::Sender<Reconciled>,
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
            results: broadcast::Sender::new(1024),
        }
    }

    pub(super) fn set_routes(&self, gates: Vec<Gate>, replays: Vec<Replay<K>>) {
        // Set once by the builder, before anything is heard.
        let _ = self.routes.set((gates, replays));
    }

    pub(super) fn member_of(&self, group: &Group) -> Option<Member> {
        self.members.read().by_group.get(group).cloned()
    }

    /// The cluster whose entries live at a place, if the controller works on it and its scope is open.
    pub(super) fn member_at(&self, place: &Place) -> Option<Member> {
        let members = self.members.read();
        members.by_place.get(place).filter(|_| members.open.contains(&place.scope)).cloned()
    }

    /// Queues an object that somebody names; without effect unless its cluster is engaged and open, since opening goes through all objects.
    pub(super) fn enqueue_ref(&self, object: ClusterObjectRef, lane: Lane) {
        let member = {
            let members = self.members.read();
            let Some(member) = members.by_key.get(&object.cluster) else { return };
            if !members.open.contains(&member.cluster.scope()) {
                return;
            }
            member.clone()
        };
        self.enqueue(&member, self.existing(&member.cluster, object.object), lane);
    }

    /// An owner without a namespace may be named with the namespace of what it owns.
    fn existing(&self, cluster: &Cluster, key: ObjectKey) -> ObjectKey {
        let place = Place::of(cluster);
        if key.namespace.is_some() && !self.store.has(&place, &key) {
            let bare = ObjectKey { namespace: None, name: key.name.clone() };
            if self.store.has(&place, &bare) {
                return bare;
            }
        }
        key
    }

    pub(super) fn enqueue(&self, member: &Member, key: ObjectKey, lane: Lane) {
        let (group, now) = (member.group(), Instant::now());
        let due = match lane {
            // A change during the backoff runs it, but not more often than the base delay.
            Lane::Fresh => {
                let failing = self.failing.lock();
                failing
                    .get(&group)
                    .and_then(|keys| keys.get(&key))
                    .map(|failing| failing.last + self.rules.base)
            }
            Lane::Retry | Lane::Initial => None,
        };
        let quiet = self.rules.debounce.filter(|_| lane == Lane::Fresh).map(|quiet| now + quiet);
        let mut queue = self.queue.lock();
        match due.max(quiet) {
            Some(due) if due > now => queue.push_at(group, key, lane, due, now),
            _ => queue.push(group, key, lane, now),
        }
        drop(queue);
        self.idle.send_if_modified(|idle| std::mem::replace(idle, false));
        self.wake.notify_one();
    }

    pub(super) fn forget(&self, group: &Group, key: &ObjectKey) {
        if let Some(keys) = self.failing.lock().get_mut(group) {
            keys.remove(key);
        }
        self.queue.lock().forget(group, key);
    }

    pub(super) fn keep_deleted(&self, group: Group, key: ObjectKey, last: Arc<K>) {
        self.deleted.lock().entry(group).or_default().insert(key, last);
    }

    pub(super) fn take_deleted(&self, group: &Group, key: &ObjectKey) -> Option<Arc<K>> {
        self.deleted.lock().get_mut(group)?.remove(key)
    }

    /// Opens a scope once every kind is synced there, and goes through all objects of its clusters.
    pub(super) fn try_open(&self, scope: &Scope) {
        let Some((gates, _)) = self.routes.get() else { return };
        if !self.store.synced_in(scope) || !gates.iter().all(|gate| gate(scope)) {
            return;
        }
        let mut members: Vec<Member> = {
            let mut members = self.members.write();
            if !members.open.insert(scope.index) {
                return;
            }
            members
                .by_place
                .values()
                .filter(|member| member.cluster.scope() == scope.index)
                .cloned()
                .collect()
        };
        members.sort_unstable_by_key(|member| member.cluster.epoch());
        for member in members {
            self.replay(&member);
        }
    }

    fn replay(&self, member: &Member) {
        for key in self.store.keys(&Place::of(&member.cluster)) {
            self.enqueue(member, key, Lane::Initial);
        }
        for replay in self.routes.get().map(|(_, replays)| replays).into_iter().flatten() {
            replay(self, &member.cluster);
        }
    }

    fn join(&self, cluster: &Cluster) {
        if !(self.rules.accepts)(cluster) {
            return;
        }
        let Some(fleet) = self.fleet.upgrade() else { return };
        let Some(fence) = fleet.fence(cluster) else { return };
        let member = Member { cluster: cluster.clone(), fence };
        let open = {
            let mut members = self.members.write();
            if !members.put(&member) {
                return;
            }
            members.open.contains(&cluster.scope())
        };
        if open {
            self.replay(&member);
        } else if let Some(scope) = fleet.scope(cluster.scope()) {
            self.try_open(&scope);
        }
    }

    fn leave(&self, cluster: &Cluster) -> Option<Member> {
        let member = self.members.write().take(cluster)?;
        let group = member.group();
        self.queue.lock().drop_group(&group);
        self.failing.lock().remove(&group);
        self.deleted.lock().remove(&group);
        Some(member)
    }
}

impl<K: Cached> FleetListener for Shared<K> {
    fn engaged(&self, cluster: &Cluster) {
        self.join(cluster);
    }

    fn disengaged(&self, cluster: &Cluster, why: Gone) {
        if let Some(member) = self.leave(cluster) {
            self.departures.lock().push((member, why));
            self.wake.notify_one();
        }
    }

    fn owned(&self, cluster: &Cluster) {
        self.join(cluster);
    }

    fn disowned(&self, cluster: &Cluster) {
        self.leave(cluster);
    }
}

impl<K: Cached> Inspect for Shared<K> {
    fn view(&self, clusters: usize) -> Value {
        let (depths, delayed, running, fullest) = {
            let queue = self.queue.lock();
            let depths = Lane::ALL.map(|lane| (lane.name(), queue.depth(lane)));
            (depths, queue.delayed(), queue.running(), queue.fullest(clusters))
        };
        let named = fullest.into_iter().filter_map(|(group, waiting, running)| {
            let member = self.member_of(&group)?;
            Some(json!({"cluster": member.cluster.key().to_string(), "waiting": waiting, "running": running}))
        });
        json!({
            "controller": self.rules.name,
            "depth": depths.into_iter().map(|(lane, depth)| (lane.to_owned(), json!(depth))).collect::<serde_json::Map<_, _>>(),
            "delayed": delayed, "running": running, "fullest": named.collect::<Vec<_>>(),
        })
    }
}
