//! Components of one resource: its objects and their lists.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{builtin, component_name, kind_of, reference};
use crate::resource::ServedResource;

/// Adds the kind of a resource, the kind of its lists, and the kinds of its subresources.
pub(super) fn add(resource: &Arc<ServedResource>, schemas: &mut Map<String, Value>) {
    let name = component_name(resource);
    let gvk = kind_of(resource);
    match &resource.schema {
        Some(schema) => {
            schemas.insert(name.clone(), custom(schema.source(), &gvk));
        }
        None => {
            if !builtin::add_kind(&resource.api_version(), &resource.gvk.kind, gvk.clone(), schemas) {
                schemas.insert(
                    name.clone(),
                    custom(&json!({"x-kubernetes-preserve-unknown-fields": true}), &gvk),
                );
            }
        }
    }
    if resource.virtual_create.is_none() {
        schemas.insert(list_name(resource), list(resource, &name));
    }
    for route in &resource.subresources.routes {
        let json =
            json!({"group": &*route.gvk.group, "version": &*route.gvk.version, "kind": &*route.gvk.kind});
        builtin::add_kind(&route.gvk.api_version(), &route.gvk.kind, json, schemas);
    }
    if resource.subresources.scale.is_some() {
        let json = json!({"group": "autoscaling", "version": "v1", "kind": "Scale"});
        builtin::add_kind("autoscaling/v1", "Scale", json, schemas);
    }
}

/// The component of a resource's lists.
pub(super) fn list_name(resource: &ServedResource) -> String {
    let name = component_name(resource);
    let prefix = name.rsplit_once('.').map_or("", |(prefix, _)| prefix);
    format!("{prefix}.{}", resource.list_kind)
}

/// A schema of a definition, with the fields of every object.
fn custom(source: &Value, gvk: &Value) -> Value {
    let mut schema = source.clone();
    if let Some(map) = schema.as_object_mut() {
        map.insert("type".to_owned(), json!("object"));
        let preserves = map.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
        let properties = map.entry("properties").or_insert_with(|| json!({}));
        // A schema that keeps everything and declares nothing is shown without fields.
        let bare = preserves && properties.as_object().is_some_and(Map::is_empty);
        if let Some(properties) = properties.as_object_mut()
            && !bare
        {
            for (name, json) in builtin::type_fields() {
                properties.insert(name.to_owned(), json);
            }
            let metadata = json!({"allOf": [reference(&builtin::meta("ObjectMeta"))], "description": "Name, labels, owners and history of the object."});
            properties.insert("metadata".to_owned(), metadata);
        }
        map.insert("x-kubernetes-group-version-kind".to_owned(), json!([gvk]));
    }
    schema
}

fn list(resource: &ServedResource, item: &str) -> Value {
    let [api_version, kind] = builtin::type_fields();
    json!({
        "type": "object",
        "description": format!("A list of {}.", resource.gvk.kind),
        "required": ["items"],
        "properties": {
            api_version.0: api_version.1,
            kind.0: kind.1,
            "metadata": {"allOf": [reference(&builtin::meta("ListMeta"))]},
            "items": {"type": "array", "items": {"allOf": [reference(item)], "default": {}}},
        },
        "x-kubernetes-group-version-kind": [
            {"group": &*resource.gvk.group, "version": &*resource.gvk.version, "kind": resource.list_kind},
        ],
    })
}
