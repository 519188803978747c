//! Every loop of the server: started here, owned by the server's tasks, ended in reverse.

use std::sync::Arc;

use apiserver::{ApiSets, controllers::Controllers};
use runtime::{End, Tasks};

use crate::{
    authentication::service_accounts::ServiceAccountTokens,
    bindings, cluster_roles,
    core::{Core, WeakCore},
    exports, initializers, logical_clusters, policies,
    reconcile::{self, Reconcile, Source},
    service_accounts::Issuer,
    workspace_types, workspaces,
};

/// Starts all loops. Root exists already.
pub(crate) fn start(core: &Arc<Core>, tasks: &Tasks, tokens: Arc<ServiceAccountTokens>) {
    // Namespaces, owners and dependents, service accounts, definitions.
    let apis: Arc<dyn ApiSets> = core.apis.clone();
    let kubernetes = Controllers {
        server: core.server.clone(),
        apis,
        root_certificates: core.ca_pem.get().cloned().unwrap_or_default(),
        tokens: Some(Arc::new(Issuer(tokens))),
        default_accounts: true,
    };
    tasks.spawn_graceful("kubernetes controllers", End::StopProcess, move |stop| async move {
        kubernetes.run(stop).await;
    });
    cluster_roles::start(core, tasks);
    let identity = core.tenancy_identity();
    workspace_types::start(core, tasks, workspace_types::prefix(identity));
    workspaces::start(core, tasks, workspaces::prefix(identity));
    logical_clusters::start(core, tasks);
    initializers::start(core, tasks);
    run(core, tasks, "apiexports", exports::identity_controller);
    run(core, tasks, "apibindings", bindings::controller);
    run(core, tasks, "validatingadmissionpolicies", policies::controller);
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
