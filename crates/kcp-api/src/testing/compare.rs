//! Definitions side by side.

use serde_json::Value;

/// Takes out what only people read, and sorts `required`, whose order says nothing.
pub fn normalize(value: &mut Value) {
    walk(value, false);
}

fn walk(value: &mut Value, is_properties: bool) {
    match value {
        Value::Object(map) => {
            if !is_properties {
                if map.get("description").is_some_and(Value::is_string) {
                    map.remove("description");
                }
                if let Some(Value::Array(required)) = map.get_mut("required") {
                    required.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
                }
            }
            for (key, child) in map {
                walk(child, key == "properties" && !is_properties);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, false)),
        _ => {}
    }
}

/// Every place where two values differ, a line each: its JSON path, our value, theirs.
pub fn differences(path: &str, ours: &Value, theirs: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare(path, ours, theirs, &mut found);
    found
}

fn compare(path: &str, ours: &Value, theirs: &Value, out: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                let of = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or_default();
                compare(&format!("{path}.{key}"), &of(a), &of(b), out);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                compare(&format!("{path}[{index}]"), a, b, out);
            }
        }
        (a, b) if a != b => out.push(format!("{path}: ours {a}, theirs {b}")),
        _ => {}
    }
}
