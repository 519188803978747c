//! From a reference to served resources: resolve the export, take the names, serve, apply accepted claims.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use apiserver::{ApiError, store::ObjectKey};
use kcp_api::{Condition, Severity, condition, keys};
use serde_json::{Map, Value, json};

use super::{BindingEntry, conflicts, deletion, locks};
use crate::{
    claims,
    core::{Core, WeakCore, upgrade},
    exports::{ExportEntry, object_of},
    kinds,
    reconcile::{Next, Reconcile, Source},
    records::{condition_is_true, modify, set_annotation, set_conditions},
    schemas::SchemaEntry,
};

/// Pause before a taken name is tried again; the other owner's end wakes nobody.
const CONFLICT_PAUSE: Duration = Duration::from_secs(2);

const VALID: &str = "APIExportValid";
const INITIAL: &str = "InitialBindingCompleted";
const UP_TO_DATE: &str = "BindingUpToDate";

/// The loop over all APIBindings; exports and schemas wake the bindings that use or wait for them.
pub(crate) fn controller(core: &WeakCore) -> (Vec<Source>, Reconcile) {
    let (weak, by_export, by_schema) = (core.clone(), core.clone(), core.clone());
    let sources = vec![
        Source::itself(kinds::api_bindings()),
        Source::mapped(kinds::api_exports(), move |event| {
            let Ok(core) = upgrade(&by_export) else { return Vec::new() };
            core.feeds.catch_up();
            core.bound.bindings.naming(event.key.name())
        }),
        Source::mapped(kinds::api_resource_schemas(), move |event| {
            let Ok(core) = upgrade(&by_schema) else { return Vec::new() };
            core.feeds.catch_up();
            let schema = object_of(event);
            let name = schema["metadata"]["name"].as_str().unwrap_or_default();
            let exports = core.bound.exports.using_schema(event.key.partition(), name);
            exports.iter().flat_map(|export| core.bound.bindings.naming(export.name())).collect()
        }),
    ];
    let reconcile: Reconcile = Arc::new(move |key| {
        let weak = weak.clone();
        Box::pin(async move { reconcile(&upgrade(&weak)?, key).await })
    });
    (sources, reconcile)
}

async fn reconcile(core: &Arc<Core>, key: ObjectKey) -> Result<Next, ApiError> {
    core.feeds.catch_up();
    let Some(binding) = core.bound.bindings.get(&key) else { return Ok(Next::Wait) };
    if binding.deleting {
        return deletion::reconcile(core, &binding).await;
    }
    // What is bound has begun long ago; reading it again only to see that costs as much as the rest.
    if binding.export_cluster.is_none() {
        begin(core, &key)?;
    }
    let reference = json!({"path": binding.reference.0, "name": binding.reference.1});
    let Some(export) = core.bound.resolve_export(key.partition(), &reference) else {
        let text = format!("APIExport {}|{} not found", binding.reference.0, binding.reference.1);
        invalid(core, &key, "APIExportNotFound", Severity::Error, text)?;
        return Ok(Next::Wait);
    };
    let Some(identity) = export.identity.clone() else {
        let text = format!("APIExport {}|{} is missing status.identityHash", export.cluster(), export.name());
        invalid(core, &key, "MissingIdentityHash", Severity::Warning, text)?;
        return Ok(Next::Wait);
    };
    let next = match bind(core, &binding, &export) {
        Ok(schemas) => {
            complete(core, &key, &export, &identity, &schemas)?;
            Next::Wait
        }
        Err(blocked) => {
            let pause =
                if blocked.reason == "NamingConflicts" { Next::After(CONFLICT_PAUSE) } else { Next::Wait };
            blocked.record(core, &key, &export)?;
            pause
        }
    };
    core.apis.changed();
    core.feeds.catch_up();
    claims::apply(core, &key, &export).await?;
    Ok(next)
}

/// The first step, a write of its own so that watchers see it: phase Binding, waiting.
fn begin(core: &Core, key: &ObjectKey) -> Result<(), ApiError> {
    let now = core.clock.now();
    modify(core, &kinds::api_bindings(), key, |object| {
        if object["status"]["phase"].as_str().unwrap_or_default().is_empty() {
            object["status"]["phase"] = "Binding".into();
            let text = "Waiting for API(s) to be established";
            let waiting = Condition::is_false(INITIAL, "WaitingForEstablished", Severity::Info, text);
            set_conditions(object, [waiting], now);
            summarize(object, now);
        }
        Ok(())
    })
    .map(drop)
}

fn invalid(
    core: &Core,
    key: &ObjectKey,
    reason: &str,
    severity: Severity,
    text: String,
) -> Result<(), ApiError> {
    let now = core.clock.now();
    modify(core, &kinds::api_bindings(), key, |object| {
        set_conditions(object, [Condition::is_false(VALID, reason, severity.clone(), text.clone())], now);
        summarize(object, now);
        Ok(())
    })
    .map(drop)
}

/// Why the resources of an export cannot be served.
struct Blocked {
    reason: &'static str,
    text: String,
}

impl Blocked {
    fn record(&self, core: &Core, key: &ObjectKey, export: &ExportEntry) -> Result<(), ApiError> {
        let now = core.clock.now();
        modify(core, &kinds::api_bindings(), key, |object| {
            object["status"]["apiExportClusterName"] = export.cluster().as_str().into();
            let blocked =
                |type_: &str| Condition::is_false(type_, self.reason, Severity::Error, self.text.clone());
            let mut conditions = vec![Condition::is_true(VALID), blocked(UP_TO_DATE)];
            // Once completed, a later schema that does not fit leaves the earlier one in force.
            if !condition_is_true(object, INITIAL) {
                conditions.push(blocked(INITIAL));
            }
            set_conditions(object, conditions, now);
            summarize(object, now);
            Ok(())
        })
        .map(drop)
    }
}

/// Finds the schemas, checks their names and takes the locks.
fn bind(
    core: &Arc<Core>,
    binding: &BindingEntry,
    export: &ExportEntry,
) -> Result<Vec<Arc<SchemaEntry>>, Blocked> {
    let (cluster, name) = (binding.cluster(), binding.key.name());
    let mut schemas = Vec::new();
    for resource in &export.resources {
        let Some(schema) = core.bound.schemas.find(export.cluster(), &resource.schema) else {
            let text = format!(
                "Invalid APIExport {}|{}: APIResourceSchema {} not found",
                export.cluster(),
                export.name(),
                resource.schema
            );
            return Err(Blocked { reason: "APIResourceSchemaInvalid", text });
        };
        if let Some(text) = conflicts::conflict(core, cluster, name, &schema) {
            return Err(Blocked { reason: "NamingConflicts", text });
        }
        schemas.push(schema);
    }
    let resources: Vec<(&str, &str)> =
        export.resources.iter().map(|r| (r.group.as_str(), r.name.as_str())).collect();
    match locks::take(core, cluster, name, &resources) {
        Ok(None) => Ok(schemas),
        Ok(Some((lock, owner))) => {
            let who = if owner.crd {
                "a CustomResourceDefinition".to_owned()
            } else {
                format!("APIBinding \"{}\"", owner.binding)
            };
            let text = format!("naming conflict: `{lock}` is already used by {who}");
            Err(Blocked { reason: "NamingConflicts", text })
        }
        Err(error) => Err(Blocked { reason: "LogicalClusterNotFound", text: error.message.clone() }),
    }
}

fn complete(
    core: &Core,
    key: &ObjectKey,
    export: &ExportEntry,
    identity: &str,
    schemas: &[Arc<SchemaEntry>],
) -> Result<(), ApiError> {
    let now = core.clock.now();
    modify(core, &kinds::api_bindings(), key, |object| {
        let bound: Vec<Value> = export
            .resources
            .iter()
            .zip(schemas)
            .map(|(resource, schema)| {
                json!({
                    "group": resource.group,
                    "resource": resource.name,
                    "schema": {"name": resource.schema, "UID": &*schema.uid, "identityHash": identity},
                    "storageVersions": storage_versions(object, &resource.group, &resource.name, &schema.storage_version),
                })
            })
            .collect();
        for (key, value) in &export.extra {
            set_annotation(object, key, value.clone());
        }
        if let Some(annotations) = object["metadata"]["annotations"].as_object_mut() {
            annotations.retain(|key, _| !key.starts_with(keys::EXTRA_PREFIX) || export.extra.contains_key(key));
        }
        let status = &mut object["status"];
        status["apiExportClusterName"] = export.cluster().as_str().into();
        status["boundResources"] = bound.into();
        set_list(status, "exportPermissionClaims", &export.claims);
        status["phase"] = "Bound".into();
        set_conditions(object, [VALID, INITIAL, UP_TO_DATE].map(Condition::is_true), now);
        summarize(object, now);
        Ok(())
    })
    .map(drop)
}

/// Every version in which instances may be stored: those of before and today's.
fn storage_versions(binding: &Value, group: &str, resource: &str, today: &str) -> Vec<String> {
    let bound = binding["status"]["boundResources"].as_array().into_iter().flatten();
    let known = bound.filter(|b| b["group"] == group && b["resource"] == resource);
    let mut versions: BTreeSet<String> = known
        .flat_map(|b| b["storageVersions"].as_array().into_iter().flatten())
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    versions.insert(today.to_owned());
    versions.into_iter().collect()
}

pub(super) fn set_list(status: &mut Value, field: &str, list: &Value) {
    if !status.is_object() {
        *status = Value::Object(Map::new());
    }
    let empty = list.as_array().is_none_or(Vec::is_empty);
    match status.as_object_mut() {
        Some(map) if empty => {
            map.remove(field);
        }
        _ => status[field] = list.clone(),
    }
}

/// Ready follows InitialBindingCompleted alone.
fn summarize(object: &mut Value, now: jiff::Timestamp) {
    let mut list: Vec<Condition> =
        serde_json::from_value(object["status"]["conditions"].clone()).unwrap_or_default();
    let now = jiff::Timestamp::from_second(now.as_second()).unwrap_or(now);
    if condition::set_summary(&mut list, &[INITIAL], now)
        && let Ok(list) = serde_json::to_value(list)
    {
        object["status"]["conditions"] = list;
    }
}
