//! The workspace of an account below an organisation: the tuples that put it into the tree and make its creator the
//! owner, and when it goes all tuples that name it or anything in it.

use std::{collections::BTreeSet, sync::Arc};

use account_model::{AccountPath, AccountRef};
use kcp_api::core::v1alpha1::LogicalCluster;
use kube::Api;
use multicluster::{
    ControllerHandle, Cx, Fleet, ProviderName,
    lifecycle::{Lifecycle, Outcome, Roles, SubError, Subroutine},
};
use platform_mesh_api::{Account, Tuple, names};

use crate::{
    app::{App, account_path, controller, is_deleting, run},
    organization::{holds_initializer, is_initialized},
    orgs::{Found, Orgs, usable_store},
    write::find,
};

const SUBROUTINE: &str = "AccountTuplesSubroutine";
const SUBROUTINES: [&str; 1] = [SUBROUTINE];

/// Serves the initializer of new accounts.
pub(crate) fn start_initializer(
    fleet: &Fleet,
    provider: &ProviderName,
    orgs: &Orgs,
    app: Arc<App>,
) -> ControllerHandle {
    const NAME: &str = "AccountLogicalClusterInitializer";
    let marker = app.options.marker();
    let tuples = AccountTuples { orgs: orgs.clone(), roles: Roles::INITIALIZE.and(Roles::TERMINATE) };
    let lifecycle = Lifecycle::new(NAME).initializer(marker.clone()).terminator(marker.clone()).with(tuples);
    run(controller(NAME, fleet, provider, &app, &SUBROUTINES), NAME, lifecycle, app, move |cluster, cx| {
        account(cluster, cx).is_some() && holds_initializer(cluster, &marker)
    })
}

/// Keeps the tuples of accounts that are ready.
pub(crate) fn start_reconciler(
    fleet: &Fleet,
    provider: &ProviderName,
    orgs: &Orgs,
    app: Arc<App>,
) -> ControllerHandle {
    const NAME: &str = "AccountLogicalClusterReconciler";
    let marker = app.options.marker();
    let lifecycle = Lifecycle::new(NAME).with(AccountTuples { orgs: orgs.clone(), roles: Roles::PROCESS });
    run(controller(NAME, fleet, provider, &app, &SUBROUTINES), NAME, lifecycle, app, move |cluster, cx| {
        account(cluster, cx).is_some() && is_initialized(cluster, &marker)
    })
}

/// Serves the terminator of accounts that go.
pub(crate) fn start_terminator(
    fleet: &Fleet,
    provider: &ProviderName,
    orgs: &Orgs,
    app: Arc<App>,
) -> ControllerHandle {
    const NAME: &str = "AccountLogicalClusterTerminator";
    let tuples = AccountTuples { orgs: orgs.clone(), roles: Roles::TERMINATE };
    let lifecycle = Lifecycle::new(NAME).terminator(app.options.marker()).with(tuples);
    run(controller(NAME, fleet, provider, &app, &SUBROUTINES), NAME, lifecycle, app, |cluster, cx| {
        account(cluster, cx).is_some()
    })
}

/// The path of an account's workspace; none for organisations and for workspaces of no account.
fn account(cluster: &LogicalCluster, cx: &Cx<App>) -> Option<AccountPath> {
    account_path(cluster, cx.cluster()).filter(|path| !path.is_organization())
}

struct AccountTuples {
    orgs: Orgs,
    roles: Roles,
}

impl Subroutine<LogicalCluster, App> for AccountTuples {
    fn name(&self) -> &'static str {
        SUBROUTINE
    }

    fn roles(&self) -> Roles {
        self.roles
    }

    async fn process(&self, cluster: &mut LogicalCluster, cx: &Cx<App>) -> Result<Outcome, SubError> {
        let path = account(cluster, cx).ok_or("annotation kcp.io/path names no account")?;
        let org = path.organization();
        let store = match self.orgs.store(cx.fleet(), org) {
            Found::There(store) => usable_store(&store),
            _ => None,
        };
        let Some(store) = store else {
            return Ok(cx.stop(SUBROUTINE, cx, format!("the Store of organisation {org} is not ready yet")));
        };
        let own = own_ref(cluster, &path)?;
        let parent_client = cx.consumer(cx.fleet(), &own.origin_cluster);
        let parents: Api<LogicalCluster> = Api::all(parent_client.clone());
        let parent = parents.get(names::LOGICAL_CLUSTER_NAME).await;
        let parent = parent.map_err(|error| format!("reading the parent workspace: {error}"))?;
        let parent_path = AccountPath::parse(&path.parent())?;
        let parent = own_ref(&parent, &parent_path)?;
        let accounts: Api<Account> = Api::all(parent_client);
        let found =
            find(&accounts, &own.name).await.map_err(|error| format!("reading the Account: {error}"))?;
        let found = found.ok_or_else(|| format!("Account {} is not in the parent workspace", own.name))?;
        if is_deleting(&found) {
            // The terminator takes the tuples away; they must not come back.
            return Ok(Outcome::stop("the account is being deleted"));
        }
        let creator = found.spec.creator.as_deref().filter(|creator| !creator.is_empty());
        let creator = creator.ok_or("Account has no creator, so nobody could own it")?;
        cx.write_tuples(&store, &cx.names.of_new_account(&own, Some(&parent), creator)).await?;
        Ok(cx.done(SUBROUTINE, cx))
    }

    async fn terminate(&self, cluster: &mut LogicalCluster, cx: &Cx<App>) -> Result<Outcome, SubError> {
        let path = account(cluster, cx).ok_or("annotation kcp.io/path names no account")?;
        let store = match self.orgs.store(cx.fleet(), path.organization()) {
            Found::Unknown => return Ok(cx.stop(SUBROUTINE, cx, "Stores are not listed yet")),
            // With its store went all tuples of the organisation.
            Found::Absent | Found::Going => return Ok(cx.done(SUBROUTINE, cx)),
            Found::There(store) => store,
        };
        let id = store.status.as_ref().and_then(|status| status.store_id.clone()).unwrap_or_default();
        if id.is_empty() {
            return Ok(cx.done(SUBROUTINE, cx));
        }
        let id = id.into();
        let own = own_ref(cluster, &path)?;
        let inside = cx.cluster().id().as_str();
        let tuples = cx.tuples(&id).await?;
        let doomed: BTreeSet<&Tuple> = tuples
            .iter()
            .filter(|tuple| cx.names.names_account(tuple, &own) || is_inside(tuple, inside))
            .collect();
        cx.delete_tuples(&id, doomed).await?;
        Ok(cx.done(SUBROUTINE, cx))
    }
}

/// An account by its workspace: the cluster that holds the Account, and the Account's name.
fn own_ref(cluster: &LogicalCluster, path: &AccountPath) -> Result<AccountRef, SubError> {
    let owner = cluster.spec.owner.as_ref().map(|owner| owner.cluster.as_str()).filter(|id| !id.is_empty());
    let owner = owner.ok_or_else(|| format!("workspace {path} does not say which cluster owns it"))?;
    Ok(AccountRef::new(owner, path.name()))
}

/// Whether a tuple names an object of a workspace, or a role on one: `<type>:<cluster>/…`, `role:<type>/<cluster>/…`.
fn is_inside(tuple: &Tuple, cluster: &str) -> bool {
    let user = tuple.user.split_once('#').map_or(tuple.user.as_str(), |(object, _)| object);
    [tuple.object.as_str(), user].into_iter().any(|object| {
        let Some((type_, id)) = object.split_once(':') else { return false };
        let mut parts = id.split('/');
        let first = parts.next();
        let place = if type_ == "role" { parts.next() } else { first };
        place == Some(cluster) && parts.next().is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b_27_tuples_of_what_lies_in_a_workspace_are_found_and_no_others() {
        let inside = |object: &str, user: &str| is_inside(&Tuple::new(object, "r", user), "c1");
        assert!(inside("storage_example_io_bucket:c1/photos", "user:a"));
        assert!(inside("role:storage_example_io_bucket/c1/photos/owner", "user:a"));
        assert!(inside("x:other/y", "role:core_platform-mesh_io_account/c1/dev/owner#assignee"));
        assert!(!inside("x:c1", "user:c1"));
        assert!(!inside("x:c11/photos", "user:a"));
        assert!(!inside("role:c1/c2/photos/owner", "user:a"));
        assert!(!inside("role:authenticated", "user:*"));
    }
}
