//! Printed columns of built-in kinds that are no plain paths.

use serde_json::Value;

/// How many entries the maps below these keys have together.
pub(super) fn count(object: &Value, keys: &[&str]) -> Value {
    let size = |key: &&str| match object.get(*key) {
        Some(Value::Object(map)) => map.len(),
        Some(Value::Array(list)) => list.len(),
        _ => 0,
    };
    keys.iter().map(size).sum::<usize>().into()
}

/// `Kind/name` of the role a binding refers to.
pub(super) fn role(object: &Value) -> Value {
    let text =
        |key: &str| object.pointer(&format!("/roleRef/{key}")).and_then(Value::as_str).unwrap_or_default();
    format!("{}/{}", text("kind"), text("name")).into()
}

/// The subjects of a binding of one kind, joined.
pub(super) fn subjects(object: &Value, kind: &str) -> Value {
    let list = object.get("subjects").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let names: Vec<String> = list
        .iter()
        .filter(|s| s.get("kind").and_then(Value::as_str) == Some(kind))
        .map(|s| {
            let text = |key: &str| s.get(key).and_then(Value::as_str).unwrap_or_default();
            if kind == "ServiceAccount" {
                format!("{}/{}", text("namespace"), text("name"))
            } else {
                text("name").to_owned()
            }
        })
        .collect();
    names.join(", ").into()
}
