//! What is counted, with upstream's names. No label holds a name that people choose.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
};
use runtime::Metrics;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reconciled {
    controller: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByController {
    controller: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Operated {
    operation: &'static str,
    result: &'static str,
}

const BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

fn result(ok: bool) -> &'static str {
    if ok { "success" } else { "error" }
}

/// The operator's own metrics.
#[derive(Clone)]
pub(crate) struct SecurityMetrics {
    reconciled: Family<Reconciled, Counter>,
    duration: Family<ByController, Histogram, fn() -> Histogram>,
    operations: Family<Operated, Counter>,
}

impl SecurityMetrics {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let new = Self {
            reconciled: Family::default(),
            duration: Family::new_with_constructor(histogram),
            operations: Family::default(),
        };
        metrics.with(|registry| {
            registry.register("security_operator_reconcile", "Reconciles", new.reconciled.clone());
            registry.register(
                "security_operator_reconcile_duration_seconds",
                "Duration of reconciles",
                new.duration.clone(),
            );
            registry.register(
                "security_operator_fga_operations",
                "Operations on relationship stores",
                new.operations.clone(),
            );
        });
        new
    }

    pub(crate) fn reconciled(&self, controller: &'static str, ok: bool, took: Duration) {
        self.reconciled.get_or_create(&Reconciled { controller, result: result(ok) }).inc();
        self.duration.get_or_create(&ByController { controller }).observe(took.as_secs_f64());
    }

    /// `apply`, `delete` or `list`.
    pub(crate) fn operated(&self, operation: &'static str, ok: bool) {
        self.operations.get_or_create(&Operated { operation, result: result(ok) }).inc();
    }
}
