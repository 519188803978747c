//! Merging what changed between two views into the raw object that the first view came from.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

/// Brings the change from `base` to `now` into `raw`, whose known part `base` is.
pub(super) fn apply(raw: &mut Value, base: &Value, now: &Value) {
    if base == now {
        return;
    }
    match (&mut *raw, base, now) {
        (Value::Object(raw), Value::Object(base), Value::Object(now)) => apply_map(raw, base, now),
        (Value::Array(raw), Value::Array(base), Value::Array(now)) if raw.len() == base.len() => {
            *raw = merged_list(std::mem::take(raw), base, now);
        }
        _ => *raw = now.clone(),
    }
}

fn apply_map(raw: &mut Map<String, Value>, base: &Map<String, Value>, now: &Map<String, Value>) {
    raw.retain(|key, _| !base.contains_key(key) || now.contains_key(key));
    let nothing = json!({});
    for (key, value) in now {
        match (raw.get_mut(key), base.get(key)) {
            // Also what the type adds by itself, such as an empty spec.
            (_, Some(known)) if known == value => {}
            (Some(old), Some(known)) => apply(old, known, value),
            // The type left out what it took for empty; unknown fields may be inside.
            (Some(old), None) if old.is_object() => apply(old, &nothing, value),
            _ => {
                raw.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Finds for every new item the raw item that it was: first the unchanged ones, then those with the same key,
/// then, in lists of the same length without keys, those at the same place.
fn merged_list(raw: Vec<Value>, base: &[Value], now: &[Value]) -> Vec<Value> {
    let mut raw: Vec<Option<Value>> = raw.into_iter().map(Some).collect();
    let mut out: Vec<Option<Value>> = vec![None; now.len()];
    for (index, slot) in out.iter_mut().enumerate() {
        if base.get(index).is_some_and(|known| *known == now[index]) {
            *slot = raw[index].take();
        }
    }
    let left = |raw: &[Option<Value>]| -> Vec<usize> {
        (0..raw.len()).rev().filter(|index| raw[*index].is_some()).collect()
    };
    let mut same: HashMap<String, Vec<usize>> = HashMap::new();
    for index in left(&raw) {
        same.entry(base[index].to_string()).or_default().push(index);
    }
    for (index, slot) in out.iter_mut().enumerate().filter(|(_, slot)| slot.is_none()) {
        if let Some(from) = same.get_mut(&now[index].to_string()).and_then(Vec::pop) {
            *slot = raw[from].take();
        }
    }
    let mut keyed: HashMap<String, Vec<usize>> = HashMap::new();
    for index in left(&raw) {
        if let Some(key) = identity(&base[index]) {
            keyed.entry(key).or_default().push(index);
        }
    }
    let same_length = base.len() == now.len();
    let mut items = Vec::with_capacity(now.len());
    for (index, slot) in out.into_iter().enumerate() {
        if let Some(item) = slot {
            items.push(item);
            continue;
        }
        let key = identity(&now[index]);
        let from = match &key {
            Some(key) => keyed.get_mut(key).and_then(Vec::pop),
            None => (same_length && identity(&base[index]).is_none()).then_some(index),
        };
        match from.and_then(|from| Some((from, raw[from].take()?))) {
            Some((from, mut item)) => {
                apply(&mut item, &base[from], &now[index]);
                items.push(item);
            }
            None => items.push(now[index].clone()),
        }
    }
    items
}

/// Fields that tell items of a list apart, by the first field of a row that an item has.
const KEYS: [&[&str]; 12] = [
    &["resource", "group", "identityHash"],
    &["manager", "operation", "apiVersion", "subresource"],
    &["uid"],
    &["name", "group", "path", "namespace"],
    &["export", "path"],
    &["type"],
    &["url"],
    &["from", "to"],
    &["destination"],
    &["jsonPath"],
    &["key", "operator"],
    &["claim", "expression"],
];

/// Whether a field may tell items of a list apart.
#[cfg(feature = "testing")]
pub(crate) fn is_key(field: &str) -> bool {
    field == "issuer" || KEYS.iter().any(|row| row.contains(&field))
}

fn identity(item: &Value) -> Option<String> {
    let map = item.as_object()?;
    if let Some(url) = map.get("issuer").and_then(|issuer| issuer.get("url")) {
        return Some(url.to_string());
    }
    let row = KEYS.iter().find(|row| map.contains_key(row[0]))?;
    Some(
        row.iter()
            .map(|field| map.get(*field).map(Value::to_string).unwrap_or_default())
            .collect::<Vec<_>>()
            .join("/"),
    )
}

/// The path at which the view has an object and the input something else; such input is no object of the kind,
/// though a reader may take a list for the fields in order.
pub(super) fn shape_fault(raw: &Value, base: &Value, path: &str) -> Option<String> {
    match (raw, base) {
        (Value::Null, _) => None,
        (Value::Object(raw), Value::Object(base)) => base.iter().find_map(|(key, known)| {
            let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            shape_fault(raw.get(key)?, known, &below)
        }),
        (_, Value::Object(_)) => Some(path.to_owned()),
        (Value::Array(raw), Value::Array(base)) => {
            let mut items = raw.iter().zip(base).enumerate();
            items.find_map(|(index, (raw, base))| shape_fault(raw, base, &format!("{path}[{index}]")))
        }
        _ => None,
    }
}

/// The merge patch from one object to another; `None` where they are equal.
pub(super) fn patch(from: &Value, to: &Value) -> Option<Value> {
    if from == to {
        return None;
    }
    let (Value::Object(from), Value::Object(to)) = (from, to) else { return Some(to.clone()) };
    let mut out = Map::new();
    for key in from.keys().filter(|key| !to.contains_key(*key)) {
        out.insert(key.clone(), Value::Null);
    }
    for (key, value) in to {
        let difference = match from.get(key) {
            Some(old) => patch(old, value),
            None => Some(value.clone()),
        };
        if let Some(difference) = difference {
            out.insert(key.clone(), difference);
        }
    }
    Some(Value::Object(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: Value, base: Value, now: Value, expected: Value) {
        let mut out = raw;
        apply(&mut out, &base, &now);
        assert_eq!(out, expected);
    }

    #[test]
    fn kapi_01_unknown_fields_survive_changes_removals_and_reorders_in_lists() {
        let raw = json!([{"name": "a", "v": 1, "new": "A"}, {"name": "b", "v": 2, "new": "B"}, {"name": "c", "new": "C"}]);
        let base = json!([{"name": "a", "v": 1}, {"name": "b", "v": 2}, {"name": "c"}]);
        check(
            raw,
            base,
            json!([{"name": "c"}, {"name": "a", "v": 9}, {"name": "d"}]),
            json!([{"name": "c", "new": "C"}, {"name": "a", "v": 9, "new": "A"}, {"name": "d"}]),
        );
    }

    #[test]
    fn kapi_01_what_the_type_takes_for_empty_stays_as_it_was() {
        check(
            json!({"list": [], "none": null, "flag": false, "x": 1}),
            json!({"x": 1}),
            json!({"x": 2}),
            json!({"list": [], "none": null, "flag": false, "x": 2}),
        );
        check(
            json!({"status": {"unknown": 1}}),
            json!({}),
            json!({"status": {"a": 1}}),
            json!({"status": {"unknown": 1, "a": 1}}),
        );
    }

    #[test]
    fn kapi_01_items_without_a_key_keep_their_place() {
        check(
            json!([{"v": 1, "new": 1}, {"v": 2, "new": 2}]),
            json!([{"v": 1}, {"v": 2}]),
            json!([{"v": 1}, {"v": 3}]),
            json!([{"v": 1, "new": 1}, {"v": 3, "new": 2}]),
        );
    }

    #[test]
    fn kapi_05_a_patch_is_made_only_where_something_changed() {
        let a = json!({"m": {"x": 1, "y": 2}, "l": [1]});
        assert_eq!(patch(&a, &a), None);
        assert_eq!(
            patch(&a, &json!({"m": {"x": 1}, "l": [1, 2], "n": 0})),
            Some(json!({"m": {"y": null}, "l": [1, 2], "n": 0}))
        );
    }
}
