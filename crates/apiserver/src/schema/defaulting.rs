//! Filling in defaults of absent fields, and checking that a schema's own defaults obey it.

use serde_json::Value;

use super::{
    error::{FieldError, FieldPath},
    node::{Additional, Node},
    prune, validate,
};

/// Sets absent fields that have a default, downwards through everything present. A null where none is allowed counts as
/// absent, and is removed where there is no default.
pub(crate) fn default(node: &Node, value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, child) in &node.properties {
                let absent = match map.get(name) {
                    None => true,
                    Some(Value::Null) if !child.nullable => {
                        map.remove(name);
                        true
                    }
                    Some(_) => false,
                };
                if absent && let Some(default) = &child.default {
                    map.insert(name.clone(), default.clone());
                }
                if (child.below.defaults || child.may_hold_nulls())
                    && let Some(present) = map.get_mut(name)
                {
                    default_child(child, present);
                }
            }
            if let Additional::Schema(child) = &node.additional {
                for (name, present) in map.iter_mut() {
                    if node.properties.contains_key(name) {
                        continue;
                    }
                    if present.is_null() && !child.nullable && child.default.is_some() {
                        *present = child.default.clone().unwrap_or_default();
                    }
                    default_child(child, present);
                }
            }
        }
        Value::Array(list) => {
            if let Some(items) = &node.items {
                for present in list {
                    if present.is_null()
                        && !items.nullable
                        && let Some(default) = &items.default
                    {
                        *present = default.clone();
                    }
                    default_child(items, present);
                }
            }
        }
        _ => {}
    }
}

fn default_child(node: &Node, value: &mut Value) {
    if matches!(value, Value::Object(_) | Value::Array(_)) {
        default(node, value);
    }
}

impl Node {
    /// Whether a value here can have fields in which a null would have to be dropped.
    fn may_hold_nulls(&self) -> bool {
        !self.properties.is_empty()
            || self.items.is_some()
            || matches!(self.additional, Additional::Schema(_))
    }
}

/// Reports defaults that break their own schema.
pub(crate) fn check_defaults(root: &Node, path: &str, errors: &mut Vec<FieldError>) {
    walk(root, path, false, errors);
}

fn walk(node: &Node, path: &str, inside_default: bool, errors: &mut Vec<FieldError>) {
    if !node.below.defaults {
        return;
    }
    let mut inside = inside_default;
    if let Some(value) = &node.default {
        check_default(node, value, path, errors);
        inside = true;
    }
    for (name, child) in &node.properties {
        walk(child, &format!("{path}.properties[{name}]"), inside, errors);
    }
    if let Some(items) = &node.items {
        walk(items, &format!("{path}.items"), inside, errors);
    }
    if let Additional::Schema(child) = &node.additional {
        walk(child, &format!("{path}.additionalProperties"), inside, errors);
    }
}

fn check_default(node: &Node, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let at = format!("{path}.default");
    let mut pruned = value.clone();
    prune::prune(node, &mut pruned);
    if pruned != *value {
        errors.push(FieldError::invalid(at, value, "must not have unknown fields"));
        return;
    }
    let mut filled = value.clone();
    default(node, &mut filled);
    errors.extend(validate::validate(node, &filled, None, &FieldPath::Text(&at)));
}
