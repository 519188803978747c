//! A namespace that ends: its content is deleted, then its finalizer goes.

use std::{collections::HashSet, sync::Arc, time::Duration};

use apiserver::{
    ApiError, ApiSets as _, Scope, ServedResource, Verb,
    lifecycle::namespaces_prefix,
    local::DeleteParams,
    store::{ObjectKey, Range},
};
use runtime::Tasks;
use serde_json::json;

use crate::{
    core::{Core, WeakCore},
    reconcile::{self, Next, Source},
    records,
};

const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Starts the loop.
pub(crate) fn start(core: &Arc<Core>, tasks: &Tasks) {
    let (weak, store) = (Arc::downgrade(core), core.store().clone());
    tasks.spawn_graceful("namespaces", runtime::End::StopProcess, move |stop| {
        let reconcile: reconcile::Reconcile = Arc::new(move |key: ObjectKey| {
            let weak = weak.clone();
            Box::pin(async move { end(&weak, &key).await })
        });
        reconcile::run(store, "namespaces", vec![Source::itself(namespaces_prefix())], reconcile, stop)
    });
}

async fn end(weak: &WeakCore, key: &ObjectKey) -> Result<Next, ApiError> {
    let core = crate::core::upgrade(weak)?;
    let Some(stored) = core.store().get(&namespaces_prefix(), key) else { return Ok(Next::Wait) };
    if !stored.value()["metadata"]["deletionTimestamp"].is_string() {
        return Ok(Next::Wait);
    }
    records::modify(&core, &namespaces_prefix(), key, |object| {
        object["status"]["phase"] = "Terminating".into();
        Ok(())
    })?;
    let resources = namespaced(&core, key);
    let local = core.controller(key.partition(), "namespace-controller");
    let range = Range::in_namespace(Scope::One(key.partition().clone()), key.name());
    let revision = core.store().revision();
    let mut remaining = Vec::new();
    for resource in &resources {
        for stored in core.store().list_all(&resource.storage, &range).items {
            if stored.value()["metadata"]["deletionTimestamp"].is_null() {
                match local
                    .delete(&resource.gvr(), key.name(), stored.key.name(), &DeleteParams::default())
                    .await
                {
                    Ok(_) => {}
                    Err(error) if error.is_not_found() || error.is_conflict() => {}
                    Err(error) => return Err(error),
                }
            }
        }
        if core.store().count(&resource.storage, &range) > 0 {
            remaining.push(resource.clone());
        }
    }
    if remaining.is_empty() {
        records::modify(&core, &namespaces_prefix(), key, |object| {
            object["spec"]["finalizers"] = json!([]);
            if let Some(spec) = object["spec"].as_object_mut() {
                spec.remove("finalizers");
            }
            Ok(())
        })?;
        return Ok(Next::Wait);
    }
    let message = remaining.iter().map(|r| r.group_resource().to_string()).collect::<Vec<_>>().join(", ");
    records::modify(&core, &namespaces_prefix(), key, |object| {
        let condition = json!({
            "type": "NamespaceContentRemaining", "status": "True", "reason": "SomeResourcesRemain",
            "message": format!("Some resources are remaining: {message}"),
        });
        object["status"]["conditions"] = json!([condition]);
        Ok(())
    })?;
    let mut watchers: Vec<_> = remaining
        .iter()
        .filter_map(|r| core.store().watch(&r.storage, range.clone(), Some(revision)).ok())
        .collect();
    drop(core);
    let any = watchers.iter_mut().map(|watcher| Box::pin(watcher.next()));
    if any.len() > 0 {
        let _ = tokio::time::timeout(LOOK_AGAIN, futures::future::select_all(any)).await;
    }
    Ok(Next::After(Duration::from_millis(1)))
}

/// Namespaced stored resources of the cluster, each once.
fn namespaced(core: &Core, key: &ObjectKey) -> Vec<Arc<ServedResource>> {
    let catalog = core.apis.catalog(&Scope::One(key.partition().clone()));
    let mut seen = HashSet::new();
    catalog
        .resources()
        .filter(|r| r.namespaced && r.virtual_create.is_none() && r.serves(Verb::Delete))
        .filter(|r| seen.insert(r.storage.clone()))
        .cloned()
        .collect()
}
