//! The workspace of an organisation. While it is new: Store, realm, invitation of the creator and authentication, side by
//! side; then the initializer goes. Later the same steps keep it in line. When it goes, all of that goes.

mod authentication;
mod identity;
mod invitation;
mod store;
mod termination;

use std::sync::Arc;

use account_model::AccountPath;
use kcp_api::core::v1alpha1::LogicalCluster;
use multicluster::{
    ControllerHandle, Cx, Fleet, ObjectKey, ProviderName,
    lifecycle::{Lifecycle, Roles, SubError},
};
use platform_mesh_api::{AccountInfo, Store, names};

use crate::{
    app::{App, account_path, controller, run},
    orgs::Orgs,
    write::find,
};

/// The steps, in order.
const SUBROUTINES: [&str; 4] = [store::NAME, identity::NAME, invitation::NAME, authentication::NAME];
const TERMINATION: [&str; 1] = [termination::NAME];

/// Serves the initializer of new organisations.
pub(crate) fn start_initializer(
    fleet: &Fleet,
    provider: &ProviderName,
    orgs: &Orgs,
    app: Arc<App>,
) -> ControllerHandle {
    const NAME: &str = "OrgLogicalClusterInitializer";
    let marker = app.options.marker();
    let lifecycle = steps(NAME, &app, orgs, Roles::INITIALIZE).initializer(marker.clone());
    run(controller(NAME, fleet, provider, &app, &SUBROUTINES), NAME, lifecycle, app, move |cluster, cx| {
        organization(cluster, cx).is_some() && holds_initializer(cluster, &marker)
    })
}

/// Keeps organisations that are ready in line.
pub(crate) fn start_reconciler(
    fleet: &Fleet,
    provider: &ProviderName,
    orgs: &Orgs,
    app: Arc<App>,
) -> ControllerHandle {
    const NAME: &str = "OrgLogicalClusterReconciler";
    let marker = app.options.marker();
    let lifecycle = steps(NAME, &app, orgs, Roles::PROCESS);
    let (known, of) = (fleet.clone(), provider.clone());
    let controller = controller::<LogicalCluster>(NAME, fleet, provider, &app, &SUBROUTINES)
        .watches::<AccountInfo, _>(|cluster, _| {
            [cluster.object(ObjectKey::named(names::LOGICAL_CLUSTER_NAME))]
        })
        .watches::<Store, _>(move |_, store| {
            let path = format!("{}:{}", names::ORGS, store.metadata.name.as_deref().unwrap_or_default());
            let org = known.resolve_in(&of, &path);
            org.map(|org| org.object(ObjectKey::named(names::LOGICAL_CLUSTER_NAME)))
        });
    run(controller, NAME, lifecycle, app, move |cluster, cx| {
        organization(cluster, cx).is_some() && is_initialized(cluster, &marker)
    })
}

/// Serves the terminator of organisations that go.
pub(crate) fn start_terminator(fleet: &Fleet, provider: &ProviderName, app: Arc<App>) -> ControllerHandle {
    const NAME: &str = "OrgLogicalClusterTerminator";
    let lifecycle =
        Lifecycle::new(NAME).terminator(app.options.marker()).with(termination::OrganizationTermination);
    run(controller(NAME, fleet, provider, &app, &TERMINATION), NAME, lifecycle, app, |cluster, cx| {
        organization(cluster, cx).is_some()
    })
}

fn steps(name: &'static str, app: &App, orgs: &Orgs, roles: Roles) -> Lifecycle<LogicalCluster, App> {
    let mut lifecycle = Lifecycle::new(name);
    if app.options.initializer_workspace_enabled {
        lifecycle = lifecycle.with(store::OrganizationStore { orgs: orgs.clone(), roles });
    }
    if app.options.initializer_idp_enabled {
        lifecycle = lifecycle.with(identity::OrganizationRealm { orgs: orgs.clone(), roles });
    }
    if app.options.initializer_invite_enabled {
        lifecycle = lifecycle.with(invitation::CreatorInvitation { orgs: orgs.clone(), roles });
    }
    if app.options.initializer_workspace_auth_enabled {
        lifecycle = lifecycle.with(authentication::WorkspaceAuthentication { orgs: orgs.clone(), roles });
    }
    lifecycle
}

/// The path of an organisation's workspace; none for any other.
fn organization(cluster: &LogicalCluster, cx: &Cx<App>) -> Option<AccountPath> {
    account_path(cluster, cx.cluster()).filter(AccountPath::is_organization)
}

/// The organisation of a workspace that was chosen as one.
fn name_of(cluster: &LogicalCluster, cx: &Cx<App>) -> Result<String, SubError> {
    let path = organization(cluster, cx).ok_or("annotation kcp.io/path names no organisation")?;
    Ok(path.organization().to_owned())
}

/// AccountInfo of the workspace, once it is there.
pub(crate) async fn account_info(cx: &Cx<App>) -> Result<Option<AccountInfo>, SubError> {
    let found = find(&cx.cluster().all::<AccountInfo>(), names::ACCOUNT_INFO_NAME).await;
    Ok(found.map_err(|error| format!("reading AccountInfo: {error}"))?)
}

pub(crate) fn holds_initializer(cluster: &LogicalCluster, marker: &str) -> bool {
    let status = cluster.status.as_ref();
    status.is_some_and(|status| status.initializers.iter().any(|held| held == marker))
}

/// Whether the initializer was asked for and is done.
pub(crate) fn is_initialized(cluster: &LogicalCluster, marker: &str) -> bool {
    cluster.spec.initializers.iter().any(|wanted| wanted == marker) && !holds_initializer(cluster, marker)
}
