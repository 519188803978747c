//! What a store holds and how it changes: entries by scope and cluster, listeners, indexes.

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
use tokio::{sync::watch, time::Instant};

use super::kept::{Form, Kept};
use crate::{
    Cluster, ClusterId, Fleet, ObjectKey, Progress, ProviderName,
    fleet::Scope,
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

/// Hears of every change. Called by watch tasks with no lock held that a reader wants; must not block.
pub(crate) trait StoreListener<K>: Send + Sync {
    fn changed(&self, place: &Place, change: &Change<'_, K>);
    fn synced(&self, scope: &Arc<Scope>);
}

struct Entry<K> {
    object: Kept<K>,
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
#[derive(Clone, Debug, Default)]
pub(crate) struct ScopeSync {
    pub(crate) synced: bool,
    pub(crate) fault: Option<String>,
    /// Since when the server refuses with 403.
    pub(crate) forbidden_since: Option<Instant>,
    pub(crate) relists: u64,
    pub(crate) progress: Progress,
}

pub(crate) struct StoreCore<K: Cached> {
    pub(crate) label: Arc<str>,
    pub(crate) dt: K::DynamicType,
    form: Form,
    stripes: Vec<Stripe<K>>,
    listeners: RwLock<BTreeMap<u64, Arc<dyn StoreListener<K>>>>,
    next_listener: AtomicU64,
    indexes: RwLock<Vec<Arc<dyn AnyIndex<K>>>>,
    wanted: Mutex<Wanted>,
    pub(super) scopes: Mutex<HashMap<u32, (Arc<Scope>, ScopeSync)>>,
    pub(super) tick: watch::Sender<u64>,
    count: AtomicU64,
    bytes: AtomicU64,
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
    fn bytes(&self) -> u64;
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
        if self.add_scope(scope) {
            crate::feed::start(fleet, self, scope);
        }
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
                let indexes = self.indexes.read();
                for (key, entry) in &table {
                    self.removed(&entry.object);
                    if indexes.is_empty() {
                        continue;
                    }
                    let old = entry.object.read();
                    indexes.iter().for_each(|index| index.update(&place, key, old.as_ref(), None));
                }
            }
        }
        self.bump();
    }

    fn sync_of(&self, scope: u32) -> Option<ScopeSync> {
        self.scopes.lock().get(&scope).map(|(_, sync)| sync.clone())
    }

    fn len(&self) -> u64 {
        self.count()
    }

    fn bytes(&self) -> u64 {
        self.bytes()
    }
}

impl<K: Cached> StoreCore<K> {
    pub(crate) fn new(dt: K::DynamicType, wanted: Wanted, form: Form) -> Self {
        StoreCore {
            label: kind_label::<K>(&dt).into(),
            dt,
            form,
            stripes: (0..STRIPES).map(|_| RwLock::default()).collect(),
            listeners: RwLock::default(),
            next_listener: AtomicU64::new(0),
            indexes: RwLock::default(),
            wanted: Mutex::new(wanted),
            scopes: Mutex::default(),
            tick: watch::Sender::new(0),
            count: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        }
    }

    /// Notes a scope as one to watch; says whether it is new and wanted.
    pub(crate) fn add_scope(&self, scope: &Arc<Scope>) -> bool {
        let mut scopes = self.scopes.lock();
        if !self.wants(&scope.provider) || scopes.contains_key(&scope.index) {
            return false;
        }
        scopes.insert(scope.index, (scope.clone(), ScopeSync::default()));
        true
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
    pub(crate) fn apply(&self, place: &Place, key: ObjectKey, object: K, listed: u32, initial: bool) {
        let indexes = self.indexes.read();
        let mut stripe = self.stripe(&place.id).write();
        let table = stripe.entry(place.clone()).or_default();
        if let Some(entry) = table.get_mut(&key) {
            let is = object.meta().resource_version.as_deref();
            if is.is_some() && entry.object.is_version(is) {
                entry.listed = listed;
                return;
            }
        }
        let new = Arc::new(object);
        let kept = Kept::new(self.form, &new);
        self.bytes.fetch_add(kept.bytes(), Ordering::Relaxed);
        let old = table.insert(key.clone(), Entry { object: kept, listed }).map(|entry| entry.object);
        drop(stripe);
        match &old {
            None => {
                self.count.fetch_add(1, Ordering::Relaxed);
            }
            Some(old) => {
                self.bytes.fetch_sub(old.bytes(), Ordering::Relaxed);
            }
        }
        let listening = self.listening();
        if indexes.is_empty() && listening.is_empty() {
            return;
        }
        let old = old.and_then(|old| old.read());
        indexes.iter().for_each(|index| index.update(place, &key, old.as_ref(), Some(&new)));
        drop(indexes);
        let change = Change::Applied { old: old.as_ref(), new: &new, initial };
        listening.iter().for_each(|listener| listener.changed(place, &change));
    }

    /// Removes an object; the last known one goes to the listeners.
    pub(crate) fn delete(&self, place: &Place, key: &ObjectKey) {
        let indexes = self.indexes.read();
        let mut stripe = self.stripe(&place.id).write();
        let Some(table) = stripe.get_mut(place) else { return };
        let Some(entry) = table.remove(key) else { return };
        if table.is_empty() {
            stripe.remove(place);
        }
        drop(stripe);
        self.removed(&entry.object);
        let Some(old) = entry.object.read() else { return };
        indexes.iter().for_each(|index| index.update(place, key, Some(&old), None));
        drop(indexes);
        let change = Change::Deleted(&old);
        self.listening().iter().for_each(|listener| listener.changed(place, &change));
    }

    fn removed(&self, object: &Kept<K>) {
        self.count.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(object.bytes(), Ordering::Relaxed);
    }

    /// Ends a complete list: what it did not contain is deleted, and the kind counts as synced in this scope.
    pub(crate) fn list_done(&self, scope: &Arc<Scope>, listed: u32) {
        for stripe in &self.stripes {
            let mut vanished = Vec::new();
            for (place, table) in stripe.read().iter().filter(|(place, _)| place.scope == scope.index) {
                let old = table.iter().filter(|(_, entry)| entry.listed != listed);
                vanished.extend(old.map(|(key, _)| (place.clone(), key.clone())));
            }
            vanished.sort_unstable_by(|(a, one), (b, other)| (&a.id, one).cmp(&(&b.id, other)));
            for (place, key) in vanished {
                self.delete(&place, &key);
            }
        }
        let first = {
            let mut scopes = self.scopes.lock();
            let Some((_, sync)) = scopes.get_mut(&scope.index) else { return };
            sync.fault = None;
            sync.forbidden_since = None;
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

    /// What is known stays readable, and may be stale.
    pub(crate) fn fault(&self, scope: u32, reason: String, code: u16) {
        if let Some((_, sync)) = self.scopes.lock().get_mut(&scope) {
            sync.fault = Some(reason);
            sync.forbidden_since =
                if code == 403 { sync.forbidden_since.or_else(|| Some(Instant::now())) } else { None };
        }
        self.bump();
    }

    pub(crate) fn healthy(&self, scope: u32) {
        if let Some((_, sync)) = self.scopes.lock().get_mut(&scope) {
            sync.fault = None;
            sync.forbidden_since = None;
        }
        self.bump();
    }

    pub(crate) fn progress_of(&self, scope: u32) -> Progress {
        self.scopes.lock().get(&scope).map(|(_, sync)| sync.progress.clone()).unwrap_or_default()
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Memory of compact entries; 0 for whole ones, whose size nobody knows.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
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
        let kept = self.stripe(&place.id).read().get(place)?.get(key)?.object.clone();
        kept.read()
    }

    pub(crate) fn has(&self, place: &Place, key: &ObjectKey) -> bool {
        self.stripe(&place.id).read().get(place).is_some_and(|table| table.contains_key(key))
    }

    /// All objects of a place, in the order of their keys.
    pub(crate) fn list(&self, place: &Place) -> Vec<Arc<K>> {
        let mut kept: Vec<(ObjectKey, Kept<K>)> = {
            let stripe = self.stripe(&place.id).read();
            let Some(table) = stripe.get(place) else { return Vec::new() };
            table.iter().map(|(key, entry)| (key.clone(), entry.object.clone())).collect()
        };
        kept.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        kept.iter().filter_map(|(_, kept)| kept.read()).collect()
    }

    /// All keys of a place, in order: one seed, one run.
    pub(crate) fn keys(&self, place: &Place) -> Vec<ObjectKey> {
        let stripe = self.stripe(&place.id).read();
        let mut keys: Vec<ObjectKey> =
            stripe.get(place).map(|table| table.keys().cloned().collect()).unwrap_or_default();
        keys.sort_unstable();
        keys
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
                    index.update(place, key, None, entry.object.read().as_ref());
                }
            }
        }
        indexes.push(index);
    }
}
