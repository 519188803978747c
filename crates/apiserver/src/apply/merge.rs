//! Merges an applied object into a live one: maps by entry, keyed lists by key, everything else as one piece.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::compare::{Kind, entry_schema, kind_of, list_of, map_of};
use crate::fields::{DEDUCED, MergeSchema, PathElement, element_of};

/// The live object with the applied one laid over it.
pub(super) fn merge(schema: &dyn MergeSchema, live: &Value, applied: &Value) -> Value {
    merge_node(schema, Some(live), Some(applied)).unwrap_or_else(|| Value::Object(Map::new()))
}

fn merge_node(schema: &dyn MergeSchema, live: Option<&Value>, applied: Option<&Value>) -> Option<Value> {
    let kind = kind_of(schema, applied.or(live)?);
    match kind {
        Kind::Map if map_of(live).is_some() || map_of(applied).is_some() => {
            merge_map(schema, map_of(live), map_of(applied))
        }
        Kind::List if list_of(live).is_some() || list_of(applied).is_some() => {
            merge_list(schema, list_of(live), list_of(applied))
        }
        _ => applied.or(live).cloned(),
    }
}

fn merge_map(
    schema: &dyn MergeSchema,
    live: Option<&Map<String, Value>>,
    applied: Option<&Map<String, Value>>,
) -> Option<Value> {
    let empty = Map::new();
    let (live, applied) = (live.unwrap_or(&empty), applied.unwrap_or(&empty));
    let names: BTreeSet<&String> = live.keys().chain(applied.keys()).collect();
    let merged: Map<String, Value> = names
        .into_iter()
        .filter_map(|name| {
            let value = merge_node(entry_schema(schema, name), live.get(name), applied.get(name))?;
            Some((name.clone(), value))
        })
        .collect();
    (!merged.is_empty()).then_some(Value::Object(merged))
}

/// The items of one side, with the element that names each.
struct Side<'v> {
    items: Vec<(PathElement, &'v Value)>,
    /// The only item of an element; none where several share it.
    single: BTreeMap<PathElement, Option<&'v Value>>,
}

impl<'v> Side<'v> {
    fn of(schema: &dyn MergeSchema, list: Option<&'v Vec<Value>>) -> Self {
        let named =
            list.into_iter().flatten().filter_map(|item| Some((element_of(schema, item).ok()?, item)));
        let items: Vec<(PathElement, &Value)> = named.collect();
        let mut single = BTreeMap::new();
        for (element, item) in &items {
            single.entry(element.clone()).and_modify(|s| *s = None).or_insert(Some(*item));
        }
        Side { items, single }
    }

    fn get(&self, element: &PathElement) -> Option<&'v Value> {
        self.single.get(element).copied().flatten()
    }

    fn has(&self, element: &PathElement) -> bool {
        self.single.contains_key(element)
    }
}

/// Keeps the order of the applied list for what is in it, and the live order for the rest around the shared items.
fn merge_list(
    schema: &dyn MergeSchema,
    live: Option<&Vec<Value>>,
    applied: Option<&Vec<Value>>,
) -> Option<Value> {
    let (live, applied) = (Side::of(schema, live), Side::of(schema, applied));
    let node = schema.item().unwrap_or(&DEDUCED);
    let mut shared = applied.items.iter().map(|(e, _)| e).filter(|e| live.has(e)).peekable();
    let mut merged: BTreeSet<&PathElement> = BTreeSet::new();
    let mut out = Vec::with_capacity(live.items.len().max(applied.items.len()));
    let (mut l, mut r) = (0, 0);
    while l < live.items.len() || r < applied.items.len() {
        if let (Some((left, _)), Some((right, item))) = (live.items.get(l), applied.items.get(r)) {
            if left == right {
                merged.insert(right);
                out.extend(merge_node(node, live.get(left), Some(item)));
                (l, r) = (l + 1, r + 1);
                shared.next();
                continue;
            }
            // A shared item that the applied list wants later: wait for its turn.
            if applied.has(left) && shared.peek().is_some_and(|next| *next != left) {
                l += 1;
                continue;
            }
        }
        if let Some((left, item)) = live.items.get(l) {
            if !applied.has(left) {
                out.extend(merge_node(node, Some(item), None));
                l += 1;
                continue;
            }
            if merged.contains(left) {
                l += 1;
            }
        }
        if let Some((right, item)) = applied.items.get(r) {
            merged.insert(right);
            out.extend(merge_node(node, live.get(right), Some(item)));
            r += 1;
            if shared.peek().is_some_and(|next| *next == right) {
                shared.next();
            }
        }
    }
    (!out.is_empty()).then_some(Value::Array(out))
}
