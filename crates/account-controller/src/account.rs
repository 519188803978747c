//! The reconciler of Accounts: four steps in order, and backwards when the Account goes.

mod account_info;
mod ready;
mod workspace;
mod workspace_type;

use std::{sync::Arc, time::Duration};

use futures::FutureExt as _;
use kcp_api::tenancy::v1alpha1::{Workspace, WorkspaceType};
use multicluster::{
    Action, ClusterKey, ClusterObjectRef, Concurrency, Controller, ControllerHandle, Cx, Fleet, ObjectKey,
    StaticThenExponential,
    lifecycle::{Lifecycle, LifecycleError},
};
use platform_mesh_api::{Account, AccountInfo, AccountStatus, names};

use crate::{app::App, options::Options};

/// Name of the controller, for logs and metrics.
const NAME: &str = "AccountReconciler";
/// The steps, in order; each names a condition.
const SUBROUTINES: [&str; 4] = [workspace_type::NAME, workspace::NAME, account_info::NAME, ready::NAME];

/// An account that is ready is looked at again after one to two times this, should a change ever have been missed.
const RESYNC: Duration = Duration::from_secs(12 * 3600);

/// Starts the controller.
pub(crate) fn start(fleet: &Fleet, options: &Options, app: Arc<App>) -> ControllerHandle {
    let lifecycle = Arc::new(lifecycle(options));
    let forgetting = app.clone();
    let (infos, accounts, provider) = (app.infos.clone(), app.accounts.clone(), app.provider.clone());
    Controller::<Account>::new(NAME, fleet)
        .provider(app.provider.clone())
        .concurrency(Concurrency::total(options.max_concurrent_reconciles))
        .backoff(StaticThenExponential::default())
        .reads(&infos)
        .watches::<Workspace, _>(|cluster, workspace| {
            // The Workspace of an Account has its name.
            workspace.metadata.name.as_deref().map(|name| cluster.object(ObjectKey::named(name)))
        })
        .watches::<WorkspaceType, _>(|cluster, workspace_type| {
            let org = workspace_type.metadata.labels.as_ref().and_then(|labels| labels.get(names::ORG_LABEL));
            org.map(|org| cluster.object(ObjectKey::named(org.as_str())))
        })
        .watches::<AccountInfo, _>(move |cluster, info| {
            // All Accounts beside it derive theirs from it, and one Account outside has made it.
            let mut concerned: Vec<ClusterObjectRef> = accounts
                .of(cluster)
                .list()
                .iter()
                .map(|account| cluster.object(ObjectKey::of(account.as_ref())))
                .collect();
            let own = &info.spec.account;
            if !own.origin_cluster_id.is_empty() {
                let outside = ClusterKey::new(provider.clone(), own.origin_cluster_id.as_str());
                concerned.push(ObjectKey::named(own.name.as_str()).in_cluster(&outside));
            }
            concerned
        })
        .on_deleted(move |cluster, key, _| {
            forgetting.forget(&cluster.object(key), &SUBROUTINES);
            async {}
        })
        .run(
            move |account, cx| {
                let lifecycle = lifecycle.clone();
                async move { reconcile(&lifecycle, account, cx).await }
            },
            |_, _: &LifecycleError, _| Action::backoff(),
            app,
        )
}

async fn reconcile(
    lifecycle: &Lifecycle<Account, App>,
    account: Arc<Account>,
    cx: Cx<App>,
) -> Result<Action, LifecycleError> {
    let app = cx.app().clone();
    if !app.handles(account.metadata.labels.as_ref()) {
        return Ok(Action::await_change());
    }
    let account_type = account.spec.kind.clone();
    let result = lifecycle.reconcile(account, cx).await;
    let label = match &result {
        Err(_) => "error",
        // An account that is ready is only looked at again after hours.
        Ok(action) if action.requeue_after().is_some_and(|after| after < RESYNC) => "requeue",
        Ok(_) => "success",
    };
    app.metrics.reconciled(&account_type, label);
    result
}

/// The steps and their rules. A step that is switched off still cleans up after itself, so that no finalizer is orphaned.
pub(crate) fn lifecycle(options: &Options) -> Lifecycle<Account, App> {
    let mut lifecycle = Lifecycle::new(NAME)
        .conditions()
        .prepare(|account: &mut Account, _| {
            let generation = account.metadata.generation;
            account.status.get_or_insert_with(AccountStatus::default).observed_generation = generation;
            async { Ok(()) }.boxed()
        })
        .with(workspace_type::WorkspaceTypes { enabled: options.subroutines_workspace_type_enabled })
        .with(workspace::AccountWorkspace { enabled: options.subroutines_workspace_enabled });
    if options.subroutines_account_info_enabled {
        lifecycle = lifecycle.with(account_info::ManageAccountInfo);
    }
    if options.subroutines_workspace_ready_enabled {
        lifecycle = lifecycle.with(ready::WorkspaceReady);
    }
    lifecycle
}

/// Whether an object holds a finalizer.
fn holds(account: &Account, finalizer: &str) -> bool {
    account.metadata.finalizers.iter().flatten().any(|held| held == finalizer)
}
