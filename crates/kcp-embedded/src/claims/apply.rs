//! Claim labels on objects that are there already, and what the binding says of its claims.

use std::{collections::BTreeSet, sync::Arc};

use apiserver::{
    ApiError, Partition, Scope, ServedResource,
    store::{ObjectKey, Range},
};
use kcp_api::{
    Condition, Severity,
    apis::v1alpha2::{PermissionClaim, ScopedPermissionClaim},
    builtins,
    claims::{self, ClaimKey, ClaimProblem},
};
use serde_json::Value;

use super::{labels_for, set_labels};
use crate::{
    core::Core,
    exports::ExportEntry,
    kinds,
    records::{modify, set_conditions},
};

const VALID: &str = "PermissionClaimsValid";
const APPLIED: &str = "PermissionClaimsApplied";

/// Brings labels and status of a binding in line with its claims.
pub(crate) async fn apply(core: &Arc<Core>, key: &ObjectKey, export: &ExportEntry) -> Result<(), ApiError> {
    core.feeds.catch_up();
    let Some(binding) = core.bound.bindings.get(key) else { return Ok(()) };
    let wanted = claims::applied(&binding.asked, &binding.answers, &[]);
    let stored = core.store().get(&kinds::api_bindings(), key).map(|s| s.value()).unwrap_or_default();
    let before: Vec<ScopedPermissionClaim> =
        serde_json::from_value(stored["status"]["appliedPermissionClaims"].clone()).unwrap_or_default();
    let mut failures: Vec<(ClaimKey, ApiError)> = Vec::new();
    if wanted != before || !is_true(&stored, APPLIED) {
        // What was applied and no longer is loses its labels as well.
        let touched: BTreeSet<ClaimKey> = wanted.iter().chain(&before).map(ClaimKey::from).collect();
        for claim in touched {
            if let Err(error) = relabel(core, key.partition(), &claim) {
                failures.push((claim, error));
            }
        }
    }
    let failed: Vec<ClaimKey> = failures.iter().map(|(claim, _)| claim.clone()).collect();
    let applied = claims::applied(&binding.asked, &binding.answers, &failed);
    let asked: Vec<PermissionClaim> = serde_json::from_value(export.claims.clone()).unwrap_or_default();
    let in_effect = match failures.first() {
        Some((_, error)) => {
            Condition::is_false(APPLIED, "InternalError", Severity::Error, error.message.clone())
        }
        None => Condition::is_true(APPLIED),
    };
    let valid = validity(&claims::problems(&asked, &binding.answers));
    let now = core.clock.now();
    let list = serde_json::to_value(&applied).map_err(ApiError::internal)?;
    modify(core, &kinds::api_bindings(), key, |object| {
        let empty = list.as_array().is_none_or(Vec::is_empty);
        match object["status"].as_object_mut() {
            Some(status) if empty => {
                status.remove("appliedPermissionClaims");
            }
            _ => object["status"]["appliedPermissionClaims"] = list.clone(),
        }
        set_conditions(object, [valid.clone(), in_effect.clone()], now);
        Ok(())
    })?;
    failures.pop().map_or(Ok(()), |(_, error)| Err(error))
}

/// What was not asked weighs more than what was asked otherwise.
fn validity(problems: &[ClaimProblem]) -> Condition {
    let (unasked, other): (Vec<_>, Vec<_>) =
        problems.iter().partition(|p| matches!(p, ClaimProblem::NotAsked(_)));
    let texts = |list: &[&ClaimProblem]| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match (unasked.is_empty(), other.is_empty()) {
        (false, _) => Condition::is_false(VALID, "InvalidPermissionClaims", Severity::Error, texts(&unasked)),
        (true, false) => {
            Condition::is_false(VALID, "PermissionClaimsMismatch", Severity::Warning, texts(&other))
        }
        (true, true) => Condition::is_true(VALID),
    }
}

fn is_true(object: &Value, type_: &str) -> bool {
    crate::records::condition_is_true(object, type_)
}

/// The resource a claim speaks of, in any served version.
pub(crate) fn claimed_resource(
    core: &Core,
    cluster: &Partition,
    claim: &ClaimKey,
) -> Option<Arc<ServedResource>> {
    use apiserver::ApiSets as _;
    let catalog = core.apis.catalog(&Scope::One(cluster.clone()));
    let found = catalog.resources().find(|r| {
        *r.gvk.group == *claim.group
            && *r.plural == *claim.resource
            && r.storage.identity.as_deref().unwrap_or_default() == claim.identity_hash
    });
    found.cloned()
}

fn relabel(core: &Core, cluster: &Partition, claim: &ClaimKey) -> Result<(), ApiError> {
    let key = claim.normalized();
    let persisted = builtins::claimable(&key.group, &key.resource).is_none_or(|b| b.persisted);
    if !persisted {
        return Ok(());
    }
    let Some(served) = claimed_resource(core, cluster, &key) else {
        // An API that the consumer has not bound has no objects here; those that come are labelled as they come.
        return Ok(());
    };
    let page = core.store().list_all(&served.storage, &Range::scope(Scope::One(cluster.clone())));
    for stored in page.items {
        modify(core, &served.storage, &stored.key, |object| {
            let wanted = labels_for(&core.bound, cluster, &key.group, &key.resource, object);
            set_labels(object, &wanted);
            Ok(())
        })?;
    }
    Ok(())
}
