//! Merging of lists: scalars as sets, objects by their merge key.

use serde_json::{Map, Value};

use super::{
    PATCH, PatchError, merge_map,
    order::{self, Places},
    unknown_directive,
};
use crate::fields::{DEDUCED, MergeSchema, PatchStrategy};

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
    let mut known = Places::of(&list, None);
    for value in patch {
        if known.get(value).is_none() {
            known.add(value, list.len());
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
    let mut gone: Vec<Value> = Vec::new();
    let mut replace = false;
    for item in patch {
        let Value::Object(item) = item else {
            return Err(PatchError::Malformed(format!("items of a list merged by `{key}` must be objects")));
        };
        match item.get(PATCH) {
            None => changes.push(item),
            Some(directive) if directive == "delete" => {
                key_of(&item, key)?;
                gone.push(Value::Object(item));
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
    if !gone.is_empty() {
        let gone = Places::of(&gone, Some(key));
        list.retain(|old| gone.get(old).is_none());
    }
    let mut places = Places::of(&list, Some(key));
    for change in changes {
        key_of(&change, key)?;
        let change = Value::Object(change);
        let found = places.get(&change).and_then(|at| list.get_mut(at));
        match (found, change) {
            (Some(Value::Object(old)), Value::Object(change)) => {
                *old = merge_map(item_schema, std::mem::take(old), change)?;
            }
            (_, change) => {
                places.add(&change, list.len());
                list.push(super::cleaned(change));
            }
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
        let gone = Places::of(gone, None);
        items.retain(|item| gone.get(item).is_none());
    }
    Ok(())
}
