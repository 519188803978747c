//! The end of a binding: its instances go first, then the names it held, then the binding itself.

use std::{sync::Arc, time::Duration};

use apiserver::{
    ApiError, GroupVersionResource, Partition, ServedResource, Verb,
    local::{DeleteParams, ListParams},
    store::Range,
};
use kcp_api::{Condition, Severity, keys};
use serde_json::Value;

use super::{BindingEntry, BoundResource, locks};
use crate::{
    core::Core,
    kinds,
    reconcile::Next,
    records::{finalizers, modify, remove_finalizer, set_conditions},
};

/// Pause between two looks at instances whose finalizers belong to somebody else.
const RECHECK: Duration = Duration::from_millis(100);

const CONDITION: &str = "BindingResourceDeleteSuccess";

/// Deletes what remains; the binding vanishes when nothing does.
pub(super) async fn reconcile(core: &Arc<Core>, binding: &Arc<BindingEntry>) -> Result<Next, ApiError> {
    let cluster = binding.cluster();
    let mut remaining = Vec::new();
    for bound in &binding.bound {
        if is_adopted(core, binding, bound) {
            continue;
        }
        let Ok(versions) = core.bound.schemas.served(&bound.schema_uid, &bound.identity) else { continue };
        let Some(resource) = versions.first() else { continue };
        remaining.extend(delete_instances(core, cluster, resource).await?);
    }
    let now = core.clock.now();
    if !remaining.is_empty() {
        let condition = remains(&remaining);
        modify(core, &kinds::api_bindings(), &binding.key, |object| {
            set_conditions(object, [condition.clone()], now);
            Ok(())
        })?;
        return Ok(Next::After(RECHECK));
    }
    locks::release(core, cluster, binding.key.name())?;
    modify(core, &kinds::api_bindings(), &binding.key, |object| {
        if finalizers(object).contains(&keys::API_BINDING_FINALIZER) {
            set_conditions(object, [Condition::is_true(CONDITION)], now);
            remove_finalizer(object, keys::API_BINDING_FINALIZER);
        }
        Ok(())
    })?;
    Ok(Next::Wait)
}

/// Another binding of the cluster brings the same resource with the same identity: the instances are its own then.
fn is_adopted(core: &Core, binding: &BindingEntry, bound: &BoundResource) -> bool {
    core.bound.bindings.of_cluster(binding.cluster()).iter().any(|other| {
        other.key != binding.key
            && !other.deleting
            && other.bound.iter().any(|b| b.schema_uid == bound.schema_uid && b.identity == bound.identity)
    })
}

/// What is left of one resource after everything that can go went.
struct Remainder {
    resource: String,
    count: usize,
    finalizers: Vec<String>,
}

async fn delete_instances(
    core: &Arc<Core>,
    cluster: &Partition,
    resource: &Arc<ServedResource>,
) -> Result<Option<Remainder>, ApiError> {
    let range = Range::scope(apiserver::Scope::One(cluster.clone()));
    if core.store().count(&resource.storage, &range) == 0 {
        return Ok(None);
    }
    let local = core.controller(cluster, "apibinding-deletion");
    let gvr: GroupVersionResource = resource.gvr();
    if resource.serves(Verb::Delete) {
        let list = local.list(&gvr, &ListParams::default()).await?;
        for (_, object) in list.items.iter().filter(|(_, o)| o["metadata"]["deletionTimestamp"].is_null()) {
            let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
            match local.delete(&gvr, &text("namespace"), &text("name"), &DeleteParams::default()).await {
                Err(error) if !error.is_not_found() => return Err(error),
                _ => {}
            }
        }
    }
    let left = core.store().list_all(&resource.storage, &range).items;
    if left.is_empty() {
        return Ok(None);
    }
    let values: Vec<Value> = left.iter().map(apiserver::store::Stored::value).collect();
    let mut held: Vec<String> = values.iter().flat_map(finalizers).map(str::to_owned).collect();
    held.sort();
    held.dedup();
    let name = resource.group_resource().to_string();
    Ok(Some(Remainder { resource: name, count: left.len(), finalizers: held }))
}

fn remains(remaining: &[Remainder]) -> Condition {
    let (reason, parts): (_, Vec<String>) = if remaining.iter().any(|r| !r.finalizers.is_empty()) {
        let held = remaining.iter().filter(|r| !r.finalizers.is_empty());
        let texts = held.map(|r| format!("{} in {} resource instances", r.finalizers.join(", "), r.count));
        ("SomeFinalizersRemain", texts.collect())
    } else {
        let texts = remaining.iter().map(|r| format!("{} has {} resource instances", r.resource, r.count));
        ("SomeResourcesRemain", texts.collect())
    };
    let what = if reason == "SomeFinalizersRemain" { "finalizers" } else { "resources" };
    let message = format!("Some {what} are remaining: {}", parts.join(", "));
    Condition::is_false(CONDITION, reason, Severity::Info, message)
}
