//! The Store of an organisation: its core module, and the tuples that make the creator the owner.

use account_model::AccountRef;
use kcp_api::core::v1alpha1::LogicalCluster;
use kube::Api;
use multicluster::{
    Cx,
    lifecycle::{Outcome, Roles, SubError, Subroutine},
};
use platform_mesh_api::{Account, AccountInfo, Store, StoreSpec, Tuple, names};
use serde_json::json;

use super::{account_info, name_of};
use crate::{
    app::App,
    orgs::{Found, Orgs},
    write::{Written, difference, ensure_spec, patch},
};

pub(super) const NAME: &str = "WorkspaceInitializer";

pub(super) struct OrganizationStore {
    pub(super) orgs: Orgs,
    pub(super) roles: Roles,
}

impl Subroutine<LogicalCluster, App> for OrganizationStore {
    fn name(&self) -> &'static str {
        NAME
    }

    fn roles(&self) -> Roles {
        self.roles
    }

    async fn process(&self, cluster: &mut LogicalCluster, cx: &Cx<App>) -> Result<Outcome, SubError> {
        let org = name_of(cluster, cx)?;
        let account = match self.orgs.account(cx.fleet(), &org) {
            Found::There(account) => account,
            Found::Going => return Ok(Outcome::stop("the organisation is being deleted")),
            Found::Unknown | Found::Absent => {
                return Ok(cx.stop(NAME, cx, format!("Account {org} is not seen yet")));
            }
        };
        let Some(info) = account_info(cx).await? else {
            return Ok(cx.pending(NAME, cx, "AccountInfo is not there yet"));
        };
        let tuples = tuples(&account, &info, cx.app())?;
        let store = match self.orgs.store(cx.fleet(), &org) {
            Found::Unknown => return Ok(cx.pending(NAME, cx, "Stores are not listed yet")),
            Found::Going => {
                return Ok(cx.pending(NAME, cx, "the Store of an earlier organisation is being deleted"));
            }
            Found::Absent => None,
            Found::There(store) => Some(store),
        };
        let spec =
            StoreSpec { core_module: cx.core_module.clone(), tuples: tuples.clone(), ..StoreSpec::default() };
        let fields = json!({ "coreModule": spec.core_module, "tuples": spec.tuples });
        let api: Api<Store> = Api::all(Orgs::client(cx));
        let written = ensure_spec(&api, store.as_deref(), &Store::new(&org, spec), fields).await;
        match written.map_err(|error| format!("writing Store {org}: {error}"))? {
            Written::Unchanged => {}
            Written::Done | Written::Outdated => return Ok(cx.pending(NAME, cx, "the Store was written")),
        }
        let Some(id) = store.as_deref().and_then(|store| ready_store(store, &tuples)) else {
            return Ok(cx.pending(NAME, cx, "the Store is not ready yet"));
        };
        tell_account_info(&info, id, cx).await?;
        Ok(cx.done(NAME, cx))
    }
}

/// What makes the creator the owner, and everybody a member where that is wanted.
fn tuples(account: &Account, info: &AccountInfo, app: &App) -> Result<Vec<Tuple>, SubError> {
    let creator = account.spec.creator.as_deref().filter(|creator| !creator.is_empty());
    let creator = creator.ok_or("Account has no creator, so nobody could own the organisation")?;
    let organization = AccountRef::from(info);
    let mut tuples = app.names.of_new_account(&organization, None, creator);
    if app.options.allow_member_tuples_enabled {
        tuples.extend(app.names.open_membership(&organization));
    }
    Ok(tuples)
}

/// The id of a Store that holds all wanted tuples.
fn ready_store<'a>(store: &'a Store, tuples: &[Tuple]) -> Option<&'a str> {
    let status = store.status.as_ref()?;
    let holds = tuples.iter().all(|tuple| status.managed_tuples.contains(tuple));
    status.store_id.as_deref().filter(|id| holds && !id.is_empty())
}

/// People find the store of an organisation in AccountInfo.
async fn tell_account_info(info: &AccountInfo, id: &str, cx: &Cx<App>) -> Result<(), SubError> {
    if info.spec.fga.store.id == id {
        return Ok(());
    }
    let spec = serde_json::to_value(&info.spec)?;
    let Some(fga) = difference(&spec["fga"], &json!({ "store": { "id": id } })) else { return Ok(()) };
    let api = cx.cluster().all::<AccountInfo>();
    // Only this field: whoever writes beside it needs no second try.
    let body = json!({ "spec": { "fga": fga } });
    match patch(&api, names::ACCOUNT_INFO_NAME, None, body).await {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("writing the store into AccountInfo: {error}").into()),
    }
}
