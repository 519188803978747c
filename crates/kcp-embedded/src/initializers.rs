//! What the server itself does in a new workspace: `root:universal` and `system:apibindings`.

mod default_bindings; // bindings that the workspace's types ask for
mod universal; // the first namespaces

use std::sync::Arc;

use apiserver::{ApiError, Partition, StoragePrefix, store::ObjectKey};
pub(crate) use kcp_api::keys::API_BINDINGS_INITIALIZER as API_BINDINGS;
use runtime::Tasks;
use serde_json::Value;

use crate::{
    core::{Core, WeakCore},
    kinds, logical_clusters,
    reconcile::{self, Next, Source},
    records::strings,
    workspace_types,
};

/// The initializer of WorkspaceType `root:universal`.
pub const UNIVERSAL: &str = "root:universal";

/// Starts the loop.
pub(crate) fn start(core: &Arc<Core>, tasks: &Tasks) {
    let (weak, store) = (Arc::downgrade(core), core.store().clone());
    let (by_export, by_type) = (weak.clone(), weak.clone());
    let clusters = |names: Vec<Partition>| -> Vec<ObjectKey> {
        names.into_iter().map(|name| ObjectKey::new(name, "", logical_clusters::NAME)).collect()
    };
    let sources = vec![
        Source::itself(logical_clusters::prefix()),
        // A binding that came up may have been the last one its cluster waits for.
        Source::mapped(StoragePrefix::new("apis.kcp.io", "apibindings"), |event| {
            vec![ObjectKey::new(event.key.partition().clone(), "", logical_clusters::NAME)]
        }),
        // Maintained bindings follow the claims of their export,
        Source::mapped(kinds::api_exports(), move |event| {
            let Ok(core) = crate::core::upgrade(&by_export) else { return Vec::new() };
            core.feeds.catch_up();
            let bindings = core.bound.bindings.naming(event.key.name());
            clusters(bindings.into_iter().map(|binding| binding.partition().clone()).collect())
        }),
        // and the exports that a type names; types change seldom, and extension can lead from any type to any.
        Source::mapped(workspace_types::prefix(core.tenancy_identity()), move |_| {
            by_type.upgrade().map(|core| clusters(core.tree.names())).unwrap_or_default()
        }),
    ];
    tasks.spawn_graceful("initializers", runtime::End::StopProcess, move |stop| {
        let reconcile: reconcile::Reconcile = Arc::new(move |key: ObjectKey| {
            let weak = weak.clone();
            Box::pin(async move { initialize(&weak, &key).await })
        });
        reconcile::run(store, "initializers", sources, reconcile, stop)
    });
}

async fn initialize(weak: &WeakCore, key: &ObjectKey) -> Result<Next, ApiError> {
    let core = crate::core::upgrade(weak)?;
    // The event that woke this key is stored; the tree may not have read it yet.
    core.feeds.catch_up();
    let cluster = key.partition();
    let Some(object) = logical_clusters::get(&core, cluster) else { return Ok(Next::Wait) };
    if object["metadata"]["deletionTimestamp"].is_string() {
        return Ok(Next::Wait);
    }
    let remains = |object: &Value, name: &str| strings(&object["status"]["initializers"]).contains(&name);
    if object["status"]["phase"] == "Initializing" && remains(&object, UNIVERSAL) {
        universal::initialize(&core, cluster)?;
        logical_clusters::remove_initializer(&core, cluster, UNIVERSAL)?;
    }
    default_bindings::reconcile(&core, cluster, &object).await
}
