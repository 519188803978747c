//! Objects that a structural schema describes, with fields that it does not know anywhere.

use serde_json::{Map, Value, json};

use super::Choices;

/// The name of the field that no schema knows.
pub const UNKNOWN: &str = "xFuture";

/// An arbitrary object of a kind, by the schema of the whole object: every level may carry an unknown field, words of
/// enumerations may be new, metadata has unknown fields too.
pub fn object(choices: &mut Choices<'_>, schema: &Value, api_version: &str, kind: &str) -> Value {
    let mut map = Map::new();
    map.insert("apiVersion".to_owned(), json!(api_version));
    map.insert("kind".to_owned(), json!(kind));
    map.insert("metadata".to_owned(), metadata(choices));
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        if is_header(name) {
            continue;
        }
        if is_required(schema, name) || choices.below(4) < 3 {
            map.insert(name.clone(), value(choices, field));
        }
    }
    unknown(choices, &mut map);
    Value::Object(map)
}

/// The three fields that open every object.
pub fn is_header(name: &str) -> bool {
    matches!(name, "apiVersion" | "kind" | "metadata")
}

fn is_required(schema: &Value, name: &str) -> bool {
    schema["required"].as_array().is_some_and(|names| names.iter().any(|known| known == name))
}

fn unknown(choices: &mut Choices<'_>, map: &mut Map<String, Value>) {
    let value = match choices.below(8) {
        0..4 => return,
        4 => json!(1),
        5 => json!(null),
        6 => json!({"a": [{}]}),
        _ => json!([]),
    };
    map.insert(UNKNOWN.to_owned(), value);
}

fn metadata(choices: &mut Choices<'_>) -> Value {
    let mut map = Map::new();
    map.insert("name".to_owned(), json!("x"));
    if choices.flip() {
        map.insert("labels".to_owned(), json!({"team": choices.word(&["a", "b"])}));
    }
    if choices.one_in(3) {
        map.insert("finalizers".to_owned(), json!(["a.io/b"]));
    }
    if choices.one_in(3) {
        let owner = json!({"apiVersion": "v1", "kind": "K", "name": "n", "uid": "u", UNKNOWN: 1});
        map.insert("ownerReferences".to_owned(), json!([owner]));
    }
    if choices.one_in(3) {
        let entry = json!({"manager": "m", "operation": "Apply", "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": {"f:a": {}}}, "time": "2026-01-26T10:00:00Z", UNKNOWN: {}});
        map.insert("managedFields".to_owned(), json!([entry]));
    }
    unknown(choices, &mut map);
    Value::Object(map)
}

/// An arbitrary value that a schema describes.
pub fn value(choices: &mut Choices<'_>, schema: &Value) -> Value {
    if let Some(words) = schema["enum"].as_array() {
        let at = choices.below(words.len() + 1);
        return words.get(at).cloned().unwrap_or_else(|| json!("Newer"));
    }
    if schema["x-kubernetes-int-or-string"] == true {
        return json!(choices.word(&["2Gi", "100m"]));
    }
    match schema["type"].as_str() {
        Some("object") => map(choices, schema),
        Some("array") => Value::Array(choices.list(3, |choices| value(choices, &schema["items"]))),
        Some("boolean") => Value::Bool(choices.flip()),
        Some("integer") => json!(choices.below(500)),
        Some("number") => json!(0.5 * f64::from(u16::try_from(choices.below(500)).unwrap_or_default())),
        _ => match schema["format"].as_str() {
            Some("date-time") => {
                json!(choices.word(&["2026-01-26T10:00:00Z", "2026-01-26T10:00:00.123456Z"]))
            }
            Some("byte") => json!("AAAA"),
            _ => json!(choices.text("abc", 4)),
        },
    }
}

fn map(choices: &mut Choices<'_>, schema: &Value) -> Value {
    let mut map = Map::new();
    let values = &schema["additionalProperties"];
    if values.is_object() {
        let pairs = choices.list(3, |choices| (choices.text("abc", 4), value(choices, values)));
        map.extend(pairs);
        return Value::Object(map);
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        if is_required(schema, name) || choices.flip() {
            map.insert(name.clone(), value(choices, field));
        }
    }
    unknown(choices, &mut map);
    Value::Object(map)
}

/// The object with every field that the schema knows, lists with one item, maps with one key.
pub fn full_object(schema: &Value, api_version: &str, kind: &str) -> Value {
    let mut map = Map::new();
    map.insert("apiVersion".to_owned(), json!(api_version));
    map.insert("kind".to_owned(), json!(kind));
    map.insert("metadata".to_owned(), json!({"name": "x"}));
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        if !is_header(name) {
            map.insert(name.clone(), full_value(field));
        }
    }
    Value::Object(map)
}

/// A value with every field that the schema knows, none of them empty.
pub fn full_value(schema: &Value) -> Value {
    if let Some(words) = schema["enum"].as_array() {
        // Types may leave out a default when they write; the last word rarely is one.
        let word = words.iter().rfind(|word| Some(*word) != schema.get("default"));
        return word.or(words.last()).cloned().unwrap_or_default();
    }
    match schema["type"].as_str() {
        Some("object") => {
            let mut map = Map::new();
            for (name, field) in schema["properties"].as_object().into_iter().flatten() {
                map.insert(name.clone(), full_value(field));
            }
            if schema["additionalProperties"].is_object() {
                map.insert("some-key".into(), full_value(&schema["additionalProperties"]));
            }
            if schema["x-kubernetes-preserve-unknown-fields"] == true {
                map.insert("anything".into(), true.into());
            }
            Value::Object(map)
        }
        Some("array") => vec![full_value(&schema["items"])].into(),
        Some("boolean") => true.into(),
        Some("integer") => 7.into(),
        Some("number") => 2.5.into(),
        _ if schema["x-kubernetes-int-or-string"] == true => "2Gi".into(),
        _ => match schema["format"].as_str() {
            Some("date-time") => "2026-01-26T10:00:00Z".into(),
            Some("byte") => "AAAA".into(),
            _ => "text".into(),
        },
    }
}

/// Puts a field that nobody knows into every object, also inside lists; maps of texts stay as they are, because any
/// key of theirs is known.
pub fn add_unknown_fields(value: &mut Value) {
    const MAPS: [&str; 8] = [
        "labels",
        "annotations",
        "matchLabels",
        "additionalWorkspaceLabels",
        "extra",
        "capacity",
        "nodeSelector",
        "f:metadata",
    ];
    match value {
        Value::Object(map) => {
            for (key, item) in map.iter_mut() {
                if !MAPS.contains(&key.as_str()) {
                    add_unknown_fields(item);
                }
            }
            map.insert(UNKNOWN.to_owned(), json!([{"a": null}]));
        }
        Value::Array(list) => list.iter_mut().for_each(add_unknown_fields),
        _ => {}
    }
}
