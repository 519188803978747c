//! Merging of lists: scalars as sets, objects by their merge key.

use serde_json::{Map, Value};

use super::{PATCH, PatchError, merge_map, order, unknown_directive};
use crate::fields::{DEDUCED, MergeSchema, PatchStrategy, same_value};

/// Merges `patch` into `list`, or replaces it where the field says so.
pub(super) fn merge_list(
    field: &dyn MergeSchema,
    strategy: PatchStrategy<'_>,
    list: Vec<Value>,
    patch: Vec<Value>,
) -> Result<Vec<Value>, PatchError> {
    if !strategy.merge {
        return match super::cleaned(Value::Array(patch)) {
            Value::Array(items) => Ok(items),
            _ => Ok(list),
        };
    }
    let before = list.clone();
    let Some(key) = strategy.merge_key else {
        let merged = merge_scalars(list, &patch);
        return Ok(order::ordered(merged, &patch, &before, None));
    };
    let wanted = patch.clone();
    let merged = merge_objects(field, key, list, patch)?;
    Ok(order::ordered(merged, &wanted, &before, Some(key)))
}

fn merge_scalars(mut list: Vec<Value>, patch: &[Value]) -> Vec<Value> {
    for value in patch {
        if !list.iter().any(|v| same_value(v, value)) {
            list.push(value.clone());
        }
    }
    list
}

fn merge_objects(
    field: &dyn MergeSchema,
    key: &str,
    mut list: Vec<Value>,
    patch: Vec<Value>,
) -> Result<Vec<Value>, PatchError> {
    let item_schema = field.item().unwrap_or(&DEDUCED);
    let mut changes: Vec<Map<String, Value>> = Vec::new();
    let mut replace = false;
    for item in patch {
        let Value::Object(item) = item else {
            return Err(PatchError::Malformed(format!("items of a list merged by `{key}` must be objects")));
        };
        match item.get(PATCH) {
            None => changes.push(item),
            Some(directive) if directive == "delete" => {
                let value = key_of(&item, key)?;
                list.retain(|old| !old.get(key).is_some_and(|v| same_value(v, value)));
            }
            Some(directive) if directive == "replace" => replace = true,
            Some(directive) if directive == "merge" => {
                return Err(PatchError::Directive(
                    "merging lists cannot yet be specified in the patch".to_owned(),
                ));
            }
            Some(directive) => return Err(unknown_directive(directive)),
        }
    }
    if replace {
        return Ok(changes.into_iter().map(|c| super::cleaned(Value::Object(c))).collect());
    }
    for change in changes {
        let value = key_of(&change, key)?.clone();
        let found = list.iter_mut().find(|old| old.get(key).is_some_and(|v| same_value(v, &value)));
        match found {
            Some(Value::Object(old)) => *old = merge_map(item_schema, std::mem::take(old), change)?,
            _ => list.push(super::cleaned(Value::Object(change))),
        }
    }
    Ok(list)
}

fn key_of<'v>(item: &'v Map<String, Value>, key: &str) -> Result<&'v Value, PatchError> {
    item.get(key).ok_or_else(|| PatchError::NoMergeKey {
        item: Value::Object(item.clone()).to_string(),
        key: key.to_owned(),
    })
}

/// Removes scalars from a list, as `$deleteFromPrimitiveList` asks.
pub(super) fn delete_from_primitive_list(
    object: &mut Map<String, Value>,
    list: &str,
    gone: &Value,
) -> Result<(), PatchError> {
    let Some(gone) = gone.as_array() else {
        return Err(PatchError::Directive(format!("`$deleteFromPrimitiveList/{list}` must be a list")));
    };
    if let Some(items) = object.get_mut(list).and_then(Value::as_array_mut) {
        items.retain(|item| !gone.iter().any(|g| same_value(g, item)));
    }
    Ok(())
}
