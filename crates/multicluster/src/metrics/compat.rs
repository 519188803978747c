//! The same figures under controller-runtime's names, for dashboards that exist already.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
};
use runtime::Metrics;

use super::{Histograms, Seconds, histogram};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByController {
    controller: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByResult {
    controller: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByName {
    name: &'static str,
    controller: &'static str,
}

pub(super) struct CompatMetrics {
    total: Family<ByResult, Counter>,
    errors: Family<ByController, Counter>,
    panics: Family<ByController, Counter>,
    seconds: Histograms<ByController>,
    active: Family<ByController, Gauge>,
    workers: Family<ByController, Gauge>,
    depth: Family<ByName, Gauge>,
    retries: Family<ByName, Counter>,
    unfinished: Family<ByName, Seconds>,
}

impl CompatMetrics {
    pub(super) fn new(metrics: &Metrics) -> Self {
        let new = CompatMetrics {
            total: Family::default(),
            errors: Family::default(),
            panics: Family::default(),
            seconds: Family::new_with_constructor(histogram),
            active: Family::default(),
            workers: Family::default(),
            depth: Family::default(),
            retries: Family::default(),
            unfinished: Family::default(),
        };
        metrics.with(|registry| {
            let prefix = "controller_runtime";
            let runtime = registry.sub_registry_with_prefix(prefix);
            runtime.register("reconcile", "Reconciles by result", new.total.clone());
            runtime.register("reconcile_errors", "Reconciles that failed", new.errors.clone());
            runtime.register("reconcile_panics", "Reconciles that panicked", new.panics.clone());
            runtime.register("reconcile_time_seconds", "Duration of reconciles", new.seconds.clone());
            runtime.register("active_workers", "Reconciles that run", new.active.clone());
            runtime.register("max_concurrent_reconciles", "Reconciles that may run", new.workers.clone());
            registry.register("workqueue_depth", "Keys that wait", new.depth.clone());
            registry.register(
                "workqueue_retries",
                "Keys that came back after a failure",
                new.retries.clone(),
            );
            registry.register(
                "workqueue_longest_waiting_seconds",
                "Age of the oldest waiting key",
                new.unfinished.clone(),
            );
        });
        new
    }

    pub(super) fn of_controller(&self, controller: &'static str, workers: usize) -> CompatController {
        let (by, name) = (ByController { controller }, ByName { name: controller, controller });
        self.workers.get_or_create(&by).set(workers as i64);
        CompatController {
            total: self.total.clone(),
            errors: self.errors.get_or_create_owned(&by),
            panics: self.panics.get_or_create_owned(&by),
            seconds: self.seconds.get_or_create_owned(&by),
            active: self.active.get_or_create_owned(&by),
            depth: self.depth.get_or_create_owned(&name),
            retries: self.retries.get_or_create_owned(&name),
            unfinished: self.unfinished.get_or_create_owned(&name),
            controller,
        }
    }
}

pub(super) struct CompatController {
    total: Family<ByResult, Counter>,
    errors: Counter,
    panics: Counter,
    seconds: Histogram,
    active: Gauge,
    depth: Gauge,
    retries: Counter,
    unfinished: Seconds,
    controller: &'static str,
}

impl CompatController {
    pub(super) fn queue(&self, depth: usize, running: usize) {
        self.depth.set(depth as i64);
        self.active.set(running as i64);
    }

    pub(super) fn oldest(&self, age: Duration) {
        self.unfinished.set(age.as_secs_f64());
    }

    pub(super) fn retried(&self) {
        self.retries.inc();
    }

    pub(super) fn reconciled(&self, result: &'static str, took: Duration) {
        let result = if result == "success" { "success" } else { "error" };
        self.total.get_or_create(&ByResult { controller: self.controller, result }).inc();
        self.seconds.observe(took.as_secs_f64());
        if result == "error" {
            self.errors.inc();
        }
    }

    pub(super) fn panicked(&self) {
        self.panics.inc();
    }
}
