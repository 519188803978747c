//! What is counted, with upstream's names. No label holds a name that people choose.

use std::collections::BTreeSet;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
};
use runtime::Metrics;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reconciled {
    r#type: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Validated {
    operation: &'static str,
    result: &'static str,
    account_type: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TypeOperation {
    operation: &'static str,
    wst_kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByType {
    r#type: String,
}

const BUCKETS: [f64; 7] = [1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

/// The operator's own metrics. Account types that are not known here count as `other`.
#[derive(Clone)]
pub(crate) struct AccountMetrics {
    known_types: BTreeSet<String>,
    reconciled: Family<Reconciled, Counter>,
    validations: Family<Validated, Counter>,
    type_operations: Family<TypeOperation, Counter>,
    workspace_ready: Family<ByType, Histogram, fn() -> Histogram>,
    org_provisioning: Histogram,
}

impl AccountMetrics {
    pub(crate) fn new(metrics: &Metrics, known_types: impl IntoIterator<Item = String>) -> Self {
        let new = Self {
            known_types: known_types.into_iter().collect(),
            reconciled: Family::default(),
            validations: Family::default(),
            type_operations: Family::default(),
            workspace_ready: Family::new_with_constructor(histogram),
            org_provisioning: histogram(),
        };
        metrics.with(|registry| {
            registry.register(
                "account_operator_accounts_reconciled",
                "Reconciles of Accounts",
                new.reconciled.clone(),
            );
            registry.register(
                "account_operator_webhook_validations",
                "Verdicts of admission",
                new.validations.clone(),
            );
            registry.register(
                "account_operator_workspacetype_operations",
                "Writes of WorkspaceTypes",
                new.type_operations.clone(),
            );
            registry.register(
                "account_operator_workspace_ready_duration_seconds",
                "From the Account's creation to its ready Workspace",
                new.workspace_ready.clone(),
            );
            registry.register(
                "account_operator_org_provisioning_duration_seconds",
                "From an organisation's creation to its AccountInfo",
                new.org_provisioning.clone(),
            );
        });
        new
    }

    pub(crate) fn reconciled(&self, account_type: &str, result: &'static str) {
        self.reconciled.get_or_create(&Reconciled { r#type: self.bounded(account_type), result }).inc();
    }

    pub(crate) fn validated(&self, operation: &'static str, allowed: bool, account_type: &str) {
        let result = if allowed { "allowed" } else { "denied" };
        self.validations
            .get_or_create(&Validated { operation, result, account_type: self.bounded(account_type) })
            .inc();
    }

    pub(crate) fn type_operation(&self, operation: &'static str, wst_kind: &'static str) {
        self.type_operations.get_or_create(&TypeOperation { operation, wst_kind }).inc();
    }

    pub(crate) fn workspace_ready(&self, account_type: &str, seconds: f64) {
        self.workspace_ready.get_or_create(&ByType { r#type: self.bounded(account_type) }).observe(seconds);
    }

    pub(crate) fn org_provisioned(&self, seconds: f64) {
        self.org_provisioning.observe(seconds);
    }

    fn bounded(&self, account_type: &str) -> String {
        if self.known_types.contains(account_type) { account_type.to_owned() } else { "other".to_owned() }
    }
}
