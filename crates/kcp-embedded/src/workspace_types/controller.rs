//! Publishes the lifecycle endpoints of every WorkspaceType in its status.

use std::sync::Arc;

use apiserver::{ApiError, Partition, StoragePrefix, store::ObjectKey};
use kcp_api::Condition;
use runtime::Tasks;
use serde_json::json;

use crate::{
    core::Core,
    reconcile::{self, Next, Source},
    records,
};

/// Starts the loop.
pub(crate) fn start(core: &Arc<Core>, tasks: &Tasks, prefix: StoragePrefix) {
    let (weak, store) = (Arc::downgrade(core), core.store().clone());
    tasks.spawn_graceful("workspace types", runtime::End::StopProcess, move |stop| {
        let at = prefix.clone();
        let reconcile: reconcile::Reconcile = Arc::new(move |key: ObjectKey| {
            let (weak, at) = (weak.clone(), at.clone());
            Box::pin(async move {
                let core = crate::core::upgrade(&weak)?;
                publish(&core, &at, &key)
            })
        });
        reconcile::run(store, "workspace types", vec![Source::itself(prefix)], reconcile, stop)
    });
}

/// Writes both endpoints and `Ready`, whichever of initializer and terminator the type has.
pub(crate) fn publish(core: &Core, prefix: &StoragePrefix, key: &ObjectKey) -> Result<Next, ApiError> {
    records::modify(core, prefix, key, |object| {
        if object["metadata"]["deletionTimestamp"].is_string() {
            return Ok(());
        }
        let id = lifecycle_name(key.partition(), key.name());
        let base = core.external_url();
        object["status"]["virtualWorkspaces"] = json!([
            {"url": format!("{base}/services/initializingworkspaces/{id}"), "type": "initializing"},
            {"url": format!("{base}/services/terminatingworkspaces/{id}"), "type": "terminating"},
        ]);
        let conditions = ["VirtualWorkspaceURLsReady", "Ready"].map(Condition::is_true);
        records::set_conditions(object, conditions, core.clock.now());
        Ok(())
    })?;
    Ok(Next::Wait)
}

fn lifecycle_name(cluster: &Partition, name: &str) -> String {
    format!("{cluster}:{name}")
}
