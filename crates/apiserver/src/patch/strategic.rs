//! Strategic merge patch: objects merge, lists merge by their keys, directives say otherwise.
//!
//! Directives: `$patch: replace|delete|merge`, `$retainKeys`, `$setElementOrder/<list>`, `$deleteFromPrimitiveList/<list>`.

mod lists; // merging of lists
mod order; // the order of merged lists

use serde_json::{Map, Value};

use super::PatchError;
use crate::{
    apply::ObjectSchema,
    fields::{DEDUCED, MergeSchema, PatchStrategy},
};

const PATCH: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const SET_ELEMENT_ORDER: &str = "$setElementOrder/";
const DELETE_FROM_PRIMITIVE_LIST: &str = "$deleteFromPrimitiveList/";

/// The object after a strategic merge patch; `schema` knows merge keys and strategies of the kind.
///
/// # Errors
/// Patches that are no objects, unknown directives, list items without their merge key.
pub fn strategic_merge_patch(
    schema: &dyn MergeSchema,
    object: &Value,
    patch: &Value,
) -> Result<Value, PatchError> {
    let (Value::Object(object), Value::Object(patch)) = (object, patch) else {
        return Err(PatchError::Malformed("a strategic merge patch must be an object".to_owned()));
    };
    merge_map(&ObjectSchema(schema), object.clone(), patch.clone()).map(Value::Object)
}

/// The schema of an entry, and how patches treat it.
fn child<'s>(schema: &'s dyn MergeSchema, name: &str) -> (&'s dyn MergeSchema, PatchStrategy<'s>) {
    match schema.field(name) {
        Some(field) => (field, field.patch_strategy()),
        None => (schema.rest().unwrap_or(&DEDUCED), PatchStrategy::default()),
    }
}

fn merge_map(
    schema: &dyn MergeSchema,
    mut object: Map<String, Value>,
    mut patch: Map<String, Value>,
) -> Result<Map<String, Value>, PatchError> {
    match patch.remove(PATCH) {
        None => {}
        Some(directive) if directive == "replace" => {
            return Ok(patch
                .into_iter()
                .filter_map(|(key, value)| Some((key, introduced(value)?)))
                .collect());
        }
        Some(directive) if directive == "delete" => return Ok(Map::new()),
        Some(directive) => return Err(unknown_directive(&directive)),
    }
    retain_keys(&mut object, &mut patch)?;
    order::apply_element_orders(schema, &mut object, &mut patch)?;
    for (key, value) in patch {
        if let Some(list) = key.strip_prefix(DELETE_FROM_PRIMITIVE_LIST) {
            lists::delete_from_primitive_list(&mut object, list, &value)?;
            continue;
        }
        let merged = match (object.remove(&key), value) {
            (_, Value::Null) => continue,
            (Some(Value::Object(old)), Value::Object(new)) => {
                let (field, strategy) = child(schema, &key);
                Some(if strategy.replace {
                    cleaned(Value::Object(new))
                } else {
                    merge_map(field, old, new)?.into()
                })
            }
            (Some(Value::Array(old)), Value::Array(new)) => {
                let (field, strategy) = child(schema, &key);
                Some(Value::Array(lists::merge_list(field, strategy, old, new)?))
            }
            (_, new) => introduced(new),
        };
        if let Some(merged) = merged {
            object.insert(key, merged);
        }
    }
    Ok(object)
}

/// Drops fields that `$retainKeys` does not name; it must name every field of the patch.
fn retain_keys(object: &mut Map<String, Value>, patch: &mut Map<String, Value>) -> Result<(), PatchError> {
    let Some(retained) = patch.remove(RETAIN_KEYS) else { return Ok(()) };
    let Some(retained) = retained.as_array() else {
        return Err(PatchError::Directive(format!("`{RETAIN_KEYS}` must be a list of field names")));
    };
    let named = |key: &str| retained.iter().any(|r| r == key);
    if let Some(key) = patch.keys().find(|k| !k.starts_with('$') && !named(k)) {
        return Err(PatchError::Directive(format!(
            "`{RETAIN_KEYS}` does not name `{key}`, which the patch changes"
        )));
    }
    object.retain(|key, _| named(key));
    Ok(())
}

/// A value that the object did not have: without directives and nulls; none if it was a deletion.
fn introduced(value: Value) -> Option<Value> {
    match &value {
        Value::Null => None,
        Value::Object(map) if map.get(PATCH).is_some_and(|d| d == "delete") => None,
        _ => Some(cleaned(value)),
    }
}

/// Removes directives and null fields, at every depth.
fn cleaned(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .filter(|(key, value)| !value.is_null() && !is_directive(key))
                .map(|(key, value)| (key, cleaned(value)))
                .collect(),
        ),
        Value::Array(items) => {
            let deletion = |v: &Value| v.get(PATCH).is_some_and(|d| d == "delete" || d == "replace");
            Value::Array(items.into_iter().filter(|i| !deletion(i)).map(cleaned).collect())
        }
        scalar => scalar,
    }
}

fn is_directive(key: &str) -> bool {
    key == PATCH
        || key == RETAIN_KEYS
        || key.starts_with(SET_ELEMENT_ORDER)
        || key.starts_with(DELETE_FROM_PRIMITIVE_LIST)
}

fn unknown_directive(directive: &Value) -> PatchError {
    PatchError::Directive(format!("unknown patch type: {directive}"))
}
