//! Shared stores: one copy of each watched kind in the process, keyed by cluster.
//!
//! Entries are kept by scope and cluster as the server reports them, engaged or not; views show engaged clusters only. So a cluster that
//! moves shows the new scope's entries from the moment of its new epoch, and late events of the old scope have no effect.

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use crate::{
    Cluster, ClusterId, ClusterKey, Fleet, Index, ObjectKey, ProviderName,
    fleet::{Scope, WeakFleet},
    index::AnyIndex,
    kind::{Cached, kind_label},
};

const STRIPES: usize = 64;

/// Where entries of one cluster in one scope live.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) scope: u32,
    pub(crate) id: ClusterId,
}

impl Place {
    pub(crate) fn of(cluster: &Cluster) -> Self {
        Place { scope: cluster.scope(), id: cluster.id().clone() }
    }
}

/// What happened to an object.
pub(crate) enum Change<'a, K> {
    Applied { old: Option<&'a Arc<K>>, new: &'a Arc<K>, initial: bool },
    Deleted(&'a Arc<K>),
}

/// Hears of every change. Called by watch tasks with no lock held; must not block.
pub(crate) trait StoreListener<K>: Send + Sync {
    fn changed(&self, place: &Place, change: &Change<'_, K>);
    fn synced(&self, scope: &Arc<Scope>);
}

struct Entry<K> {
    object: Arc<K>,
    listed: u32,
}

type Table<K> = HashMap<ObjectKey, Entry<K>>;
type Stripe<K> = RwLock<HashMap<Place, Table<K>>>;

/// Which providers' scopes a store watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    All,
    Only(BTreeSet<ProviderName>),
}

impl Wanted {
    pub(crate) fn one(provider: ProviderName) -> Self {
        Wanted::Only(BTreeSet::from([provider]))
    }

    pub(crate) fn has(&self, provider: &ProviderName) -> bool {
        match self {
            Wanted::All => true,
            Wanted::Only(names) => names.contains(provider),
        }
    }

    fn widen(&mut self, other: Wanted) {
        match (&mut *self, other) {
            (Wanted::All, _) => {}
            (_, Wanted::All) => *self = Wanted::All,
            (Wanted::Only(names), Wanted::Only(more)) => names.extend(more),
        }
    }
}

/// The state of one kind in one scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ScopeSync {
    pub(crate) synced: bool,
    pub(crate) fault: Option<String>,
    pub(crate) relists: u64,
}

pub(crate) struct StoreCore<K: Cached> {
    pub(crate) label: Arc<str>,
    pub(crate) dt: K::DynamicType,
    stripes: Vec<Stripe<K>>,
    listeners: RwLock<BTreeMap<u64, Arc<dyn StoreListener<K>>>>,
    next_listener: AtomicU64,
    indexes: RwLock<Vec<Arc<dyn AnyIndex<K>>>>,
    wanted: Mutex<Wanted>,
    scopes: Mutex<HashMap<u32, (Arc<Scope>, ScopeSync)>>,
    tick: watch::Sender<u64>,
    count: AtomicU64,
}

/// A store of whatever kind, as the fleet holds it.
pub(crate) trait AnyStore: Send + Sync {
    fn any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
    fn label(&self) -> Arc<str>;
    fn wants(&self, provider: &ProviderName) -> bool;
    /// Starts the watch of a scope; once for each scope.
    fn open(self: Arc<Self>, fleet: &Fleet, scope: &Arc<Scope>);
    fn close(&self, scope: u32);
    fn sync_of(&self, scope: u32) -> Option<ScopeSync>;
    fn len(&self) -> u64;
}

impl<K: Cached> AnyStore for StoreCore<K> {
    fn any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }

    fn label(&self) -> Arc<str> {
        self.label.clone()
    }

    fn wants(&self, provider: &ProviderName) -> bool {
        self.wanted.lock().has(provider)
    }

    fn open(self: Arc<Self>, fleet: &Fleet, scope: &Arc<Scope>) {
        {
            let mut scopes = self.scopes.lock();
            if !self.wants(&scope.provider) || scopes.contains_key(&scope.index) {
                return;
            }
            scopes.insert(scope.index, (scope.clone(), ScopeSync::default()));
        }
        crate::feed::start(fleet, self, scope);
    }

    fn close(&self, scope: u32) {
        self.scopes.lock().remove(&scope);
        for stripe in &self.stripes {
            let mut dropped = Vec::new();
            stripe.write().retain(|place, table| {
                let keep = place.scope != scope;
                if !keep {
                    dropped.push((place.clone(), std::mem::take(table)));
                }
                keep
            });
            for (place, table) in dropped {
                self.count.fetch_sub(table.len() as u64, Ordering::Relaxed);
                let indexes = self.indexes.read();
                for (key, entry) in &table {
                    indexes.iter().for_each(|index| index.update(&place, key, Some(&entry.object), None));
                }
            }
        }
        self.bump();
    }

    fn sync_of(&self, scope: u32) -> Option<ScopeSync> {
        self.scopes.lock().get(&scope).map(|(_, sync)| sync.clone())
    }

    fn len(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

impl<K: Cached> StoreCore<K> {
    pub(crate) fn new(dt: K::DynamicType, wanted: Wanted) -> Self {
        StoreCore {
            label: kind_label::<K>(&dt).into(),
            dt,
            stripes: (0..STRIPES).map(|_| RwLock::default()).collect(),
            listeners: RwLock::default(),
            next_listener: AtomicU64::new(0),
            indexes: RwLock::default(),
            wanted: Mutex::new(wanted),
            scopes: Mutex::default(),
            tick: watch::Sender::new(0),
            count: AtomicU64::new(0),
        }
    }

    pub(crate) fn widen(&self, wanted: Wanted) {
        self.wanted.lock().widen(wanted);
    }

    fn stripe(&self, id: &ClusterId) -> &Stripe<K> {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        &self.stripes[(hasher.finish() % STRIPES as u64) as usize]
    }

    fn bump(&self) {
        self.tick.send_modify(|tick| *tick += 1);
    }

    // Writer side: the watch task of a scope.

    /// Stores an object; an unchanged resource version changes and triggers nothing.
    pub(crate) fn apply(&self, place: &Place, object: K, listed: u32, initial: bool) {
        let key = ObjectKey::of(&object);
        let new = Arc::new(object);
        let old = {
            let indexes = self.indexes.read();
            let mut stripe = self.stripe(&place.id).write();
            let table = stripe.entry(place.clone()).or_default();
            if let Some(entry) = table.get_mut(&key) {
                let (was, is) = (&entry.object.meta().resource_version, &new.meta().resource_version);
                if was.is_some() && was == is {
                    entry.listed = listed;
                    return;
                }
            }
            let old =
                table.insert(key.clone(), Entry { object: new.clone(), listed }).map(|entry| entry.object);
            if old.is_none() {
                self.count.fetch_add(1, Ordering::Relaxed);
            }
            drop(stripe);
            indexes.iter().for_each(|index| index.update(place, &key, old.as_ref(), Some(&new)));
            old
        };
        self.notify(place, &Change::Applied { old: old.as_ref(), new: &new, initial });
    }

    /// Removes an object; the last known one goes to the listeners.
    pub(crate) fn delete(&self, place: &Place, key: &ObjectKey) {
        let old = {
            let indexes = self.indexes.read();
            let mut stripe = self.stripe(&place.id).write();
            let Some(table) = stripe.get_mut(place) else { return };
            let Some(entry) = table.remove(key) else { return };
            if table.is_empty() {
                stripe.remove(place);
            }
            drop(stripe);
            self.count.fetch_sub(1, Ordering::Relaxed);
            indexes.iter().for_each(|index| index.update(place, key, Some(&entry.object), None));
            entry.object
        };
        self.notify(place, &Change::Deleted(&old));
    }

    /// Ends a complete list: what it did not contain is deleted, and the kind counts as synced in this scope.
    pub(crate) fn list_done(&self, scope: &Arc<Scope>, listed: u32) {
        for stripe in &self.stripes {
            let mut vanished = Vec::new();
            for (place, table) in stripe.read().iter().filter(|(place, _)| place.scope == scope.index) {
                let old = table.iter().filter(|(_, entry)| entry.listed != listed);
                vanished.extend(old.map(|(key, _)| (place.clone(), key.clone())));
            }
            for (place, key) in vanished {
                self.delete(&place, &key);
            }
        }
        let first = {
            let mut scopes = self.scopes.lock();
            let Some((_, sync)) = scopes.get_mut(&scope.index) else { return };
            sync.fault = None;
            sync.relists += 1;
            !std::mem::replace(&mut sync.synced, true)
        };
        self.bump();
        if first {
            for listener in self.listening() {
                listener.synced(scope);
            }
        }
    }

    pub(crate) fn fault(&self, scope: u32, fault: Option<String>) {
        if let Some((_, sync)) = self.scopes.lock().get_mut(&scope) {
            sync.fault = fault;
        }
        self.bump();
    }

    fn notify(&self, place: &Place, change: &Change<'_, K>) {
        for listener in self.listening() {
            listener.changed(place, change);
        }
    }

    fn listening(&self) -> Vec<Arc<dyn StoreListener<K>>> {
        self.listeners.read().values().cloned().collect()
    }

    // Reader side.

    /// Adds a listener. It hears of every change from now on; what is there already, it must read itself afterwards.
    pub(crate) fn listen(&self, listener: Arc<dyn StoreListener<K>>) -> u64 {
        let id = self.next_listener.fetch_add(1, Ordering::Relaxed);
        self.listeners.write().insert(id, listener);
        id
    }

    pub(crate) fn unlisten(&self, id: u64) {
        self.listeners.write().remove(&id);
    }

    pub(crate) fn get(&self, place: &Place, key: &ObjectKey) -> Option<Arc<K>> {
        self.stripe(&place.id).read().get(place)?.get(key).map(|entry| entry.object.clone())
    }

    pub(crate) fn list(&self, place: &Place) -> Vec<Arc<K>> {
        let stripe = self.stripe(&place.id).read();
        stripe
            .get(place)
            .map(|table| table.values().map(|entry| entry.object.clone()).collect())
            .unwrap_or_default()
    }

    pub(crate) fn synced_in(&self, scope: &Scope) -> bool {
        // A store that does not watch this provider has nothing to wait for there.
        !self.wants(&scope.provider) || self.sync_of(scope.index).is_some_and(|sync| sync.synced)
    }

    pub(crate) fn add_index(&self, index: Arc<dyn AnyIndex<K>>) {
        let mut indexes = self.indexes.write();
        for stripe in &self.stripes {
            for (place, table) in stripe.read().iter() {
                for (key, entry) in table {
                    index.update(place, key, None, Some(&entry.object));
                }
            }
        }
        indexes.push(index);
    }
}

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

    /// All objects of all engaged clusters, in no order.
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
        self.core.len()
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

    /// All objects, in no order.
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
