//! Lists that are sets or maps: what their entries must look like.

use serde_json::{Map, Value};

use super::Parser;
use crate::schema::{
    error::FieldError,
    node::{Kind, ListType, MapType, Node},
};

impl Parser {
    pub(super) fn list_type(&mut self, map: &Map<String, Value>, path: &str, node: &mut Node) {
        let keys: Vec<String> = match map.get("x-kubernetes-list-map-keys") {
            Some(Value::Array(keys)) => {
                keys.iter().filter_map(|key| key.as_str().map(str::to_owned)).collect()
            }
            _ => Vec::new(),
        };
        let keys_path = format!("{path}.x-kubernetes-list-map-keys");
        let type_path = format!("{path}.x-kubernetes-list-type");
        let text = match map.get("x-kubernetes-list-type") {
            None | Some(Value::Null) => {
                if !keys.is_empty() {
                    self.push(FieldError::required(
                        type_path,
                        "must be map if x-kubernetes-list-map-keys is non-empty",
                    ));
                }
                return;
            }
            Some(value) => value.as_str().map(str::to_owned).unwrap_or_else(|| value.to_string()),
        };
        node.list_type_explicit = true;
        if node.kind != Kind::Array {
            let value = Value::from(node.kind.as_str());
            let detail = "must be array if x-kubernetes-list-type is specified";
            self.push(FieldError::invalid(format!("{path}.type"), &value, detail));
        }
        match text.as_str() {
            "atomic" => node.list_type = ListType::Atomic,
            "set" => {
                node.list_type = ListType::Set;
                if let Some(items) = &node.items {
                    self.set_items(items, path);
                }
            }
            "map" => {
                if keys.is_empty() {
                    let detail = "must not be empty if x-kubernetes-list-type is map";
                    self.push(FieldError::required(keys_path.clone(), detail));
                }
                if let Some(items) = &node.items {
                    self.map_keys(items, &keys, path);
                }
                node.list_type = ListType::Map { keys: keys.clone() };
            }
            other => {
                self.push(FieldError::not_supported(
                    type_path,
                    &Value::from(other),
                    &["atomic", "map", "set"],
                ));
            }
        }
        if text != "map" && !keys.is_empty() {
            let value = Value::from(text);
            let detail = "must be map if x-kubernetes-list-map-keys is non-empty";
            self.push(FieldError::invalid(format!("{path}.x-kubernetes-list-type"), &value, detail));
        }
    }

    pub(super) fn set_items(&mut self, items: &Node, path: &str) {
        let at = format!("{path}.items");
        if items.nullable {
            self.forbid(format!("{at}.nullable"), "cannot be nullable when x-kubernetes-list-type is set");
        }
        let detail = "must be atomic as item of a list with x-kubernetes-list-type=set";
        if items.kind == Kind::Object && items.map_type != MapType::Atomic {
            let value = Value::from("granular");
            self.push(FieldError::invalid(format!("{at}.x-kubernetes-map-type"), &value, detail));
        }
        if items.kind == Kind::Array && items.list_type != ListType::Atomic {
            let value = Value::from("map");
            self.push(FieldError::invalid(format!("{at}.x-kubernetes-list-type"), &value, detail));
        }
    }

    pub(super) fn map_keys(&mut self, items: &Node, keys: &[String], path: &str) {
        if items.kind != Kind::Object {
            let value = Value::from(items.kind.as_str());
            let detail = "must be object if parent array's x-kubernetes-list-type is map";
            self.push(FieldError::invalid(format!("{path}.items.type"), &value, detail));
            return;
        }
        let required = items.checks.as_ref().map(|checks| checks.required.as_slice()).unwrap_or_default();
        for (index, key) in keys.iter().enumerate() {
            let Some(property) = items.properties.get(key) else {
                let at = format!("{path}.x-kubernetes-list-map-keys[{index}]");
                self.push(FieldError::invalid(at, &Value::from(key.as_str()), "must refer to a property"));
                continue;
            };
            if matches!(property.kind, Kind::Object | Kind::Array) {
                let at = format!("{path}.items.properties[{key}].type");
                let value = Value::from(property.kind.as_str());
                self.push(FieldError::invalid(
                    at,
                    &value,
                    "must be a scalar type if parent array's x-kubernetes-list-type is map",
                ));
            }
            if !required.contains(key) && property.default.is_none() {
                let at = format!("{path}.items.properties[{key}].default");
                let detail = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
                self.push(FieldError::required(at, detail));
            }
            if keys[..index].contains(key) {
                let at = format!("{path}.x-kubernetes-list-map-keys[{index}]");
                self.push(FieldError::duplicate(at, &Value::from(key.as_str())));
            }
        }
    }
}
