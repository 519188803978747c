//! Removing fields that a schema does not know, and naming them.

use serde_json::Value;

use super::{
    error::FieldPath,
    node::{Additional, Node},
};

/// Unknown fields that are named; further ones are only counted in.
const NAMED_MAX: usize = 100;

/// Removes unknown fields from `value`.
pub(crate) fn prune(node: &Node, value: &mut Value) {
    match value {
        Value::Object(map) => {
            let keeps = node.keeps_unknown();
            map.retain(|name, child| match node.child(name) {
                Some(known) => {
                    prune(known, child);
                    true
                }
                None => keeps,
            });
        }
        Value::Array(list) => {
            if let Some(items) = &node.items {
                for child in list {
                    prune(items, child);
                }
            }
        }
        _ => {}
    }
}

/// Appends the paths of unknown fields, such as `spec.list[0].name`, to `found`.
pub(crate) fn unknown_fields(node: &Node, value: &Value, path: &FieldPath<'_>, found: &mut Vec<String>) {
    if found.len() >= NAMED_MAX {
        return;
    }
    match value {
        Value::Object(map) => {
            let keeps = node.keeps_unknown();
            let is_map = matches!(node.additional, Additional::Schema(_));
            for (name, child) in map {
                let at = if is_map { path.key(name) } else { path.field(name) };
                match node.child(name) {
                    Some(known) => unknown_fields(known, child, &at, found),
                    None if keeps => {}
                    None if found.len() < NAMED_MAX => found.push(at.dotted()),
                    None => return,
                }
            }
        }
        Value::Array(list) => {
            if let Some(items) = &node.items {
                for (index, child) in list.iter().enumerate() {
                    unknown_fields(items, child, &path.index(index), found);
                }
            }
        }
        _ => {}
    }
}
