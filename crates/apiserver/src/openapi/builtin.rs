//! Components of built-in kinds, made from the table of their messages.

use serde_json::{Map, Value, json};

use super::{reference, words};
use crate::{
    builtin::{Field, Many, Message, Type, table},
    fields::{MergeSchema as _, Shape},
};

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";

/// The component of a built-in kind.
pub(super) fn component_of(api_version: &str, kind: &str) -> Option<String> {
    table().kind(api_version, kind).map(|message| component(&message.name))
}

/// A component of the metadata types.
pub(super) fn meta(name: &str) -> String {
    format!("{META}.{name}")
}

/// `core/v1.ConfigMap` as `io.k8s.api.core.v1.ConfigMap`.
fn component(message: &str) -> String {
    let (package, kind) = message.split_once('.').unwrap_or(("", message));
    let (group, version) = package.split_once('/').unwrap_or((package, "v1"));
    match group {
        "meta" => meta(kind),
        "apiextensions" => format!("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.{version}.{kind}"),
        group => format!("io.k8s.api.{group}.{version}.{kind}"),
    }
}

/// Adds the component of a built-in kind and of everything it refers to. Whether the table has the kind.
pub(super) fn add_kind(api_version: &str, kind: &str, gvk: Value, schemas: &mut Map<String, Value>) -> bool {
    let Some(message) = table().kind(api_version, kind) else { return false };
    let name = component(&message.name);
    add_message(message, schemas);
    if let Some(schema) = schemas.get_mut(&name) {
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            for (name, json) in type_fields() {
                properties.insert(name.to_owned(), json);
            }
        }
        schema["x-kubernetes-group-version-kind"] = json!([gvk]);
    }
    true
}

/// `apiVersion` and `kind` as properties.
pub(super) fn type_fields() -> [(&'static str, Value); 2] {
    let text = |what: &str| json!({"type": "string", "description": what});
    [
        (
            "apiVersion",
            text("Version of the API group that this object is written in, such as `v1` or `apps/v1`."),
        ),
        ("kind", text("Kind of the object, in upper camel case.")),
    ]
}

/// Components that every document refers to.
pub(super) fn add_common(schemas: &mut Map<String, Value>) {
    for name in ["meta/v1.ObjectMeta", "meta/v1.DeleteOptions"] {
        if let Some(message) = table().named(name) {
            add_message(message, schemas);
        }
    }
    let text = json!({"type": "string"});
    let [api_version, kind] = type_fields();
    schemas.insert(
        meta("ListMeta"),
        json!({
            "type": "object",
            "description": "Metadata of a list: its revision, and where the next page begins.",
            "properties": {
                "continue": text, "resourceVersion": text, "selfLink": text,
                "remainingItemCount": {"type": "integer", "format": "int64"},
            },
        }),
    );
    schemas.insert(
        meta("Status"),
        json!({
            "type": "object",
            "description": "The result of a call that returns no object.",
            "properties": {
                api_version.0: api_version.1, kind.0: kind.1,
                "metadata": reference(&meta("ListMeta")),
                "status": text, "message": text, "reason": text,
                "code": {"type": "integer", "format": "int32"},
                "details": {"type": "object", "x-kubernetes-list-type": "atomic", "additionalProperties": true},
            },
            "x-kubernetes-group-version-kind": [{"group": "", "version": "v1", "kind": "Status"}],
        }),
    );
    schemas.insert(
        meta("Patch"),
        json!({"type": "object", "description": "A patch; its media type says of which kind."}),
    );
}

fn add_message(message: &Message, schemas: &mut Map<String, Value>) {
    let name = component(&message.name);
    if schemas.contains_key(&name) {
        return;
    }
    schemas.insert(name.clone(), Value::Null);
    let mut properties = Map::new();
    add_fields(message, &mut properties, schemas, 0);
    let mut schema = json!({"type": "object", "properties": properties});
    if let Some(text) = words::of(&message.name) {
        schema["description"] = json!(text);
    }
    if message.atomic {
        schema["x-kubernetes-map-type"] = json!("atomic");
    }
    schemas.insert(name, schema);
}

fn add_fields(
    message: &Message,
    properties: &mut Map<String, Value>,
    schemas: &mut Map<String, Value>,
    depth: usize,
) {
    for field in &message.fields {
        // A field without a name is a message whose fields stand here; they nest two levels at most.
        if field.name == "-" {
            if let Type::Message(inner) = field.ty
                && let Some(inner) = table().message(inner)
                && depth < 4
            {
                add_fields(inner, properties, schemas, depth + 1);
            }
            continue;
        }
        let mut json = property(field, schemas);
        if let Some(text) = words::of(&format!("{} {}", message.name, field.name)) {
            // What stands beside a reference is ignored, so the reference is wrapped.
            if json.get("$ref").is_some() {
                json = json!({"allOf": [json]});
            }
            json["description"] = json!(text);
        }
        properties.insert(field.name.clone(), json);
    }
}

fn property(field: &Field, schemas: &mut Map<String, Value>) -> Value {
    let value = of_type(field.ty, schemas);
    let mut json = match field.many {
        Many::One => value,
        Many::List => json!({"type": "array", "items": value}),
        Many::Map => json!({"type": "object", "additionalProperties": value}),
    };
    if field.many == Many::List {
        match field.shape() {
            Shape::SetList => json["x-kubernetes-list-type"] = json!("set"),
            Shape::KeyedList(keys) => {
                json["x-kubernetes-list-type"] = json!("map");
                json["x-kubernetes-list-map-keys"] = json!(keys);
            }
            _ => json["x-kubernetes-list-type"] = json!("atomic"),
        }
    } else if field.atomic && json.get("$ref").is_none() {
        json["x-kubernetes-map-type"] = json!("atomic");
    }
    let strategies: Vec<&str> = [(field.patch_merge, "merge"), (field.patch_retain_keys, "retainKeys")]
        .into_iter()
        .filter_map(|(set, name)| set.then_some(name))
        .collect();
    if !strategies.is_empty() && json.get("$ref").is_none() {
        json["x-kubernetes-patch-strategy"] = json!(strategies.join(","));
        if let Some(key) = &field.merge_key {
            json["x-kubernetes-patch-merge-key"] = json!(key);
        }
    }
    json
}

fn of_type(ty: Type, schemas: &mut Map<String, Value>) -> Value {
    match ty {
        Type::String => json!({"type": "string"}),
        Type::Bytes => json!({"type": "string", "format": "byte"}),
        Type::Bool => json!({"type": "boolean"}),
        Type::Int32 => json!({"type": "integer", "format": "int32"}),
        Type::Int64 => json!({"type": "integer", "format": "int64"}),
        Type::Float64 => json!({"type": "number", "format": "double"}),
        Type::Time | Type::MicroTime => json!({"type": "string", "format": "date-time"}),
        Type::Quantity => json!({"oneOf": [{"type": "string"}, {"type": "number"}]}),
        Type::IntOrString => {
            json!({"oneOf": [{"type": "integer"}, {"type": "string"}], "format": "int-or-string"})
        }
        Type::Raw => json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
        Type::Items => json!({"type": "array", "items": {"type": "string"}}),
        Type::SchemaOrBool | Type::SchemaOrArray | Type::SchemaOrStrings => json!({}),
        Type::Message(index) => match table().message(index) {
            Some(message) => {
                add_message(message, schemas);
                reference(&component(&message.name))
            }
            None => json!({"type": "object"}),
        },
    }
}
