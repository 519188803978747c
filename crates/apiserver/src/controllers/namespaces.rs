//! Terminating namespaces: everything in them is deleted, then their finalizer goes, and with it the namespace.

use serde_json::{Value, json};

use super::queue::Queue;
use super::{Controllers, is_settled, resource_of};
use crate::error::ApiError;
use crate::lifecycle::namespaces_prefix;
use crate::local::{DeleteParams, WriteParams};
use crate::names::GroupVersionResource;
use crate::object;
use crate::partition::{Partition, Scope};
use crate::query::Propagation;
use crate::store::{Change, Fed, ObjectKey, Range};

const CALLER: &str = "namespace-controller";
const FINALIZER: &str = "kubernetes";

type Key = (Partition, String);

pub(super) async fn run(controllers: &Controllers) {
    let store = controllers.server.store();
    let (feed, prefix) = (store.feed(), namespaces_prefix());
    let mut queue = Queue::new();
    let mut terminating = std::collections::HashSet::new();
    scan(controllers, &mut queue);
    loop {
        tokio::select! {
            fed = feed.next() => match fed {
                Fed::Lost => scan(controllers, &mut queue),
                Fed::Change(of, event) if of == prefix => {
                    let key = (event.key.partition().clone(), event.key.name().to_owned());
                    if event.change == Change::Deleted {
                        terminating.remove(&key);
                    } else {
                        queue.push(key);
                    }
                }
                // Content of a terminating namespace went away: maybe it was the last.
                Fed::Change(_, event) if event.change == Change::Deleted && !terminating.is_empty() => {
                    let key = (event.key.partition().clone(), event.key.namespace().to_owned());
                    if terminating.contains(&key) {
                        queue.push(key);
                    }
                }
                Fed::Change(..) => {}
            },
            key = queue.next() => match settle(controllers, &key, &mut terminating).await {
                Ok(true) => queue.done(&key),
                Ok(false) => queue.retry(key),
                Err(error) => {
                    if !is_settled(&error) {
                        tracing::warn!(cluster = %key.0, object = key.1, error = %error, "namespace content remains");
                    }
                    queue.retry(key);
                }
            },
        }
    }
}

fn scan(controllers: &Controllers, queue: &mut Queue<Key>) {
    let range = Range::scope(Scope::All);
    for stored in controllers.server.store().list_all(&namespaces_prefix(), &range).items {
        queue.push((stored.key.partition().clone(), stored.key.name().to_owned()));
    }
}

/// Whether the namespace needs no further look.
async fn settle(
    controllers: &Controllers,
    key: &Key,
    terminating: &mut std::collections::HashSet<Key>,
) -> Result<bool, ApiError> {
    let (partition, name) = key;
    let store_key = ObjectKey::new(partition.clone(), "", name);
    let Some(stored) = controllers.server.store().get(&namespaces_prefix(), &store_key) else {
        terminating.remove(key);
        return Ok(true);
    };
    let namespace = stored.value();
    let has_finalizer = namespace
        .pointer("/spec/finalizers")
        .and_then(Value::as_array)
        .is_some_and(|list| list.iter().any(|f| f.as_str() == Some(FINALIZER)));
    if !object::is_deleting(&namespace) || !has_finalizer {
        return Ok(true);
    }
    terminating.insert(key.clone());
    let remaining = empty(controllers, partition, name).await?;
    if !remaining.is_empty() {
        report(controllers, partition, &namespace, &remaining).await?;
        return Ok(false);
    }
    finalize(controllers, partition, namespace).await?;
    Ok(true)
}

/// Deletes the content; answers what remains, as `resource.group count` texts with the finalizers that hold it.
async fn empty(
    controllers: &Controllers,
    partition: &Partition,
    namespace: &str,
) -> Result<Vec<String>, ApiError> {
    let (store, catalog) = (controllers.server.store(), controllers.catalog(partition));
    let caller = controllers.caller(partition, CALLER);
    let range = Range::in_namespace(Scope::One(partition.clone()), namespace);
    let mut remaining = Vec::new();
    for prefix in store.prefixes_of(partition) {
        let items = store.list_all(&prefix, &range).items;
        let Some(resource) = resource_of(&catalog, &prefix) else {
            // Nobody serves these any more, so nobody can finish them.
            for stored in items {
                let _ = store.delete(&prefix, &stored.key, stored.revision);
            }
            continue;
        };
        for stored in items {
            let params =
                DeleteParams { propagation: Some(Propagation::Background), ..DeleteParams::default() };
            match caller.delete(&resource.gvr(), namespace, stored.key.name(), &params).await {
                Ok((_, true)) => {}
                Ok((object, false)) => {
                    let held = object::finalizers(&object).join(", ");
                    remaining.push(format!(
                        "{} {} held by {held}",
                        resource.group_resource(),
                        stored.key.name()
                    ));
                }
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(remaining)
}

async fn report(
    controllers: &Controllers,
    partition: &Partition,
    namespace: &Value,
    remaining: &[String],
) -> Result<(), ApiError> {
    let shown: Vec<&str> = remaining.iter().take(5).map(String::as_str).collect();
    let text = format!("Some resources are remaining: {}", shown.join("; "));
    let kind = "NamespaceContentRemaining";
    let known =
        namespace.pointer("/status/conditions").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if known.iter().any(|c| c["type"] == kind && c["message"] == text.as_str()) {
        return Ok(());
    }
    let now = object::time_text(controllers.server.parts().clock.now());
    let mut updated = namespace.clone();
    updated["status"]["conditions"] = json!([{
        "type": kind, "status": "True", "reason": "SomeResourcesRemain", "message": text, "lastTransitionTime": now,
    }]);
    let gvr = GroupVersionResource::new("", "v1", "namespaces");
    controllers.caller(partition, CALLER).update_status(&gvr, updated).await.map(|_| ())
}

async fn finalize(
    controllers: &Controllers,
    partition: &Partition,
    mut namespace: Value,
) -> Result<(), ApiError> {
    let kept: Vec<Value> = namespace
        .pointer("/spec/finalizers")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(|f| f.as_str() != Some(FINALIZER))
        .cloned()
        .collect();
    namespace["spec"]["finalizers"] = kept.into();
    let gvr = GroupVersionResource::new("", "v1", "namespaces");
    let params = WriteParams { subresource: "finalize".to_owned(), ..WriteParams::default() };
    controllers.caller(partition, CALLER).update(&gvr, namespace, &params).await.map(|_| ())
}
