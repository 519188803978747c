//! Garbage collection: dependents without owners go; foreground deletion waits for them; orphan deletion releases them.
//!
//! Owners are looked for in the partition of the dependent only. An owner of an unknown kind counts as present.

use serde_json::{Value, json};

use super::graph::{Graph, Place};
use super::queue::Queue;
use super::{Controllers, is_settled, resource_of};
use crate::error::ApiError;
use crate::local::{DeleteParams, PatchKind, WriteParams};
use crate::names::split_api_version;
use crate::object;
use crate::partition::{Partition, Scope};
use crate::query::Propagation;
use crate::store::{Change, Event, Fed, ObjectKey, Range, Stored};
use crate::verbs::delete::{FOREGROUND, ORPHAN};

const CALLER: &str = "generic-garbage-collector";

pub(super) async fn run(controllers: &Controllers) {
    let feed = controllers.server.store().feed();
    let (mut graph, mut queue) = (Graph::default(), Queue::new());
    scan(controllers, &mut graph, &mut queue);
    loop {
        tokio::select! {
            biased;
            fed = feed.next() => match fed {
                Fed::Lost => scan(controllers, &mut graph, &mut queue),
                Fed::Change(prefix, event) => see(&mut graph, &mut queue, (prefix, event.key.clone()), &event),
            },
            place = queue.next() => match settle(controllers, &graph, &place).await {
                Ok(()) => queue.done(&place),
                Err(error) => {
                    if !is_settled(&error) {
                        tracing::warn!(object = %place.1, error = %error, "garbage collection is retried");
                    }
                    queue.retry(place);
                }
            },
        }
    }
}

fn scan(controllers: &Controllers, graph: &mut Graph, queue: &mut Queue<Place>) {
    *graph = Graph::default();
    let store = controllers.server.store();
    for prefix in store.prefixes() {
        for stored in store.list_all(&prefix, &Range::scope(Scope::All)).items {
            if concerns(&stored.bytes) {
                let place = (prefix.clone(), stored.key.clone());
                graph.change(&place, None, Some(&stored.value()));
                queue.push(place);
            }
        }
    }
}

/// Whether bytes can hold anything of interest; spares decoding of most objects.
fn concerns(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| {
        ["\"ownerReferences\"", "\"foregroundDeletion\"", "\"orphan\""].iter().any(|n| text.contains(n))
    })
}

fn see(graph: &mut Graph, queue: &mut Queue<Place>, place: Place, event: &Event) {
    let decode = |bytes: &[u8]| concerns(bytes).then(|| crate::store::decode(bytes, event.revision));
    let before = event.previous.as_ref().and_then(|(bytes, _)| decode(bytes));
    if event.change == Change::Deleted {
        graph.change(&place, before.as_ref(), None);
        if !graph.is_empty() {
            let gone = crate::store::decode(&event.object, event.revision);
            for dependent in graph.of(place.1.partition(), object::uid(&gone)) {
                queue.push(dependent);
            }
        }
        // Owners that wait for this dependent look again by themselves: they stay in the queue until they are gone.
        return;
    }
    let after = decode(&event.object);
    if before.is_none() && after.is_none() {
        return;
    }
    graph.change(&place, before.as_ref(), after.as_ref());
    queue.push(place);
}

async fn settle(controllers: &Controllers, graph: &Graph, place: &Place) -> Result<(), ApiError> {
    let store = controllers.server.store();
    let Some(stored) = store.get(&place.0, &place.1) else { return Ok(()) };
    let object = stored.value();
    if object::is_deleting(&object) {
        let finalizers = object::finalizers(&object);
        if finalizers.contains(&ORPHAN) {
            return orphan(controllers, graph, place, &object).await;
        }
        if finalizers.contains(&FOREGROUND) {
            return foreground(controllers, graph, place, &object).await;
        }
        return Ok(());
    }
    if object::owner_references(&object).is_empty() {
        return Ok(());
    }
    collect(controllers, graph, place, &stored, &object).await
}

/// What an owner reference points at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Present,
    WaitsForDependents,
    Absent,
}

fn find_owner(controllers: &Controllers, place: &Place, reference: &Value) -> Owner {
    let text = |key: &str| reference.get(key).and_then(Value::as_str).unwrap_or_default();
    let partition = place.1.partition();
    let (group, version) = split_api_version(text("apiVersion"));
    let catalog = controllers.catalog(partition);
    let kinds: Vec<_> =
        catalog.resources().filter(|r| &*r.gvk.group == group && &*r.gvk.kind == text("kind")).collect();
    let Some(resource) = kinds.iter().find(|r| &*r.gvk.version == version).or(kinds.first()) else {
        return Owner::Present;
    };
    let namespace = if resource.namespaced { place.1.namespace() } else { "" };
    let key = ObjectKey::new(partition.clone(), namespace, text("name"));
    match controllers.server.store().get(&resource.storage, &key).map(|s| s.value()) {
        Some(owner) if object::uid(&owner) == text("uid") => {
            let waits = object::is_deleting(&owner) && object::finalizers(&owner).contains(&FOREGROUND);
            if waits { Owner::WaitsForDependents } else { Owner::Present }
        }
        _ => Owner::Absent,
    }
}

/// Deletes an object whose owners are all gone or waiting; drops references to owners that are gone while others stay.
async fn collect(
    controllers: &Controllers,
    graph: &Graph,
    place: &Place,
    stored: &Stored,
    object: &Value,
) -> Result<(), ApiError> {
    let references = object::owner_references(object);
    let owners: Vec<Owner> = references.iter().map(|r| find_owner(controllers, place, r)).collect();
    let present = owners.contains(&Owner::Present);
    if present {
        let kept: Vec<Value> = references
            .iter()
            .zip(&owners)
            .filter(|(_, o)| **o == Owner::Present)
            .map(|(r, _)| r.clone())
            .collect();
        if kept.len() < references.len() {
            return set_owners(controllers, place, object, kept).await;
        }
        return Ok(());
    }
    let waits = owners.contains(&Owner::WaitsForDependents);
    let has_dependents = !graph.of(place.1.partition(), object::uid(object)).is_empty();
    let propagation = if waits && has_dependents { Propagation::Foreground } else { Propagation::Background };
    let params = DeleteParams {
        uid: Some(object::uid(object).to_owned()),
        resource_version: Some(stored.revision.to_string()),
        propagation: Some(propagation),
    };
    let catalog = controllers.catalog(place.1.partition());
    let Some(resource) = resource_of(&catalog, &place.0) else { return Ok(()) };
    let caller = controllers.caller(place.1.partition(), CALLER);
    caller.delete(&resource.gvr(), place.1.namespace(), place.1.name(), &params).await.map(|_| ())
}

async fn set_owners(
    controllers: &Controllers,
    place: &Place,
    object: &Value,
    owners: Vec<Value>,
) -> Result<(), ApiError> {
    let owners = if owners.is_empty() { Value::Null } else { owners.into() };
    let metadata = json!({"resourceVersion": object::resource_version(object), "uid": object::uid(object), "ownerReferences": owners});
    patch_metadata(controllers, place, metadata).await
}

async fn patch_metadata(controllers: &Controllers, place: &Place, metadata: Value) -> Result<(), ApiError> {
    let partition: &Partition = place.1.partition();
    let catalog = controllers.catalog(partition);
    let Some(resource) = resource_of(&catalog, &place.0) else { return Ok(()) };
    let (caller, patch) = (controllers.caller(partition, CALLER), json!({"metadata": metadata}));
    let (namespace, name) = (place.1.namespace(), place.1.name());
    caller
        .patch(&resource.gvr(), namespace, name, PatchKind::Merge, &patch, &WriteParams::default())
        .await
        .map(|_| ())
}

async fn drop_finalizer(
    controllers: &Controllers,
    place: &Place,
    object: &Value,
    finalizer: &str,
) -> Result<(), ApiError> {
    let kept: Vec<&str> = object::finalizers(object).into_iter().filter(|f| *f != finalizer).collect();
    let kept = if kept.is_empty() { Value::Null } else { json!(kept) };
    let metadata = json!({"resourceVersion": object::resource_version(object), "finalizers": kept});
    patch_metadata(controllers, place, metadata).await
}

/// Dependents lose their reference, then the owner goes.
async fn orphan(
    controllers: &Controllers,
    graph: &Graph,
    place: &Place,
    object: &Value,
) -> Result<(), ApiError> {
    let uid = object::uid(object);
    for dependent in graph.of(place.1.partition(), uid) {
        let Some(stored) = controllers.server.store().get(&dependent.0, &dependent.1) else { continue };
        let value = stored.value();
        let kept: Vec<Value> = object::owner_references(&value)
            .iter()
            .filter(|r| r.get("uid").and_then(Value::as_str) != Some(uid))
            .cloned()
            .collect();
        match set_owners(controllers, &dependent, &value, kept).await {
            Err(error) if !error.is_not_found() => return Err(error),
            _ => {}
        }
    }
    drop_finalizer(controllers, place, object, ORPHAN).await
}

/// Dependents are deleted; the owner goes when none of them blocks it any more.
async fn foreground(
    controllers: &Controllers,
    graph: &Graph,
    place: &Place,
    object: &Value,
) -> Result<(), ApiError> {
    let uid = object::uid(object);
    let mut blocked = false;
    for dependent in graph.of(place.1.partition(), uid) {
        let Some(stored) = controllers.server.store().get(&dependent.0, &dependent.1) else { continue };
        let value = stored.value();
        if !object::is_deleting(&value) {
            match collect(controllers, graph, &dependent, &stored, &value).await {
                Err(error) if !is_settled(&error) => return Err(error),
                _ => {}
            }
        }
        let still_there = controllers.server.store().get(&dependent.0, &dependent.1).is_some();
        let blocks = object::owner_references(&value).iter().any(|r| {
            r.get("uid").and_then(Value::as_str) == Some(uid)
                && r.get("blockOwnerDeletion").and_then(Value::as_bool) == Some(true)
        });
        blocked |= still_there && blocks;
    }
    if blocked {
        // A conflict is what a queue retries without a word.
        return Err(ApiError::conflict(
            &crate::names::GroupResource::new("", ""),
            place.1.name(),
            "dependents remain",
        ));
    }
    drop_finalizer(controllers, place, object, FOREGROUND).await
}
