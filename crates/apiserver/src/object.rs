//! Reading and writing the metadata of objects.

use jiff::Timestamp;
use serde_json::{Map, Value};

/// The metadata map, if the object has one.
pub fn metadata(object: &Value) -> Option<&Map<String, Value>> {
    object.get("metadata").and_then(Value::as_object)
}

/// The metadata map; made if it is missing. `None` only where the object is no map.
pub fn metadata_mut(object: &mut Value) -> Option<&mut Map<String, Value>> {
    let map = object.as_object_mut()?;
    let entry = map.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    if !entry.is_object() {
        *entry = Value::Object(Map::new());
    }
    entry.as_object_mut()
}

fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    metadata(object).and_then(|m| m.get(key)).and_then(Value::as_str).unwrap_or_default()
}

/// `metadata.name`, or empty.
pub fn name(object: &Value) -> &str {
    text(object, "name")
}

/// `metadata.namespace`, or empty.
pub fn namespace(object: &Value) -> &str {
    text(object, "namespace")
}

/// `metadata.uid`, or empty.
pub fn uid(object: &Value) -> &str {
    text(object, "uid")
}

/// `metadata.resourceVersion`, or empty.
pub fn resource_version(object: &Value) -> &str {
    text(object, "resourceVersion")
}

/// `metadata.generation`, or 0.
pub fn generation(object: &Value) -> i64 {
    metadata(object).and_then(|m| m.get("generation")).and_then(Value::as_i64).unwrap_or_default()
}

/// `apiVersion`, or empty.
pub fn api_version(object: &Value) -> &str {
    object.get("apiVersion").and_then(Value::as_str).unwrap_or_default()
}

/// `kind`, or empty.
pub fn kind(object: &Value) -> &str {
    object.get("kind").and_then(Value::as_str).unwrap_or_default()
}

/// Whether deletion has begun.
pub fn is_deleting(object: &Value) -> bool {
    metadata(object).and_then(|m| m.get("deletionTimestamp")).is_some_and(|t| !t.is_null())
}

/// `metadata.finalizers`.
pub fn finalizers(object: &Value) -> Vec<&str> {
    metadata(object)
        .and_then(|m| m.get("finalizers"))
        .and_then(Value::as_array)
        .map(|list| list.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default()
}

/// Replaces `metadata.finalizers`; none removes the field.
pub fn set_finalizers(object: &mut Value, finalizers: &[String]) {
    if let Some(metadata) = metadata_mut(object) {
        if finalizers.is_empty() {
            metadata.remove("finalizers");
        } else {
            metadata.insert("finalizers".to_owned(), finalizers.to_vec().into());
        }
    }
}

/// A label, if set.
pub fn label<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    metadata(object)?.get("labels")?.get(key)?.as_str()
}

/// An annotation, if set.
pub fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    metadata(object)?.get("annotations")?.get(key)?.as_str()
}

/// Sets an annotation.
pub fn set_annotation(object: &mut Value, key: &str, value: &str) {
    if let Some(metadata) = metadata_mut(object) {
        let annotations = metadata.entry("annotations").or_insert_with(|| Value::Object(Map::new()));
        if !annotations.is_object() {
            *annotations = Value::Object(Map::new());
        }
        if let Some(map) = annotations.as_object_mut() {
            map.insert(key.to_owned(), value.into());
        }
    }
}

/// Removes an annotation, and the map when it was the last.
pub fn remove_annotation(object: &mut Value, key: &str) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) else { return };
    if annotations.remove(key).is_some() && annotations.is_empty() {
        metadata.remove("annotations");
    }
}

/// `metadata.ownerReferences`.
pub fn owner_references(object: &Value) -> &[Value] {
    metadata(object)
        .and_then(|m| m.get("ownerReferences"))
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Sets a metadata field.
pub fn set(object: &mut Value, key: &str, value: impl Into<Value>) {
    if let Some(metadata) = metadata_mut(object) {
        metadata.insert(key.to_owned(), value.into());
    }
}

/// Removes a metadata field.
pub fn unset(object: &mut Value, key: &str) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove(key);
    }
}

/// Takes a metadata field over from another object, its absence included.
pub fn take_over(object: &mut Value, key: &str, from: &Value) {
    match metadata(from).and_then(|m| m.get(key)) {
        Some(value) => set(object, key, value.clone()),
        None => unset(object, key),
    }
}

/// RFC 3339 in whole seconds, the form of `metav1.Time`.
pub fn time_text(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

/// RFC 3339 in microseconds, the form of `metav1.MicroTime`.
pub fn micro_time_text(time: Timestamp) -> String {
    format!("{time:.6}")
}

const KNOWN: [&str; 15] = [
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
    "selfLink",
];

/// Drops what `ObjectMeta` does not have, nulls, empty maps and lists; answers the dropped unknown fields.
pub fn normalize_metadata(object: &mut Value) -> Vec<String> {
    let Some(metadata) = metadata_mut(object) else { return Vec::new() };
    let mut unknown = Vec::new();
    metadata.retain(|key, value| {
        if !KNOWN.contains(&key.as_str()) {
            unknown.push(format!("metadata.{key}"));
            return false;
        }
        let empty = match value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::Object(map) => map.is_empty(),
            _ => false,
        };
        !empty && key != "selfLink"
    });
    unknown
}

/// Reads a dotted path such as `.spec.replicas` or `metadata.labels`; keys with dots are written `.metadata.labels.a\.b`.
pub fn at_path<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    let mut here = object;
    for part in split_path(path) {
        here = match here {
            Value::Array(list) => list.get(part.parse::<usize>().ok()?)?,
            other => other.get(&part)?,
        };
    }
    Some(here)
}

/// Splits a dotted path into its keys.
pub fn split_path(path: &str) -> Vec<String> {
    let (mut parts, mut part, mut chars) = (Vec::new(), String::new(), path.trim_start_matches('.').chars());
    while let Some(c) = chars.next() {
        match c {
            '\\' => part.extend(chars.next()),
            '.' => parts.push(std::mem::take(&mut part)),
            c => part.push(c),
        }
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// The text of a scalar, as selectors and columns print it.
pub fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}
