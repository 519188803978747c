//! Every loop of the server: started here, owned by the server's tasks, ended in reverse.

use std::sync::Arc;

use runtime::{End, Tasks};

use crate::{
    authentication::service_accounts::ServiceAccountTokens,
    bindings,
    core::{Core, WeakCore},
    crds, exports, initializers, logical_clusters, namespaces,
    reconcile::{self, Reconcile, Source},
    service_accounts, workspace_types, workspaces,
};

/// Starts all loops. Root exists already.
pub(crate) fn start(core: &Arc<Core>, tasks: &Tasks, tokens: Arc<ServiceAccountTokens>) {
    let identity = core.tenancy_identity();
    workspace_types::start(core, tasks, workspace_types::prefix(identity));
    workspaces::start(core, tasks, workspaces::prefix(identity));
    logical_clusters::start(core, tasks);
    initializers::start(core, tasks);
    namespaces::start(core, tasks);
    service_accounts::start(core, tasks, tokens);
    crds::start(core, tasks);
    run(core, tasks, "apiexports", exports::identity_controller);
    run(core, tasks, "apibindings", bindings::controller);
    run(core, tasks, "apiexportendpointslices", exports::slice_controller);
}

/// Starts a loop that `make` describes.
fn run(core: &Arc<Core>, tasks: &Tasks, name: &'static str, make: fn(&WeakCore) -> (Vec<Source>, Reconcile)) {
    let (sources, reconcile) = make(&Arc::downgrade(core));
    let store = core.store().clone();
    tasks.spawn_graceful(name, End::StopProcess, move |stop| {
        reconcile::run(store, name, sources, reconcile, stop)
    });
}
