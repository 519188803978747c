//! CustomResourceDefinitions: names are accepted, definitions established; a deleted one takes its objects along.

use serde_json::{Value, json};

use super::queue::Queue;
use super::{Controllers, is_settled, resource_of};
use crate::crd::{self, Names};
use crate::error::ApiError;
use crate::kinds::DEFINITION_CLEANUP;
use crate::local::{DeleteParams, PatchKind, WriteParams};
use crate::names::GroupVersionResource;
use crate::object;
use crate::partition::{Partition, Scope};
use crate::resource::StoragePrefix;
use crate::store::{Change, Fed, ObjectKey, Range};

const CALLER: &str = "crd-controller";

type Key = (Partition, String);

/// Where definitions are stored.
fn prefix() -> StoragePrefix {
    StoragePrefix::new("apiextensions.k8s.io", "customresourcedefinitions")
}

fn gvr() -> GroupVersionResource {
    GroupVersionResource::new("apiextensions.k8s.io", "v1", "customresourcedefinitions")
}

pub(super) async fn run(controllers: &Controllers) {
    let (feed, prefix) = (controllers.server.store().feed(), prefix());
    let mut queue = Queue::new();
    scan(controllers, &mut queue);
    loop {
        tokio::select! {
            biased;
            fed = feed.next() => match fed {
                Fed::Lost => scan(controllers, &mut queue),
                Fed::Change(of, event) if of == prefix => {
                    if event.change == Change::Deleted {
                        // Names become free: others of the group may have them now.
                        push_all(controllers, event.key.partition(), &mut queue);
                    } else {
                        queue.push((event.key.partition().clone(), event.key.name().to_owned()));
                    }
                }
                Fed::Change(..) => {}
            },
            key = queue.next() => match settle(controllers, &key).await {
                Ok(()) => queue.done(&key),
                Err(error) => {
                    if !is_settled(&error) {
                        tracing::warn!(cluster = %key.0, object = key.1, error = %error, "definition is retried");
                    }
                    queue.retry(key);
                }
            },
        }
    }
}

fn scan(controllers: &Controllers, queue: &mut Queue<Key>) {
    for stored in controllers.server.store().list_all(&prefix(), &Range::scope(Scope::All)).items {
        queue.push((stored.key.partition().clone(), stored.key.name().to_owned()));
    }
}

fn push_all(controllers: &Controllers, partition: &Partition, queue: &mut Queue<Key>) {
    let range = Range::scope(Scope::One(partition.clone()));
    for stored in controllers.server.store().list_all(&prefix(), &range).items {
        queue.push((partition.clone(), stored.key.name().to_owned()));
    }
}

async fn settle(controllers: &Controllers, key: &Key) -> Result<(), ApiError> {
    let (partition, name) = key;
    let store = controllers.server.store();
    let Some(stored) = store.get(&prefix(), &ObjectKey::new(partition.clone(), "", name)) else {
        return Ok(());
    };
    let definition = stored.value();
    if object::is_deleting(&definition) {
        return clean_up(controllers, partition, &definition).await;
    }
    let group = definition.pointer("/spec/group").and_then(Value::as_str).unwrap_or_default().to_owned();
    let range = Range::scope(Scope::One(partition.clone()));
    let others: Vec<Names> = store
        .list_all(&prefix(), &range)
        .items
        .iter()
        .filter(|other| other.key.name() != name)
        .map(|other| other.value())
        .filter(|other| other.pointer("/spec/group").and_then(Value::as_str) == Some(&group))
        .map(|other| Names::read(other.pointer("/status/acceptedNames").unwrap_or(&Value::Null)))
        .collect();
    let now = object::time_text(controllers.server.parts().clock.now());
    let Some(status) = crd::reconcile_status(&definition, &others, &now) else { return Ok(()) };
    let mut updated = definition;
    updated["status"] = status;
    controllers.caller(partition, CALLER).update_status(&gvr(), updated).await.map(|_| ())
}

/// Deletes the objects of a definition; its finalizer goes with the last of them.
async fn clean_up(
    controllers: &Controllers,
    partition: &Partition,
    definition: &Value,
) -> Result<(), ApiError> {
    if !object::finalizers(definition).contains(&DEFINITION_CLEANUP) {
        return Ok(());
    }
    let text = |path: &str| definition.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let objects = StoragePrefix::new(text("/spec/group"), text("/spec/names/plural"));
    let (store, catalog) = (controllers.server.store(), controllers.catalog(partition));
    let caller = controllers.caller(partition, CALLER);
    let mut remaining = 0;
    for stored in store.list_all(&objects, &Range::scope(Scope::One(partition.clone()))).items {
        let Some(resource) = resource_of(&catalog, &objects) else {
            // A definition that was never established has no one who could finish its objects.
            let _ = store.delete(&objects, &stored.key, stored.revision);
            continue;
        };
        let (namespace, name) = (stored.key.namespace(), stored.key.name());
        match caller.delete(&resource.gvr(), namespace, name, &DeleteParams::default()).await {
            Ok((_, gone)) => remaining += usize::from(!gone),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    if remaining > 0 {
        let gr = gvr().group_resource();
        return Err(ApiError::conflict(&gr, object::name(definition), "objects of the definition remain"));
    }
    let kept: Vec<&str> =
        object::finalizers(definition).into_iter().filter(|f| *f != DEFINITION_CLEANUP).collect();
    let kept = if kept.is_empty() { Value::Null } else { json!(kept) };
    let patch =
        json!({"metadata": {"finalizers": kept, "resourceVersion": object::resource_version(definition)}});
    caller
        .patch(&gvr(), "", object::name(definition), PatchKind::Merge, &patch, &WriteParams::default())
        .await
        .map(|_| ())
}
