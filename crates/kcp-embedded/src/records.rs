//! Guarded writes of the server's own loops, straight to the store: metadata, spec and status change in one step, no
//! write where nothing differs.
//!
//! Only for kinds whose rules this crate owns (workspaces, logical clusters, types); everything else goes through
//! admission.

use std::sync::Arc;

use apiserver::{
    ApiError, StoragePrefix,
    store::{self, ObjectKey, StoreError},
};
use jiff::Timestamp;
use kcp_api::{Condition, condition};
use serde_json::{Map, Value, json};

use crate::core::Core;

/// Attempts of one change before a conflict is handed to the caller. In one process each is won quickly.
const ATTEMPTS: usize = 16;

/// Changes an object and stores it if that made a difference. The object vanishes when it is being deleted and its last
/// finalizer went. Returns the object as it stands now; `None` if it is gone.
///
/// # Errors
/// 409 if other writers win every attempt; whatever `change` refuses with.
pub fn modify(
    core: &Core,
    prefix: &StoragePrefix,
    key: &ObjectKey,
    mut change: impl FnMut(&mut Value) -> Result<(), ApiError>,
) -> Result<Option<Value>, ApiError> {
    for _ in 0..ATTEMPTS {
        let Some(stored) = core.store().get(prefix, key) else { return Ok(None) };
        let before = stored.value();
        let mut after = before.clone();
        change(&mut after)?;
        if after == before {
            return Ok(Some(after));
        }
        if after["spec"] != before["spec"] {
            let generation = before["metadata"]["generation"].as_i64().unwrap_or_default() + 1;
            after["metadata"]["generation"] = generation.into();
        }
        let last = after["metadata"]["deletionTimestamp"].is_string() && finalizers(&after).is_empty();
        let outcome = if last {
            core.store().delete_as(prefix, key, stored.revision, Some(encode(&mut after))).map(|_| None)
        } else {
            let bytes = encode(&mut after);
            core.store().update(prefix, key, stored.revision, bytes).map(|revision| {
                after["metadata"]["resourceVersion"] = revision.to_string().into();
                Some(after)
            })
        };
        match outcome {
            Ok(after) => return Ok(after),
            Err(StoreError::NotFound(_)) => return Ok(None),
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(ApiError::internal(error)),
        }
    }
    Err(ApiError::new(409, "Conflict", format!("object `{}` changes too often", key.name())))
}

/// Stores a new object with uid, creation time and generation. Returns it as stored; the existing one if there is one.
pub fn create(
    core: &Core,
    prefix: &StoragePrefix,
    key: ObjectKey,
    mut object: Value,
) -> Result<Value, ApiError> {
    let metadata = &mut object["metadata"];
    metadata["name"] = key.name().into();
    if !key.namespace().is_empty() {
        metadata["namespace"] = key.namespace().into();
    }
    metadata["uid"] = core.ids.uid().into();
    metadata["creationTimestamp"] = now(core).into();
    metadata["generation"] = 1.into();
    match core.store().create(prefix, key.clone(), encode(&mut object)) {
        Ok(revision) => {
            object["metadata"]["resourceVersion"] = revision.to_string().into();
            Ok(object)
        }
        Err(StoreError::AlreadyExists(_)) => {
            core.store().get(prefix, &key).map(|stored| stored.value()).ok_or_else(|| {
                ApiError::new(409, "Conflict", format!("object `{}` came and went", key.name()))
            })
        }
        Err(error) => Err(ApiError::internal(error)),
    }
}

/// Encodes an object that goes on being used: taking its resourceVersion away is cheaper than a copy of the whole.
fn encode(object: &mut Value) -> Arc<[u8]> {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("resourceVersion");
    }
    store::encode_ref(object)
}

/// The moment, as Kubernetes writes it.
pub fn now(core: &Core) -> String {
    seconds(core.clock.now())
}

/// RFC 3339 with whole seconds.
pub fn seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).map(|t| t.to_string()).unwrap_or_default()
}

/// The finalizers of an object.
pub fn finalizers(object: &Value) -> Vec<&str> {
    strings(&object["metadata"]["finalizers"])
}

/// The texts in a list; empty where it is none.
pub fn strings(list: &Value) -> Vec<&str> {
    list.as_array().map(|items| items.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}

/// Adds a finalizer where it is missing.
pub fn add_finalizer(object: &mut Value, finalizer: &str) {
    if !finalizers(object).contains(&finalizer) {
        match object["metadata"]["finalizers"].as_array_mut() {
            Some(list) => list.push(finalizer.into()),
            None => object["metadata"]["finalizers"] = json!([finalizer]),
        }
    }
}

/// Removes a finalizer.
pub fn remove_finalizer(object: &mut Value, finalizer: &str) {
    let Some(metadata) = object["metadata"].as_object_mut() else { return };
    let emptied = match metadata.get_mut("finalizers").and_then(Value::as_array_mut) {
        Some(list) => {
            list.retain(|f| f != finalizer);
            list.is_empty()
        }
        None => false,
    };
    if emptied {
        metadata.remove("finalizers");
    }
}

/// An annotation.
pub fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object["metadata"]["annotations"][key].as_str()
}

/// Sets an annotation.
pub fn set_annotation(object: &mut Value, key: &str, value: impl Into<Value>) {
    entry(object, "annotations").insert(key.to_owned(), value.into());
}

/// Sets a label.
pub fn set_label(object: &mut Value, key: &str, value: impl Into<Value>) {
    entry(object, "labels").insert(key.to_owned(), value.into());
}

/// Drops the labels whose key begins with `prefix` and is not in `keep`.
pub fn retain_labels(object: &mut Value, keep: impl Fn(&str) -> bool) {
    let Some(metadata) = object["metadata"].as_object_mut() else { return };
    let emptied = match metadata.get_mut("labels").and_then(Value::as_object_mut) {
        Some(labels) => {
            labels.retain(|key, _| keep(key));
            labels.is_empty()
        }
        None => false,
    };
    if emptied {
        metadata.remove("labels");
    }
}

fn entry<'a>(object: &'a mut Value, field: &str) -> &'a mut Map<String, Value> {
    let slot = &mut object["metadata"][field];
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    static_map(slot)
}

fn static_map(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => map,
        // Unreachable: the line above made it an object; an empty map keeps the function total.
        other => {
            *other = Value::Object(Map::new());
            static_map(other)
        }
    }
}

/// Sets a list of texts, or removes the field when the list is empty.
pub fn set_strings(object: &mut Value, field: &str, list: &[String]) {
    if list.is_empty() {
        if let Some(map) = object.as_object_mut() {
            map.remove(field);
        }
    } else {
        object[field] = list.iter().cloned().map(Value::from).collect::<Vec<_>>().into();
    }
}

/// Sets conditions in `status.conditions`; times change only with the state.
pub fn set_conditions(object: &mut Value, conditions: impl IntoIterator<Item = Condition>, now: Timestamp) {
    let mut list: Vec<Condition> =
        serde_json::from_value(object["status"]["conditions"].clone()).unwrap_or_default();
    let mut changed = false;
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
    for condition in conditions {
        changed |= condition::set(&mut list, condition, now);
    }
    if changed && let Ok(list) = serde_json::to_value(list) {
        object["status"]["conditions"] = list;
    }
}

/// Whether a condition is True.
pub fn condition_is_true(object: &Value, type_: &str) -> bool {
    object["status"]["conditions"]
        .as_array()
        .is_some_and(|list| list.iter().any(|c| c["type"] == type_ && c["status"] == "True"))
}
