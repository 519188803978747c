//! The order of merged lists: as the patch lists its items, with items that only the server has between them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{PatchError, SET_ELEMENT_ORDER, child, cleaned, lists::merge_list};
use crate::fields::{MergeSchema, PathElement};

/// Handles every `$setElementOrder/<list>` of a patch: merges the list, then orders it.
pub(super) fn apply_element_orders(
    schema: &dyn MergeSchema,
    object: &mut Map<String, Value>,
    patch: &mut Map<String, Value>,
) -> Result<(), PatchError> {
    let directives: Vec<String> =
        patch.keys().filter(|k| k.starts_with(SET_ELEMENT_ORDER)).cloned().collect();
    for directive in directives {
        let name = directive.trim_start_matches(SET_ELEMENT_ORDER).to_owned();
        let wrong = |why: &str| PatchError::Directive(format!("`{directive}` {why}"));
        let Some(Value::Array(wanted)) = patch.remove(&directive) else {
            return Err(wrong("must be a list"));
        };
        // Scalars to delete must be gone before the rest is put in order.
        let deletion = format!("{}{name}", super::DELETE_FROM_PRIMITIVE_LIST);
        if let Some(gone) = patch.remove(&deletion) {
            super::lists::delete_from_primitive_list(object, &name, &gone)?;
        }
        let (field, strategy) = child(schema, &name);
        let changes = match patch.get(&name) {
            None => None,
            Some(Value::Array(changes)) => Some(changes.clone()),
            // Null or another kind: the entry itself is handled later.
            Some(_) => continue,
        };
        check_named(changes.as_deref().unwrap_or_default(), &wanted, strategy.merge_key)
            .map_err(|item| wrong(&format!("does not name {item}, which the patch changes")))?;
        let before = match object.get(&name) {
            None => None,
            Some(Value::Array(before)) => Some(before.clone()),
            Some(_) => continue,
        };
        let merged = match (before.clone(), changes) {
            (None, None) => continue,
            (Some(before), None) => before,
            (None, Some(changes)) => match cleaned(Value::Array(changes)) {
                Value::Array(items) => items,
                _ => continue,
            },
            (Some(before), Some(changes)) => merge_list(field, strategy, before, changes)?,
        };
        patch.remove(&name);
        let merged = ordered(merged, &wanted, &before.unwrap_or_default(), strategy.merge_key);
        object.insert(name, Value::Array(merged));
    }
    Ok(())
}

/// Every item that a patch keeps must stand in the order, and in that order.
fn check_named(changes: &[Value], wanted: &[Value], key: Option<&str>) -> Result<(), String> {
    let wanted = Places::of(wanted, key);
    let mut last = 0;
    for item in changes.iter().filter(|c| c.get(super::PATCH).is_none()) {
        match wanted.get(item) {
            Some(at) if at >= last => last = at,
            Some(_) => return Err(format!("in the same order {item}")),
            None => return Err(item.to_string()),
        }
    }
    Ok(())
}

/// Puts items named in `wanted` in that order and lets the others keep their place of `before`.
pub(super) fn ordered(
    merged: Vec<Value>,
    wanted: &[Value],
    before: &[Value],
    key: Option<&str>,
) -> Vec<Value> {
    let (wanted, before) = (Places::of(wanted, key), Places::of(before, key));
    let (mut named, mut others): (Vec<Value>, Vec<Value>) =
        merged.into_iter().partition(|item| wanted.get(item).is_some());
    named.sort_by_cached_key(|item| wanted.get(item));
    others.sort_by_cached_key(|item| before.get(item).unwrap_or(usize::MAX));
    let (mut named, mut others) = (named.into_iter().peekable(), others.into_iter().peekable());
    let mut out = Vec::new();
    while let (Some(n), Some(o)) = (named.peek(), others.peek()) {
        let other_is_first = match (before.get(o), before.get(n)) {
            (Some(o), Some(n)) => o < n,
            _ => false,
        };
        out.extend(if other_is_first { others.next() } else { named.next() });
    }
    out.extend(named);
    out.extend(others);
    out
}

/// Where the items of a list stand, by value or by merge key; the first of equal ones counts.
pub(super) struct Places<'k> {
    key: Option<&'k str>,
    places: BTreeMap<PathElement, usize>,
}

impl<'k> Places<'k> {
    pub(super) fn of(list: &[Value], key: Option<&'k str>) -> Self {
        let mut places = Self { key, places: BTreeMap::new() };
        for (at, item) in list.iter().enumerate() {
            places.add(item, at);
        }
        places
    }

    /// Notes an item that was added to the list.
    pub(super) fn add(&mut self, item: &Value, at: usize) {
        if let Some(element) = self.element(item) {
            self.places.entry(element).or_insert(at);
        }
    }

    pub(super) fn get(&self, item: &Value) -> Option<usize> {
        self.places.get(&self.element(item)?).copied()
    }

    fn element(&self, item: &Value) -> Option<PathElement> {
        let value = match self.key {
            None => item,
            Some(key) => item.get(key)?,
        };
        Some(PathElement::Value(value.clone()))
    }
}
