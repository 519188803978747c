//! Lists whose entries have an identity: duplicates, and which entry of an old list an entry of a new one was.

use std::{
    collections::{HashMap, HashSet},
    fmt::Write as _,
};

use serde_json::{Map, Value};

use super::{
    error::{FieldError, FieldPath},
    node::{Additional, ListType, Node},
};

/// The identity of an entry within its list; none where a list has no identities or the entry has no keys.
#[must_use]
pub fn entry_identity(list_type: &ListType, items: Option<&Node>, entry: &Value) -> Option<String> {
    match list_type {
        ListType::Atomic => None,
        ListType::Set => Some(entry.to_string()),
        ListType::Map { keys } => {
            let object = entry.as_object()?;
            let mut identity = String::new();
            for key in keys {
                let default = || {
                    items.and_then(|items| items.properties.get(key)).and_then(|node| node.default.as_ref())
                };
                match object.get(key).filter(|value| !value.is_null()).or_else(default) {
                    Some(value) => {
                        let _ = write!(identity, "{value},");
                    }
                    None => identity.push_str("-,"),
                }
            }
            Some(identity)
        }
    }
}

/// Finds the old entry of a new one by its identity.
pub(crate) struct Correlation<'a> {
    list_type: &'a ListType,
    by_identity: HashMap<String, &'a Value>,
}

impl<'a> Correlation<'a> {
    pub(crate) fn new(list_type: &'a ListType, old: &'a [Value]) -> Self {
        let by_identity = match list_type {
            ListType::Map { .. } => old
                .iter()
                .filter_map(|entry| entry_identity(list_type, None, entry).map(|identity| (identity, entry)))
                .collect(),
            _ => HashMap::new(),
        };
        Self { list_type, by_identity }
    }

    pub(crate) fn of(&self, entry: &Value) -> Option<&'a Value> {
        if self.by_identity.is_empty() {
            return None;
        }
        entry_identity(self.list_type, None, entry)
            .and_then(|identity| self.by_identity.get(&identity).copied())
    }
}

/// Index of the first entry that occurred before.
pub(crate) fn first_duplicate(list: &[Value]) -> Option<usize> {
    let mut seen = HashSet::with_capacity(list.len());
    list.iter().position(|entry| !seen.insert(entry.to_string()))
}

/// Reports entries that occur twice in sets and maps.
pub(crate) fn check_duplicates(
    node: &Node,
    value: &Value,
    old: Option<&Value>,
    path: &FieldPath<'_>,
    errors: &mut Vec<FieldError>,
) {
    if !node.below.lists || old == Some(value) {
        return;
    }
    match value {
        Value::Object(map) => {
            let old = old.and_then(Value::as_object);
            for (name, child) in map {
                let old_child = old.and_then(|old| old.get(name));
                match (node.properties.get(name), &node.additional) {
                    (Some(known), _) => check_duplicates(known, child, old_child, &path.field(name), errors),
                    (None, Additional::Schema(known)) => {
                        check_duplicates(known, child, old_child, &path.key(name), errors);
                    }
                    (None, _) => {}
                }
            }
        }
        Value::Array(list) => {
            check_list(node, list, path, errors);
            if let Some(items) = &node.items {
                let old = old.and_then(Value::as_array).map(|old| Correlation::new(&node.list_type, old));
                for (index, child) in list.iter().enumerate() {
                    let old_child = old.as_ref().and_then(|old| old.of(child));
                    check_duplicates(items, child, old_child, &path.index(index), errors);
                }
            }
        }
        _ => {}
    }
}

fn check_list(node: &Node, list: &[Value], path: &FieldPath<'_>, errors: &mut Vec<FieldError>) {
    if node.list_type == ListType::Atomic {
        return;
    }
    let mut seen = HashSet::with_capacity(list.len());
    for (index, entry) in list.iter().enumerate() {
        let Some(identity) = entry_identity(&node.list_type, node.items.as_deref(), entry) else { continue };
        if seen.insert(identity) {
            continue;
        }
        let shown = match (&node.list_type, entry) {
            (ListType::Map { keys }, Value::Object(object)) => {
                let of_keys: Map<String, Value> = keys
                    .iter()
                    .filter_map(|key| object.get(key).map(|value| (key.clone(), value.clone())))
                    .collect();
                Value::Object(of_keys)
            }
            _ => entry.clone(),
        };
        errors.push(FieldError::duplicate(path.index(index).to_string(), &shown));
    }
}
