//! Building a fleet: providers, bounds, and what is injected.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64},
    },
    time::Duration,
};

use parking_lot::{Mutex, RwLock};
use runtime::{Clock, Ids, Metrics, Stop, Tasks};

use super::{Fleet, Inner};
use crate::{
    Coordinator, Lists, Provider, ProviderName,
    client::ClientCache,
    coordination::Claims,
    metrics::{FleetMetrics, MetricNames},
};

/// Why a fleet could not be built or ended early.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// Two providers have one name.
    #[error("two providers are named `{0}`")]
    DuplicateProvider(ProviderName),
    /// A part that must not end did.
    #[error(transparent)]
    Task(#[from] runtime::TaskFailure),
}

/// Bounds of a fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FleetLimits {
    /// Complete lists that run at once, for each provider.
    pub list_parallelism: usize,
    /// Scoped clients kept in memory.
    pub clients: usize,
    /// How long clusters stay after their provider's stream ended.
    pub provider_grace: Duration,
    /// At shutdown, running reconciles have this long to end.
    pub drain: Duration,
    /// How complete lists are read.
    pub lists: Lists,
    /// Clusters of a scope in which every kind is refused with 403 are let go after this long. Off unless set: a mistake in roles must not
    /// look as if tenants were deleted.
    pub forbidden_after: Option<Duration>,
}

impl Default for FleetLimits {
    fn default() -> Self {
        FleetLimits {
            list_parallelism: 4,
            clients: 1024,
            provider_grace: Duration::from_secs(60),
            drain: Duration::from_secs(25),
            lists: Lists::Paged,
            forbidden_after: None,
        }
    }
}

/// Builds a [`Fleet`].
#[derive(Default)]
pub struct FleetBuilder {
    providers: Vec<Arc<dyn Provider>>,
    limits: FleetLimits,
    clock: Clock,
    ids: Option<Ids>,
    metrics: Metrics,
    metric_names: MetricNames,
    coordinator: Coordinator,
}

impl FleetBuilder {
    /// Adds a source of clusters; may be called several times.
    #[must_use]
    pub fn provider(self, provider: impl Provider) -> Self {
        self.shared_provider(Arc::new(provider))
    }

    /// Adds a source of clusters that others hold as well.
    #[must_use]
    pub fn shared_provider(mut self, provider: Arc<dyn Provider>) -> Self {
        self.providers.push(provider);
        self
    }

    /// Replaces the bounds.
    #[must_use]
    pub fn limits(mut self, limits: FleetLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Shares the work between replicas; everything is worked on here unless set.
    #[must_use]
    pub fn coordinator(mut self, coordinator: Coordinator) -> Self {
        self.coordinator = coordinator;
        self
    }

    /// Replaces the clock of the machine.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Replaces the random source.
    #[must_use]
    pub fn ids(mut self, ids: Ids) -> Self {
        self.ids = Some(ids);
        self
    }

    /// Registers the fleet's metrics in this registry.
    #[must_use]
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Shows the figures of controllers under controller-runtime's names as well, for dashboards that exist already. On without being asked
    /// for with the feature `compat-metrics`.
    #[must_use]
    pub fn compat_metrics(mut self) -> Self {
        self.metric_names = MetricNames::OwnAndControllerRuntimes;
        self
    }

    /// The fleet; nothing runs before [`Fleet::run_until`].
    pub fn build(self) -> Result<Fleet, FleetError> {
        let mut names = HashSet::new();
        for provider in &self.providers {
            if !names.insert(provider.name()) {
                return Err(FleetError::DuplicateProvider(provider.name()));
            }
        }
        let clients = Arc::new(ClientCache::new(self.limits.clients));
        let grace = self.limits.drain + Duration::from_secs(5);
        Ok(Fleet(Arc::new(Inner {
            providers: self.providers,
            limits: self.limits,
            clock: self.clock,
            ids: self.ids.unwrap_or_else(Ids::random),
            metrics: FleetMetrics::new(&self.metrics, self.metric_names),
            registry: self.metrics,
            tasks: Tasks::with_grace(grace),
            stopping: Stop::new(),
            epochs: AtomicU64::new(1),
            scope_indexes: AtomicU32::new(0),
            clients,
            state: RwLock::default(),
            stores: Mutex::default(),
            listeners: RwLock::default(),
            next_listener: AtomicU64::new(0),
            running: AtomicBool::new(false),
            recorded: crate::recorder::Recorded::default(),
            claims: Claims::new(&self.coordinator),
            claim_tasks: Tasks::with_grace(Duration::from_secs(10)),
            coordinator: Mutex::new(Some(self.coordinator)),
            inspected: Mutex::default(),
        })))
    }
}
