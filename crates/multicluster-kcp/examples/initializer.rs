//! An initializer: every workspace of type `guided` has a namespace with a first ConfigMap in it before anybody may use the workspace.
//!
//! ```text
//! $ platform-mesh up                                                                            # in another terminal
//! $ cargo run -p platform-mesh-multicluster-kcp --example initializer -- .platform-mesh/admin.kubeconfig
//! root:guided-one: initialized
//! ```
//!
//! A workspace of the type waits in phase Initializing until every initializer took itself off its list; this one does so as soon as it is
//! done. Make more of them while it runs. Ctrl-C ends it.

mod setup;

use std::sync::Arc;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kcp_api::core::v1alpha1::LogicalCluster;
use kube::{
    Config,
    api::{Patch, PatchParams},
};
use multicluster::{Action, Controller, Cx, Fleet, FleetError};
use multicluster_kcp::{CompleteError, Connection, InitializingWorkspaces};
use serde_json::json;
use setup::Fault;

struct App {
    workspaces: Arc<InitializingWorkspaces>,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Kube(#[from] kube::Error),
    #[error(transparent)]
    Complete(#[from] CompleteError),
}

async fn reconcile(_: Arc<LogicalCluster>, cx: Cx<App>) -> Result<Action, Error> {
    let here = cx.cluster();
    let workspace = here.alias().unwrap_or_else(|| here.id().as_str().into());
    let ours = PatchParams::apply("guide").force();

    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "guide" } });
    here.all::<Namespace>().patch("guide", &ours, &Patch::Apply(namespace)).await?;
    let welcome = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "welcome" },
        "data": { "workspace": workspace } });
    here.namespaced::<ConfigMap>("guide").patch("welcome", &ours, &Patch::Apply(welcome)).await?;

    cx.workspaces.complete(here).await?;
    println!("{workspace}: initialized");
    Ok(Action::await_change())
}

pub(crate) fn fleet(workspace_of_type: Connection) -> Result<Fleet, FleetError> {
    let workspaces = Arc::new(InitializingWorkspaces::new(workspace_of_type, "guided"));
    let fleet = Fleet::builder().shared_provider(workspaces.clone()).build()?;
    let controller = Controller::<LogicalCluster>::new("guide", &fleet);
    controller.run(reconcile, |_, _, _| Action::backoff(), Arc::new(App { workspaces }));
    Ok(fleet)
}

/// The type in `root`, and a workspace of it.
pub(crate) async fn world(admin: &Config) -> Result<Connection, Fault> {
    setup::apply(admin, include_str!("manifests/guided-type.yaml")).await?;
    setup::workspace(admin, "guided-one", "guided").await?;
    Ok(Connection::from_config(admin.clone())?)
}

#[tokio::main]
async fn main() -> Result<(), Fault> {
    runtime::install_crypto();
    let fleet = fleet(world(&setup::administrator().await?).await?)?;
    let stop = runtime::Stop::new();
    fleet.run_until(async { stop.on_signals().await.unwrap_or_default() }).await?;
    Ok(())
}
