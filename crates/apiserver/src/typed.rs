//! Types of built-in kinds: what Kubernetes drops or refuses while decoding, done by the table of kinds.

use serde_json::Value;

use crate::builtin::{Field, Many, Message, Type, table};
use crate::object;

const DEPTH_MAX: usize = 32;

/// What decoding found.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    /// Fields that the kind does not have; they are dropped.
    pub unknown: Vec<String>,
    /// The first field of a wrong type, in the words of Go's decoder.
    pub fault: Option<String>,
}

/// Drops unknown fields and nulls of a built-in object and checks the types of the rest. Metadata is cleaned elsewhere.
/// Objects of kinds that the table does not have stay as they are.
pub(crate) fn decode(object: &mut Value) -> Decoded {
    let mut decoded = Decoded::default();
    let kind = object::kind(object).to_owned();
    if let Some(message) = table().kind(object::api_version(object), &kind) {
        walk(message, object, &kind, "", 0, &mut decoded);
    }
    decoded
}

fn walk(message: &Message, value: &mut Value, kind: &str, path: &str, depth: usize, decoded: &mut Decoded) {
    if depth > DEPTH_MAX {
        return;
    }
    let Some(map) = value.as_object_mut() else {
        refuse(value, kind, path, "object", decoded);
        return;
    };
    map.retain(|name, value| {
        if path.is_empty() && matches!(name.as_str(), "apiVersion" | "kind" | "metadata") {
            return true;
        }
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let Some(field) = message.by_name(name) else {
            decoded.unknown.push(path);
            return false;
        };
        if value.is_null() {
            return false;
        }
        walk_field(field, value, kind, &path, depth, decoded);
        true
    });
}

fn walk_field(field: &Field, value: &mut Value, kind: &str, path: &str, depth: usize, decoded: &mut Decoded) {
    match (field.many, value) {
        (Many::One, value) => walk_one(field.ty, value, kind, path, depth, decoded),
        (Many::List, Value::Array(list)) => {
            for (i, item) in list.iter_mut().enumerate() {
                walk_one(field.ty, item, kind, &format!("{path}[{i}]"), depth, decoded);
            }
        }
        (Many::List, other) => refuse(other, kind, path, "array", decoded),
        (Many::Map, Value::Object(map)) => {
            for (key, item) in map {
                walk_one(field.ty, item, kind, &format!("{path}.{key}"), depth, decoded);
            }
        }
        (Many::Map, other) => refuse(other, kind, path, "map[string]string", decoded),
    }
}

fn walk_one(ty: Type, value: &mut Value, kind: &str, path: &str, depth: usize, decoded: &mut Decoded) {
    let (fits, wanted) = match ty {
        Type::Message(index) => {
            if let Some(message) = table().message(index) {
                walk(message, value, kind, path, depth + 1, decoded);
            }
            return;
        }
        Type::String => (value.is_string(), "string"),
        Type::Bytes => (value.is_string(), "[]uint8"),
        Type::Bool => (value.is_boolean(), "bool"),
        Type::Int32 | Type::Int64 => (value.is_i64() || value.is_u64(), "int64"),
        _ => (true, ""),
    };
    if !fits && !value.is_null() {
        refuse(value, kind, path, wanted, decoded);
    }
    if let (Type::Bytes, Value::String(text)) = (ty, &*value)
        && !is_base64(text)
        && decoded.fault.is_none()
    {
        decoded.fault = Some("illegal base64 data at input byte 0".to_owned());
    }
}

fn is_base64(text: &str) -> bool {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(text.replace(['\n', '\r'], "")).is_ok()
}

fn refuse(value: &Value, kind: &str, path: &str, wanted: &str, decoded: &mut Decoded) {
    let found = match value {
        Value::Null => return,
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if decoded.fault.is_none() {
        decoded.fault = Some(format!(
            "json: cannot unmarshal {found} into Go struct field {kind}.{path} of type {wanted}"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn dev_03_built_in_objects_lose_unknown_fields_and_refuse_wrong_types() {
        let mut map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}, "data": {"a": "b"}, "spec": 1, "immutable": null});
        let decoded = decode(&mut map);
        assert_eq!(decoded.unknown, ["spec"]);
        assert_eq!(decoded.fault, None);
        assert_eq!(map, json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}, "data": {"a": "b"}}));
        map["data"]["a"] = json!(5);
        let fault = decode(&mut map).fault.unwrap();
        assert_eq!(
            fault,
            "json: cannot unmarshal number into Go struct field ConfigMap.data.a of type string"
        );
        let mut secret = json!({"apiVersion": "v1", "kind": "Secret", "data": {"a": "!"}});
        assert!(decode(&mut secret).fault.unwrap().contains("base64"));
    }
}
