//! Cluster roles made of others: rules are collected again whenever a role of the cluster changes.

use std::sync::Arc;

use apiserver::{
    ApiError, Scope, StoragePrefix, rbac,
    store::{ObjectKey, Range},
};
use runtime::Tasks;
use serde_json::Value;

use crate::{
    core::Core,
    reconcile::{self, Next, Source},
    records,
};

fn prefix() -> StoragePrefix {
    StoragePrefix::new(rbac::GROUP, "clusterroles")
}

/// Starts the loop. Its keys are clusters: each change of a role looks at all aggregating roles of the cluster.
pub(crate) fn start(core: &Arc<Core>, tasks: &Tasks) {
    let (weak, store) = (Arc::downgrade(core), core.store().clone());
    let of_cluster =
        Source::mapped(prefix(), |event| vec![ObjectKey::new(event.key.partition().clone(), "", "cluster")]);
    tasks.spawn_graceful("cluster roles", runtime::End::StopProcess, move |stop| {
        let reconcile: reconcile::Reconcile = Arc::new(move |key: ObjectKey| {
            let weak = weak.clone();
            Box::pin(async move { collect(&*crate::core::upgrade(&weak)?, &key) })
        });
        reconcile::run(store, "cluster roles", vec![of_cluster], reconcile, stop)
    });
}

fn collect(core: &Core, key: &ObjectKey) -> Result<Next, ApiError> {
    let range = Range::scope(Scope::One(key.partition().clone()));
    let roles: Vec<(ObjectKey, Value)> = core
        .store()
        .list_all(&prefix(), &range)
        .items
        .into_iter()
        .map(|s| (s.key.clone(), s.value()))
        .collect();
    if !roles.iter().any(|(_, role)| rbac::needs_aggregation(role)) {
        return Ok(Next::Wait);
    }
    let all: Vec<Value> = roles.iter().map(|(_, role)| role.clone()).collect();
    for (key, _) in roles.iter().filter(|(_, role)| rbac::needs_aggregation(role)) {
        records::modify(core, &prefix(), key, |role| {
            if let Some(rules) = rbac::aggregated_rules(role, &all) {
                role["rules"] = rules.into();
            }
            Ok(())
        })?;
    }
    Ok(Next::Wait)
}
