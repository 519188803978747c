//! Ownership after a create, an update or a patch that is no apply.

use serde_json::{Map, Value};

use super::{
    ManagedFields, ManagerId, Operation, OwnedFields, Tracking,
    engine::Engine,
    managed::{raw, strip, without},
};
use crate::fields::{FieldPath, FieldSet};

/// More updaters than this are merged, oldest first, into one entry per version.
const UPDATERS_MAX: usize = 10;
/// Name of the entry that old updaters are merged into.
const OLD_UPDATERS: &str = "ancient-changes";

/// Writes `metadata.managedFields` of `new`, which is about to replace `live` (none: it is about to be created).
///
/// Fields that were added or changed go to the manager, removed fields leave every owner. Entries keep their time if
/// nothing of theirs changed. A client that sends no entries keeps those of the live object; `[]` and `[{}]` reset
/// them, and an object without entries stays without until it is applied. Entries that cannot be read count as none.
pub fn track_update(cx: &Tracking<'_>, live: Option<&Value>, new: &mut Value) {
    let managed = starting_point(cx, live, new);
    strip(new);
    if managed.owners.is_empty() && live.is_some() {
        return;
    }
    let old = live.map_or_else(|| blank(new), without);
    // A failed conversion must not fail the write: ownership is given up, as Kubernetes does.
    if let Some(managed) = updated(cx, &old, new, managed) {
        managed.write_to(new);
    }
}

/// The entries after an update by the manager of `cx`; none if a conversion failed.
pub(super) fn updated(
    cx: &Tracking<'_>,
    old: &Value,
    new: &Value,
    mut managed: ManagedFields,
) -> Option<ManagedFields> {
    let written = Engine(cx).update(old, new, &mut managed).ok()?;
    let written = written.difference_below(&cx.reset).difference(&untracked());
    if !written.is_empty() {
        let id = ManagerId::new(cx.manager(), Operation::Update, cx.api_version, cx.subresource);
        let owned = managed
            .owners
            .entry(id.clone())
            .or_insert_with(|| OwnedFields { set: FieldSet::new(), api_version: cx.api_version.to_owned() });
        owned.set.add_all(&written);
        managed.times.insert(id, cx.stamp());
    }
    cap(&mut managed);
    Some(managed)
}

/// Gives back the time stamps of `old` if nothing but time stamps of entries differs, so that a write that changes
/// nothing is seen as one. To be called last, after admission.
pub fn keep_timestamps(old: &Value, new: &mut Value) {
    let (Some(before), Some(after)) =
        (raw(old).and_then(Value::as_array), raw(new).and_then(Value::as_array))
    else {
        return;
    };
    if before.len() != after.len() || before == after || !same_but_entries(old, new) {
        return;
    }
    let timeless = |entries: &[Value]| -> Vec<Value> {
        let mut entries = entries.to_vec();
        entries.iter_mut().filter_map(Value::as_object_mut).for_each(|e| drop(e.remove("time")));
        // Times take part in the order of entries: compare them as sets.
        entries.sort_by(crate::fields::compare_values);
        entries
    };
    if timeless(before) == timeless(after) {
        let before = Value::Array(before.clone());
        if let Some(metadata) = new.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("managedFields".to_owned(), before);
        }
    }
}

fn same_but_entries(old: &Value, new: &Value) -> bool {
    fn rest(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
        object.as_object().into_iter().flatten().filter(|(k, _)| *k != "metadata")
    }
    fn metadata(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
        let metadata = object.get("metadata").and_then(Value::as_object);
        metadata.into_iter().flatten().filter(|(k, _)| *k != "managedFields")
    }
    rest(old).eq(rest(new)) && metadata(old).eq(metadata(new))
}

/// The entries an update starts from.
fn starting_point(cx: &Tracking<'_>, live: Option<&Value>, new: &Value) -> ManagedFields {
    let of_live = || live.and_then(|l| ManagedFields::of(l).ok()).unwrap_or_default();
    // Through a subresource nobody edits the entries by hand.
    if !cx.subresource.is_empty() {
        return of_live();
    }
    if is_reset(raw(new)) {
        return ManagedFields::default();
    }
    match ManagedFields::of(new) {
        Ok(managed) if !managed.owners.is_empty() => managed,
        _ => of_live(),
    }
}

fn is_reset(entries: Option<&Value>) -> bool {
    match entries.and_then(Value::as_array).map(Vec::as_slice) {
        Some([]) => true,
        Some([Value::Object(one)]) => one.is_empty(),
        _ => false,
    }
}

/// An empty object of the same type: what a created object is compared with.
pub(super) fn blank(like: &Value) -> Value {
    let kept = ["apiVersion", "kind"].into_iter().filter_map(|k| Some((k.to_owned(), like.get(k)?.clone())));
    Value::Object(kept.collect::<Map<String, Value>>())
}

/// Fields that are never owned: type, identity, and what the server writes.
pub(super) fn untracked() -> FieldSet {
    const METADATA: [&str; 9] = [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ];
    let top = ["apiVersion", "kind", "metadata"].map(|name| FieldPath::names([name]));
    let below = METADATA.map(|name| FieldPath::names(["metadata", name]));
    FieldSet::of(top.into_iter().chain(below))
}

/// Merges the oldest updaters of each version until no more than ten are left.
fn cap(managed: &mut ManagedFields) {
    let mut updaters: Vec<ManagerId> =
        managed.owners.keys().filter(|id| id.operation == Operation::Update).cloned().collect();
    let mut left = updaters.len();
    if left <= UPDATERS_MAX {
        return;
    }
    let time = |id: &ManagerId| managed.times.get(id).cloned().unwrap_or_default();
    updaters.sort_by_cached_key(|id| (time(id), id.clone()));
    let mut first_of: Vec<(String, ManagerId)> = Vec::new();
    for id in updaters {
        if left <= UPDATERS_MAX {
            break;
        }
        let Some(version) = managed.owners.get(&id).map(|f| f.api_version.clone()) else { continue };
        let bucket = ManagerId::new(OLD_UPDATERS, Operation::Update, &version, "");
        let Some((_, first)) = first_of.iter().find(|(v, _)| *v == version) else {
            first_of.push((version, id));
            continue;
        };
        if !managed.owners.contains_key(&bucket)
            && let Some(fields) = managed.owners.remove(first)
        {
            managed.owners.insert(bucket.clone(), fields);
        }
        if let Some(merged) = managed.owners.remove(&id) {
            match managed.owners.get_mut(&bucket) {
                Some(fields) => fields.set.add_all(&merged.set),
                None => drop(managed.owners.insert(bucket.clone(), merged)),
            }
        }
        if let Some(time) = managed.times.get(&id).cloned() {
            managed.times.insert(bucket, time);
        }
        left -= 1;
    }
}
