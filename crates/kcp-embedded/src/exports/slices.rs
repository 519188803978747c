//! APIExportEndpointSlices: the URL where a provider finds its consumers, present while it has any.

use std::{sync::Arc, time::Duration};

use apiserver::{ApiError, GroupVersionResource, Partition, store::ObjectKey};
use kcp_api::{Condition, Severity};
use serde_json::{Value, json};

use super::object_of;
use crate::{
    core::{Core, WeakCore, upgrade},
    kinds,
    reconcile::{Next, Reconcile, Source},
    records::{modify, set_conditions},
};

/// Pause before a missing partition is looked for again.
const PARTITION_PAUSE: Duration = Duration::from_secs(2);

/// The loop over all endpoint slices; exports and bindings wake the slices that speak of them.
pub(crate) fn controller(core: &WeakCore) -> (Vec<Source>, Reconcile) {
    let (weak, by_export, by_binding) = (core.clone(), core.clone(), core.clone());
    let sources = vec![
        Source::itself(kinds::api_export_endpoint_slices()),
        Source::mapped(kinds::api_exports(), move |event| slices_of(&by_export, &event.key)),
        Source::mapped(kinds::api_bindings(), move |event| {
            let binding = object_of(event);
            let (Some(cluster), Some(name)) = (
                binding["status"]["apiExportClusterName"].as_str(),
                binding["spec"]["reference"]["export"]["name"].as_str(),
            ) else {
                return Vec::new();
            };
            slices_of(&by_binding, &ObjectKey::new(Partition::from(cluster), "", name))
        }),
    ];
    let reconcile: Reconcile = Arc::new(move |key| {
        let weak = weak.clone();
        Box::pin(async move { reconcile(&upgrade(&weak)?, &key).await })
    });
    (sources, reconcile)
}

/// Slices that refer to an export; most stand beside it under its name.
fn slices_of(core: &WeakCore, export: &ObjectKey) -> Vec<ObjectKey> {
    let Ok(core) = upgrade(core) else { return Vec::new() };
    core.feeds.catch_up();
    core.bound.slices.of_export(export)
}

async fn reconcile(core: &Arc<Core>, key: &ObjectKey) -> Result<Next, ApiError> {
    core.feeds.catch_up();
    let Some(stored) = core.store().get(&kinds::api_export_endpoint_slices(), key) else {
        return Ok(Next::Wait);
    };
    let slice = stored.value();
    let export = core.bound.resolve_export(key.partition(), &slice["spec"]["export"]);
    let partition = partition_selector(core, key.partition(), &slice).await;
    let endpoints = match (&export, &partition) {
        (Some(export), Ok(_)) if core.bound.bindings.has_consumers(&export.key) => {
            let url =
                format!("{}/services/apiexport/{}/{}", core.external_url(), export.cluster(), export.name());
            Some(json!([{"url": url}]))
        }
        _ => None,
    };
    let conditions = [
        match &export {
            Some(_) => Condition::is_true("APIExportValid"),
            None => {
                Condition::is_false("APIExportValid", "APIExportNotFound", Severity::Error, missing(&slice))
            }
        },
        match &partition {
            Ok(_) => Condition::is_true("PartitionValid"),
            Err(why) => Condition::is_false(
                "PartitionValid",
                "PartitionInvalidReference",
                Severity::Error,
                why.clone(),
            ),
        },
    ];
    let now = core.clock.now();
    modify(core, &kinds::api_export_endpoint_slices(), key, |slice| {
        set_conditions(slice, conditions.clone(), now);
        set_or_remove(&mut slice["status"], "endpoints", endpoints.clone());
        let selector = partition.as_ref().ok().cloned().flatten().map(Value::from);
        set_or_remove(&mut slice["status"], "shardSelector", selector);
        Ok(())
    })?;
    // Partitions are bound, so their changes come from as many places as there are bindings; a missing one is looked for.
    Ok(if partition.is_err() { Next::After(PARTITION_PAUSE) } else { Next::Wait })
}

fn missing(slice: &Value) -> String {
    let export = &slice["spec"]["export"];
    format!(
        "Error getting APIExport {}:{}",
        export["path"].as_str().unwrap_or_default(),
        export["name"].as_str().unwrap_or_default()
    )
}

/// The shard selector of the slice's partition; none without one. The one shard is in every partition that selects by
/// labels it has.
async fn partition_selector(
    core: &Core,
    cluster: &Partition,
    slice: &Value,
) -> Result<Option<String>, String> {
    let Some(name) = slice["spec"]["partition"].as_str().filter(|n| !n.is_empty()) else { return Ok(None) };
    let gvr = GroupVersionResource::new("topology.kcp.io", "v1alpha1", "partitions");
    let found = core.read(cluster, &gvr, name).await;
    let partition = found.ok_or_else(|| format!("partition `{name}` does not exist"))?;
    let labels = partition["spec"]["selector"]["matchLabels"].as_object();
    let parts: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default()))
        .collect();
    Ok((!parts.is_empty()).then(|| parts.join(",")))
}

fn set_or_remove(status: &mut Value, field: &str, value: Option<Value>) {
    match (value, status.as_object_mut()) {
        (Some(value), _) => status[field] = value,
        (None, Some(status)) => {
            status.remove(field);
        }
        (None, None) => {}
    }
}
