//! The metrics of the fleet. No label holds a cluster or object name, so series do not grow with tenants.

mod compat; // controller-runtime's names

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
};
use runtime::{Lane, Metrics};

use crate::{Gone, ProviderName, ScopeId};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByProvider {
    provider: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Engagement {
    provider: String,
    event: &'static str,
    why: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Relist {
    kind: String,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WatchOf {
    kind: String,
    scope: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByKind {
    kind: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Dropped {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueueDepth {
    controller: &'static str,
    lane: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByController {
    controller: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reconciled {
    controller: &'static str,
    result: &'static str,
}

/// Labels of the lifecycle metrics, as upstream's dashboards expect them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct SubroutineRun {
    pub(crate) controller: &'static str,
    pub(crate) subroutine: &'static str,
    pub(crate) action: &'static str,
    pub(crate) outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SubroutineError {
    controller: &'static str,
    subroutine: &'static str,
    action: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SubroutineRequeue {
    controller: &'static str,
    subroutine: &'static str,
    outcome: &'static str,
}

const BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

type Seconds = Gauge<f64, std::sync::atomic::AtomicU64>;
type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

pub(crate) struct FleetMetrics {
    clusters: Family<ByProvider, Gauge>,
    engagements: Family<Engagement, Counter>,
    relists: Family<Relist, Counter>,
    dropped: Family<Dropped, Counter>,
    up: Family<WatchOf, Gauge>,
    objects: Family<ByKind, Gauge>,
    bytes: Family<ByKind, Gauge>,
    depth: Family<QueueDepth, Gauge>,
    oldest: Family<ByController, Seconds>,
    inflight: Family<ByController, Gauge>,
    retries: Family<ByController, Counter>,
    seconds: Histograms<Reconciled>,
    subroutine_seconds: Histograms<SubroutineRun>,
    subroutine_errors: Family<SubroutineError, Counter>,
    subroutine_requeue: Histograms<SubroutineRequeue>,
    compat: Option<compat::CompatMetrics>,
}

/// Under which names the figures of controllers appear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MetricNames {
    /// Ours.
    Own,
    /// Ours, and controller-runtime's beside them.
    OwnAndControllerRuntimes,
}

impl Default for MetricNames {
    fn default() -> Self {
        if cfg!(feature = "compat-metrics") {
            MetricNames::OwnAndControllerRuntimes
        } else {
            MetricNames::Own
        }
    }
}

impl FleetMetrics {
    pub(crate) fn new(metrics: &Metrics, names: MetricNames) -> Self {
        let new = FleetMetrics {
            clusters: Family::default(),
            engagements: Family::default(),
            relists: Family::default(),
            dropped: Family::default(),
            up: Family::default(),
            objects: Family::default(),
            bytes: Family::default(),
            depth: Family::default(),
            oldest: Family::default(),
            inflight: Family::default(),
            retries: Family::default(),
            seconds: Family::new_with_constructor(histogram),
            subroutine_seconds: Family::new_with_constructor(histogram),
            subroutine_errors: Family::default(),
            subroutine_requeue: Family::new_with_constructor(histogram),
            compat: match names {
                MetricNames::Own => None,
                MetricNames::OwnAndControllerRuntimes => Some(compat::CompatMetrics::new(metrics)),
            },
        };
        metrics.with(|registry| {
            registry.register("multicluster_clusters", "Engaged clusters", new.clusters.clone());
            registry.register(
                "multicluster_engagements",
                "Clusters that came and went",
                new.engagements.clone(),
            );
            registry.register(
                "multicluster_watch_relists",
                "Complete lists after the first",
                new.relists.clone(),
            );
            registry.register("multicluster_events_dropped", "Events left out", new.dropped.clone());
            registry.register("multicluster_watch_up", "Whether a watch is open", new.up.clone());
            registry.register("multicluster_store_objects", "Objects in a store", new.objects.clone());
            registry.register(
                "multicluster_store_bytes",
                "JSON bytes of a compact store; 0 for a store of whole objects",
                new.bytes.clone(),
            );
            registry.register("multicluster_queue_depth", "Keys that wait", new.depth.clone());
            registry.register(
                "multicluster_queue_oldest_seconds",
                "Age of the oldest waiting key",
                new.oldest.clone(),
            );
            registry.register("multicluster_reconcile_inflight", "Reconciles that run", new.inflight.clone());
            registry.register("multicluster_key_retries", "Reconciles that failed", new.retries.clone());
            registry.register(
                "multicluster_reconcile_seconds",
                "Duration of reconciles",
                new.seconds.clone(),
            );
            registry.register(
                "lifecycle_subroutine_duration_seconds",
                "Duration of subroutines",
                new.subroutine_seconds.clone(),
            );
            registry.register(
                "lifecycle_subroutine_errors",
                "Subroutines that failed",
                new.subroutine_errors.clone(),
            );
            registry.register(
                "lifecycle_subroutine_requeue_seconds",
                "Delays that subroutines asked for",
                new.subroutine_requeue.clone(),
            );
        });
        new
    }

    pub(crate) fn engaged(&self, provider: &ProviderName) {
        let provider = provider.to_string();
        self.clusters.get_or_create(&ByProvider { provider: provider.clone() }).inc();
        self.engagements.get_or_create(&Engagement { provider, event: "engaged", why: "" }).inc();
    }

    pub(crate) fn disengaged(&self, provider: &ProviderName, why: Gone) {
        let provider = provider.to_string();
        self.clusters.get_or_create(&ByProvider { provider: provider.clone() }).dec();
        self.engagements.get_or_create(&Engagement { provider, event: "disengaged", why: why.name() }).inc();
    }

    pub(crate) fn relist(&self, kind: &str, reason: &'static str) {
        self.relists.get_or_create(&Relist { kind: kind.to_owned(), reason }).inc();
    }

    pub(crate) fn dropped(&self, reason: &'static str) {
        self.dropped.get_or_create(&Dropped { reason }).inc();
    }

    pub(crate) fn watch_up(&self, kind: &str, scope: &ScopeId, up: bool) {
        let labels = WatchOf { kind: kind.to_owned(), scope: scope.to_string() };
        self.up.get_or_create(&labels).set(i64::from(up));
    }

    /// Series of a scope end with it.
    pub(crate) fn watch_gone(&self, kind: &str, scope: &ScopeId) {
        self.up.remove(&WatchOf { kind: kind.to_owned(), scope: scope.to_string() });
    }

    pub(crate) fn stored(&self, kind: &str, objects: u64, bytes: u64) {
        let labels = ByKind { kind: kind.to_owned() };
        self.objects.get_or_create(&labels).set(i64::try_from(objects).unwrap_or(i64::MAX));
        self.bytes.get_or_create(&labels).set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// The series of one controller, looked up once: a reconcile must not pay for label maps.
    pub(crate) fn of_controller(&self, controller: &'static str, workers: usize) -> ControllerMetrics {
        let by = ByController { controller };
        ControllerMetrics {
            depth: Lane::ALL
                .map(|lane| self.depth.get_or_create_owned(&QueueDepth { controller, lane: lane.name() })),
            oldest: self.oldest.get_or_create_owned(&by),
            inflight: self.inflight.get_or_create_owned(&by),
            retries: self.retries.get_or_create_owned(&by),
            success: self.seconds.get_or_create_owned(&Reconciled { controller, result: "success" }),
            seconds: self.seconds.clone(),
            controller,
            compat: self.compat.as_ref().map(|compat| compat.of_controller(controller, workers)),
        }
    }

    pub(crate) fn subroutine(&self, run: &SubroutineRun, took: Duration, requeue: Option<Duration>) {
        self.subroutine_seconds.get_or_create(run).observe(took.as_secs_f64());
        let SubroutineRun { controller, subroutine, action, outcome } = run.clone();
        if outcome == "error" {
            self.subroutine_errors.get_or_create(&SubroutineError { controller, subroutine, action }).inc();
        }
        if let Some(requeue) = requeue {
            let labels = SubroutineRequeue { controller, subroutine, outcome };
            self.subroutine_requeue.get_or_create(&labels).observe(requeue.as_secs_f64());
        }
    }
}

/// The series of one controller.
pub(crate) struct ControllerMetrics {
    depth: [Gauge; 3],
    oldest: Seconds,
    inflight: Gauge,
    retries: Counter,
    success: Histogram,
    seconds: Histograms<Reconciled>,
    controller: &'static str,
    compat: Option<compat::CompatController>,
}

impl ControllerMetrics {
    pub(crate) fn queue(&self, depths: [usize; 3], running: usize) {
        for (gauge, depth) in self.depth.iter().zip(depths) {
            gauge.set(depth as i64);
        }
        self.inflight.set(running as i64);
        if let Some(compat) = &self.compat {
            compat.queue(depths.iter().sum(), running);
        }
    }

    pub(crate) fn oldest(&self, age: Duration) {
        self.oldest.set(age.as_secs_f64());
        if let Some(compat) = &self.compat {
            compat.oldest(age);
        }
    }

    pub(crate) fn retried(&self) {
        self.retries.inc();
        if let Some(compat) = &self.compat {
            compat.retried();
        }
    }

    pub(crate) fn reconciled(&self, result: &'static str, took: Duration) {
        match result {
            "success" => self.success.observe(took.as_secs_f64()),
            other => {
                let labels = Reconciled { controller: self.controller, result: other };
                self.seconds.get_or_create(&labels).observe(took.as_secs_f64());
            }
        }
        let Some(compat) = &self.compat else { return };
        compat.reconciled(result, took);
        if result == "panic" {
            compat.panicked();
        }
    }
}
