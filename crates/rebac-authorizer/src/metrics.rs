//! What is counted. No label holds a user, an object or a workspace.

use std::{sync::Arc, time::Duration};

use fga_client::{CheckAnswer, RelationshipError};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::{Answer, Judgement};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Decided {
    handler: &'static str,
    decision: &'static str,
    source: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Checked {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Served {
    webhook: &'static str,
    code: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Endpoint {
    webhook: &'static str,
}

const AUTHZ: &str = "/authz";

/// Counters and histograms of the authorizer and its endpoint. Clones count together.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    decisions: Family<Decided, Counter>,
    checks: Family<Checked, Histogram>,
    requests: Family<Served, Counter>,
    latency: Family<Endpoint, Histogram>,
    in_flight: Family<Endpoint, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let seconds = || Histogram::new((0..16).map(|i| 1e-6 * 4f64.powi(i)));
        // Twelve buckets from ten nanoseconds up by tens: those of the Go webhook server.
        let latency = || Histogram::new((0..12).map(|i| 1e-8 * 10f64.powi(i)));
        let inner = Inner {
            decisions: Family::default(),
            checks: Family::new_with_constructor(seconds as fn() -> Histogram),
            requests: Family::default(),
            latency: Family::new_with_constructor(latency as fn() -> Histogram),
            in_flight: Family::default(),
        };
        for code in [200, 500] {
            drop(inner.requests.get_or_create(&Served { webhook: AUTHZ, code }));
        }
        Self(Arc::new(inner))
    }
}

impl Metrics {
    /// Registers under the names of the Go webhook, and our own with prefix `pm_authz_`.
    pub fn register(&self, registry: &mut Registry) {
        let all = &self.0;
        registry.register(
            "controller_runtime_webhook_requests",
            "Admission requests by HTTP status code",
            all.requests.clone(),
        );
        registry.register(
            "controller_runtime_webhook_latency_seconds",
            "Latency of processing requests",
            all.latency.clone(),
        );
        registry.register(
            "controller_runtime_webhook_requests_in_flight",
            "Requests being served",
            all.in_flight.clone(),
        );
        registry.register(
            "pm_authz_decisions",
            "Decisions by handler, decision and source",
            all.decisions.clone(),
        );
        registry.register(
            "pm_authz_fga_check_seconds",
            "Time of questions to the relationship store",
            all.checks.clone(),
        );
    }

    pub(crate) fn decided(&self, judgement: &Judgement) {
        let decision = match judgement.answer {
            Answer::Allowed => "allowed",
            Answer::NoOpinion => "no_opinion",
            Answer::Retry(_) => "retry",
        };
        let labels = Decided { handler: judgement.handler.as_str(), decision, source: "remote" };
        self.0.decisions.get_or_create(&labels).inc();
    }

    pub(crate) fn asked(&self, answer: &Result<CheckAnswer, RelationshipError>, took: Duration) {
        let result = match answer {
            Ok(answer) if answer.is_allowed() => "allowed",
            Ok(_) => "denied",
            Err(_) => "error",
        };
        self.0.checks.get_or_create(&Checked { result }).observe(took.as_secs_f64());
    }

    pub(crate) fn begin(&self) {
        self.0.in_flight.get_or_create(&Endpoint { webhook: AUTHZ }).inc();
    }

    pub(crate) fn served(&self, code: u16, took: Duration) {
        self.0.in_flight.get_or_create(&Endpoint { webhook: AUTHZ }).dec();
        self.0.requests.get_or_create(&Served { webhook: AUTHZ, code }).inc();
        self.0.latency.get_or_create(&Endpoint { webhook: AUTHZ }).observe(took.as_secs_f64());
    }
}
