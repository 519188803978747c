//! CustomResourceDefinitions: names accepted, established, and their objects deleted before they go.

use std::{sync::Arc, time::Duration};

use apiserver::{
    ApiError, Scope, StoragePrefix,
    crd::{self, Names},
    local::DeleteParams,
    store::{ObjectKey, Range},
};
use runtime::Tasks;
use serde_json::{Value, json};

use crate::{
    core::{Core, WeakCore},
    reconcile::{self, Next, Source},
    records,
};

const FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";

fn prefix() -> StoragePrefix {
    StoragePrefix::new("apiextensions.k8s.io", "customresourcedefinitions")
}

/// Starts the loop.
pub(crate) fn start(core: &Arc<Core>, tasks: &Tasks) {
    let (weak, store) = (Arc::downgrade(core), core.store().clone());
    tasks.spawn_graceful("definitions", runtime::End::StopProcess, move |stop| {
        let reconcile: reconcile::Reconcile = Arc::new(move |key: ObjectKey| {
            let weak = weak.clone();
            Box::pin(async move { reconcile_crd(&weak, &key).await })
        });
        reconcile::run(store, "definitions", vec![Source::itself(prefix())], reconcile, stop)
    });
}

async fn reconcile_crd(weak: &WeakCore, key: &ObjectKey) -> Result<Next, ApiError> {
    let core = crate::core::upgrade(weak)?;
    let Some(stored) = core.store().get(&prefix(), key) else { return Ok(Next::Wait) };
    let crd = stored.value();
    if crd["metadata"]["deletionTimestamp"].is_string() {
        return clean_up(&core, key, &crd).await;
    }
    let others = others(&core, key, &crd);
    records::modify(&core, &prefix(), key, |object| {
        if let Some(status) = crd::reconcile_status(object, &others, &records::now(&core)) {
            object["status"] = status;
        }
        records::add_finalizer(object, FINALIZER);
        Ok(())
    })?;
    Ok(Next::Wait)
}

/// Accepted names of the cluster's other definitions of the same group.
fn others(core: &Core, key: &ObjectKey, crd: &Value) -> Vec<Names> {
    let range = Range::scope(Scope::One(key.partition().clone()));
    let items = core.store().list_all(&prefix(), &range).items;
    items
        .iter()
        .filter(|stored| stored.key != *key)
        .map(|stored| stored.value())
        .filter(|other| other["spec"]["group"] == crd["spec"]["group"])
        .map(|other| Names::read(&other["status"]["acceptedNames"]))
        .collect()
}

/// Says in the status that objects are being deleted.
fn terminating(object: &mut Value, now: &str) {
    if !object["status"]["conditions"].is_array() {
        object["status"]["conditions"] = json!([]);
    }
    let Some(list) = object["status"]["conditions"].as_array_mut() else { return };
    if !list.iter().any(|condition| condition["type"] == "Terminating") {
        list.push(json!({
            "type": "Terminating", "status": "True", "reason": "InstanceDeletionInProgress",
            "message": "objects of the definition still exist", "lastTransitionTime": now,
        }));
    }
}

/// Deletes the objects of a definition that goes.
async fn clean_up(core: &Core, key: &ObjectKey, crd: &Value) -> Result<Next, ApiError> {
    let spec = &crd["spec"];
    let (group, plural) =
        (spec["group"].as_str().unwrap_or_default(), spec["names"]["plural"].as_str().unwrap_or_default());
    let served = core.apis.local_crds().served(key.partition());
    let resource = served.iter().find(|r| &*r.gvk.group == group && &*r.plural == plural);
    let objects = StoragePrefix::new(group, plural);
    let range = Range::scope(Scope::One(key.partition().clone()));
    if let Some(resource) = resource {
        let local = core.controller(key.partition(), "customresource-cleanup");
        for stored in core.store().list_all(&objects, &range).items {
            if stored.value()["metadata"]["deletionTimestamp"].is_string() {
                continue;
            }
            let (namespace, name) = (stored.key.namespace(), stored.key.name());
            match local.delete(&resource.gvr(), namespace, name, &DeleteParams::default()).await {
                Ok(_) => {}
                Err(error) if error.is_not_found() || error.is_conflict() => {}
                Err(error) => return Err(error),
            }
        }
        if core.store().count(&objects, &range) > 0 {
            let now = records::now(core);
            records::modify(core, &prefix(), key, |object| {
                terminating(object, &now);
                Ok(())
            })?;
            return Ok(Next::After(Duration::from_millis(100)));
        }
    }
    records::modify(core, &prefix(), key, |object| {
        records::remove_finalizer(object, FINALIZER);
        Ok(())
    })?;
    Ok(Next::Wait)
}
