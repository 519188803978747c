//! The fleet: which clusters are engaged, how to reach them, and the stores they share.

mod builder; // bounds and injected parts
mod debug_view; // everything, as JSON for people
mod engage; // from a provider's report to engagements
mod forbidden; // scopes in which everything is refused
mod health; // the state of every scope and kind
mod lru; // why clusters went
mod owned; // which clusters this replica works on

use std::{
    any::TypeId,
    collections::{BTreeMap, HashMap, HashSet},
    hash::Hash,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use kube::Client;
use parking_lot::{Mutex, RwLock};
use runtime::{Clock, Ids, Metrics, Stop, Tasks};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::{
    Cached, Cluster, ClusterKey, ClusterSeed, Demux, FleetChanges, FleetStore, Gone, Index, Provider,
    ProviderName, Redial, ScopeId,
    aliases::Aliases,
    changes::Changes,
    client::ClientCache,
    coordination::{Claims, Coordinator},
    metrics::FleetMetrics,
    store::{AnyStore, Form, Place, StoreCore, Wanted},
};

pub use builder::{FleetBuilder, FleetError, FleetLimits};
pub use health::{Health, KindHealth};

/// What [`Fleet::cluster`] finds.
#[derive(Clone, Debug)]
pub enum Lookup {
    /// It is engaged.
    Engaged(Cluster),
    /// It was engaged and went.
    Gone(Gone),
    /// Nobody reported it so far: a typing error, or it is only late.
    Unknown,
    /// It is engaged, and another replica works on it. [`Fleet::read_only`] gives it for reading.
    NotOwned,
}

impl Lookup {
    /// The cluster, where it is engaged.
    pub fn engaged(self) -> Option<Cluster> {
        match self {
            Lookup::Engaged(cluster) => Some(cluster),
            Lookup::Gone(_) | Lookup::Unknown | Lookup::NotOwned => None,
        }
    }
}

/// An open scope.
pub(crate) struct Scope {
    pub(crate) index: u32,
    pub(crate) provider: ProviderName,
    pub(crate) id: ScopeId,
    pub(crate) client: Client,
    pub(crate) redial: Option<Redial>,
    pub(crate) demux: Demux,
    pub(crate) stop: Stop,
    lists: Arc<Semaphore>,
    said: Mutex<Option<Instant>>,
    /// Whether its clusters were let go because everything of it is refused.
    forbidden: AtomicBool,
}

impl Scope {
    /// Waits for one of the provider's places for complete lists.
    pub(crate) async fn list_permit(&self) -> Option<OwnedSemaphorePermit> {
        self.lists.clone().acquire_owned().await.ok()
    }

    pub(crate) fn say_once_a_minute(&self, say: impl FnOnce()) {
        let mut said = self.said.lock();
        if said.is_none_or(|at| at.elapsed() > Duration::from_secs(60)) {
            *said = Some(Instant::now());
            say();
        }
    }
}

/// Hears of engagements; must not block.
pub(crate) trait FleetListener: Send + Sync {
    fn engaged(&self, cluster: &Cluster);
    fn disengaged(&self, cluster: &Cluster, why: Gone);
    /// This replica works on an engaged cluster from now on.
    fn owned(&self, _: &Cluster) {}
    /// Another replica may work on an engaged cluster soon.
    fn disowned(&self, _: &Cluster) {}
}

/// What of a controller people look at.
pub(crate) trait Inspect: Send + Sync {
    fn view(&self, clusters: usize) -> serde_json::Value;
}

#[derive(Default)]
struct State {
    clusters: HashMap<ClusterKey, Cluster>,
    /// Every scope's word on each cluster, in the order of arrival; the last one's scope owns the cluster.
    words: BTreeMap<ClusterKey, Vec<ClusterSeed>>,
    gone: lru::Gone,
    aliases: Aliases,
    scopes: BTreeMap<(ProviderName, ScopeId), Arc<Scope>>,
    by_index: HashMap<u32, Arc<Scope>>,
    degraded: BTreeMap<(ProviderName, Option<ScopeId>), String>,
    reported: HashSet<ProviderName>,
}

pub(crate) struct Inner {
    providers: Vec<Arc<dyn Provider>>,
    limits: FleetLimits,
    clock: Clock,
    ids: Ids,
    metrics: FleetMetrics,
    registry: Metrics,
    tasks: Tasks,
    stopping: Stop,
    epochs: AtomicU64,
    scope_indexes: AtomicU32,
    clients: Arc<ClientCache>,
    state: RwLock<State>,
    stores: Mutex<HashMap<(TypeId, String), Arc<dyn AnyStore>>>,
    listeners: RwLock<BTreeMap<u64, Arc<dyn FleetListener>>>,
    next_listener: AtomicU64,
    running: AtomicBool,
    recorded: crate::recorder::Recorded,
    claims: Claims,
    /// Ended after everything else, so that Leases are given back last.
    claim_tasks: Tasks,
    coordinator: Mutex<Option<Coordinator>>,
    inspected: Mutex<Vec<Weak<dyn Inspect>>>,
}

/// The clusters of some providers, and the stores and controllers that work on all of them. Clones share one fleet.
#[derive(Clone)]
pub struct Fleet(pub(crate) Arc<Inner>);

/// A handle that does not keep the fleet alive.
#[derive(Clone)]
pub(crate) struct WeakFleet(Weak<Inner>);

impl WeakFleet {
    pub(crate) fn upgrade(&self) -> Option<Fleet> {
        self.0.upgrade().map(Fleet)
    }
}

impl Fleet {
    /// Starts building.
    pub fn builder() -> FleetBuilder {
        FleetBuilder::default()
    }

    /// A fleet of no clusters, for testing reconcilers.
    pub fn empty() -> Self {
        // Without providers, no two can share a name.
        FleetBuilder::default().build().unwrap_or_else(|_| unreachable!("no provider, no duplicate"))
    }

    /// A cluster by key, for work on it: clusters that another replica works on are [`Lookup::NotOwned`].
    pub fn cluster(&self, key: &ClusterKey) -> Lookup {
        match self.read_only(key) {
            Lookup::Engaged(cluster) if self.fence(&cluster).is_none() => Lookup::NotOwned,
            found => found,
        }
    }

    /// A cluster by key, whichever replica works on it. Reading it is always right; writing to it is not.
    pub fn read_only(&self, key: &ClusterKey) -> Lookup {
        let state = self.0.state.read();
        match state.clusters.get(key) {
            Some(cluster) => Lookup::Engaged(cluster.clone()),
            None => state.gone.get(key).map_or(Lookup::Unknown, Lookup::Gone),
        }
    }

    /// An engaged cluster by another name of it (for kcp its path) or by its id, whichever provider has it; the first provider wins.
    pub fn resolve(&self, alias: &str) -> Option<Cluster> {
        self.0.providers.iter().find_map(|provider| self.resolve_in(&provider.name(), alias))
    }

    /// An engaged cluster of one provider by another name of it or by its id.
    pub fn resolve_in(&self, provider: &ProviderName, alias: &str) -> Option<Cluster> {
        let state = self.0.state.read();
        let by_alias = state.aliases.find(provider, alias);
        let key = by_alias.unwrap_or_else(|| ClusterKey { provider: provider.clone(), id: alias.into() });
        state.clusters.get(&key).cloned()
    }

    /// All engaged clusters, in the order of their engagement.
    pub fn clusters(&self) -> Vec<Cluster> {
        let mut all: Vec<Cluster> = self.0.state.read().clusters.values().cloned().collect();
        all.sort_unstable_by_key(Cluster::epoch);
        all
    }

    /// How many clusters are engaged.
    pub fn clusters_engaged(&self) -> usize {
        self.0.state.read().clusters.len()
    }

    /// Declares the shared store of a kind on all providers; the watch starts with the first declaration.
    pub fn store<K: Cached<DynamicType = ()>>(&self) -> FleetStore<K> {
        self.declare((), Wanted::All, Form::default())
    }

    /// The twin of [`store`](Fleet::store) for dynamic kinds.
    pub fn store_with<K: Cached>(&self, dt: K::DynamicType) -> FleetStore<K> {
        self.declare(dt, Wanted::All, Form::default())
    }

    /// Declares the shared store of a kind that keeps its objects compact: a fraction of the memory, decoded on each read.
    ///
    /// The first declaration of a kind sets its form, so declare it before the controllers that use it.
    pub fn compact_store<K: Cached<DynamicType = ()>>(&self) -> FleetStore<K> {
        self.declare((), Wanted::All, Form::Compact)
    }

    /// The twin of [`compact_store`](Fleet::compact_store) for dynamic kinds.
    pub fn compact_store_with<K: Cached>(&self, dt: K::DynamicType) -> FleetStore<K> {
        self.declare(dt, Wanted::All, Form::Compact)
    }

    /// Declares the shared store of a kind that only one provider serves.
    pub fn store_in<K: Cached<DynamicType = ()>>(&self, provider: impl Into<ProviderName>) -> FleetStore<K> {
        self.declare((), Wanted::one(provider.into()), Form::default())
    }

    /// The twin of [`store_in`](Fleet::store_in) for dynamic kinds.
    pub fn store_in_with<K: Cached>(
        &self,
        provider: impl Into<ProviderName>,
        dt: K::DynamicType,
    ) -> FleetStore<K> {
        self.declare(dt, Wanted::one(provider.into()), Form::default())
    }

    /// Declares an index over a store; built from its content, kept up to date from then on.
    pub fn index<K: Cached, V: Hash + Eq + Send + Sync + 'static>(
        &self,
        store: &FleetStore<K>,
        values: fn(&K) -> Vec<V>,
    ) -> Index<K, V> {
        let index = Index::new(values);
        store.core.add_index(index.any());
        index
    }

    /// Engagements: the present ones first, then each change, exactly once for each epoch.
    pub fn events(&self) -> FleetChanges {
        let changes = Changes::default();
        let id = self.listen(Arc::new(changes.clone()));
        let weak = self.weak();
        let unlisten = move || {
            if let Some(fleet) = weak.upgrade() {
                fleet.unlisten(id);
            }
        };
        FleetChanges { changes, unlisten: Some(Box::new(unlisten)) }
    }

    /// Objects stored for each kind.
    pub fn stored(&self) -> BTreeMap<String, u64> {
        self.all_stores().iter().map(|store| (store.label().to_string(), store.len())).collect()
    }

    /// Runs providers, watches, coordination and controllers until `stop`, then drains: no new work, running reconciles may end, the rest is aborted.
    ///
    /// # Cancellation
    /// Dropping the future stops everything without draining.
    pub async fn run_until(&self, stop: impl Future<Output = ()> + Send) -> Result<(), FleetError> {
        let _guard = StopOnDrop(self.0.stopping.clone());
        if !self.0.running.swap(true, Ordering::SeqCst) {
            for provider in &self.0.providers {
                self.start_provider(provider.clone());
            }
            self.start_coordinator();
        }
        let failed = tokio::select! {
            biased;
            () = stop => None,
            failure = self.0.tasks.failed() => Some(failure),
        };
        self.0.stopping.stop();
        self.0.tasks.shutdown().await;
        self.release_claims().await;
        failed.map_or(Ok(()), |failure| Err(failure.into()))
    }

    /// Given when the fleet begins to stop.
    pub fn stopping(&self) -> &Stop {
        &self.0.stopping
    }

    /// The clock of the fleet.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The random source of the fleet.
    pub fn ids(&self) -> &Ids {
        &self.0.ids
    }

    /// The registry that the fleet's metrics are in.
    pub fn registry(&self) -> &Metrics {
        &self.0.registry
    }

    pub(crate) fn tasks(&self) -> &Tasks {
        &self.0.tasks
    }

    pub(crate) fn limits(&self) -> &FleetLimits {
        &self.0.limits
    }

    pub(crate) fn metrics(&self) -> &FleetMetrics {
        &self.0.metrics
    }

    pub(crate) fn recorded(&self) -> &crate::recorder::Recorded {
        &self.0.recorded
    }

    pub(crate) fn weak(&self) -> WeakFleet {
        WeakFleet(Arc::downgrade(&self.0))
    }

    /// Whether every provider reported completely at least once.
    pub(crate) fn reported(&self) -> bool {
        let state = self.0.state.read();
        self.0.providers.iter().all(|provider| state.reported.contains(&provider.name()))
    }

    /// The engaged cluster whose entries live at a place.
    pub(crate) fn at(&self, place: &Place) -> Option<Cluster> {
        let state = self.0.state.read();
        let scope = state.by_index.get(&place.scope)?;
        let key = ClusterKey { provider: scope.provider.clone(), id: place.id.clone() };
        state.clusters.get(&key).filter(|cluster| cluster.scope() == place.scope).cloned()
    }

    pub(crate) fn scope(&self, index: u32) -> Option<Arc<Scope>> {
        self.0.state.read().by_index.get(&index).cloned()
    }

    /// All stores, by kind.
    fn all_stores(&self) -> Vec<Arc<dyn AnyStore>> {
        let mut all: Vec<_> = self.0.stores.lock().values().cloned().collect();
        all.sort_by_key(|store| store.label());
        all
    }

    pub(crate) fn scopes(&self) -> Vec<Arc<Scope>> {
        self.0.state.read().scopes.values().cloned().collect()
    }

    /// Declares a store, or widens it to more providers.
    pub(crate) fn declare<K: Cached>(&self, dt: K::DynamicType, wanted: Wanted, form: Form) -> FleetStore<K> {
        let label = crate::kind::kind_label::<K>(&dt);
        let core = {
            let mut stores = self.0.stores.lock();
            let store = stores
                .entry((TypeId::of::<K>(), label))
                .or_insert_with(|| Arc::new(StoreCore::<K>::new(dt.clone(), wanted.clone(), form)));
            store.clone()
        };
        // The map's key holds the type, so the downcast finds it; a fresh store keeps the signature total.
        let core = core
            .any()
            .downcast::<StoreCore<K>>()
            .unwrap_or_else(|_| Arc::new(StoreCore::new(dt, wanted.clone(), form)));
        core.widen(wanted);
        for scope in self.scopes() {
            core.clone().open(self, &scope);
        }
        FleetStore { core, fleet: self.weak() }
    }

    /// Adds a listener, which first hears of all engaged clusters.
    pub(crate) fn listen(&self, listener: Arc<dyn FleetListener>) -> u64 {
        let id = self.0.next_listener.fetch_add(1, Ordering::Relaxed);
        // Engaging holds this lock, so nothing is heard twice or missed.
        let mut listeners = self.0.listeners.write();
        for cluster in self.clusters() {
            listener.engaged(&cluster);
        }
        listeners.insert(id, listener);
        id
    }

    pub(crate) fn unlisten(&self, id: u64) {
        self.0.listeners.write().remove(&id);
    }
}

struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}
