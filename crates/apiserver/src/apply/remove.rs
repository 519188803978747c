//! Takes a set of fields out of an object.

use serde_json::{Map, Value};

use super::compare::entry_schema;
use crate::fields::{DEDUCED, FieldSet, MergeSchema, PathElement, Shape, element_of};

/// The object without the fields of `set`.
pub(super) fn remove(schema: &dyn MergeSchema, object: &Value, set: &FieldSet) -> Value {
    remove_node(schema, object, set).unwrap_or_else(|| Value::Object(Map::new()))
}

/// None if the whole goes. What is merely emptied stays: somebody may own it as such.
fn remove_node(schema: &dyn MergeSchema, value: &Value, set: &FieldSet) -> Option<Value> {
    match (schema.shape(), value) {
        (Shape::Deduced | Shape::Map, Value::Object(map)) => {
            let kept: Map<String, Value> = map
                .iter()
                .filter_map(|(name, entry)| {
                    let element = PathElement::field(name.as_str());
                    Some((name.clone(), remove_child(entry_schema(schema, name), entry, set, &element)?))
                })
                .collect();
            Some(Value::Object(kept))
        }
        (Shape::SetList | Shape::KeyedList(_), Value::Array(items)) => {
            let node = schema.item().unwrap_or(&DEDUCED);
            let keep = |item: &Value| match element_of(schema, item) {
                Ok(element) => remove_child(node, item, set, &element),
                Err(_) => Some(item.clone()),
            };
            Some(Value::Array(items.iter().filter_map(keep).collect()))
        }
        // Something below an atomic value is to go: the whole goes.
        (Shape::AtomicList, Value::Array(_)) | (Shape::AtomicMap, Value::Object(_)) => None,
        (Shape::Deduced, Value::Array(_)) => None,
        _ => Some(value.clone()),
    }
}

fn remove_child(
    schema: &dyn MergeSchema,
    value: &Value,
    set: &FieldSet,
    element: &PathElement,
) -> Option<Value> {
    if set.has_member(element) {
        return None;
    }
    match set.below(element) {
        Some(below) => remove_node(schema, value, below),
        None => Some(value.clone()),
    }
}
