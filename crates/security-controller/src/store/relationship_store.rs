//! The relationship store itself: adopted by its name, made where there is none, and deleted with all it holds.

use fga_client::StoreId;
use kcp_api::core::v1alpha1::LogicalCluster;
use multicluster::{
    Cx, FleetStore,
    lifecycle::{Outcome, Roles, SubError, Subroutine},
};
use platform_mesh_api::{Account, AuthorizationModel, Store, StoreStatus, names};

use super::Extensions;
use crate::{
    app::{App, is_deleting},
    relationships::{find, gone_is_done},
    write::delete,
};

pub(super) const NAME: &str = "Store";

pub(super) struct RelationshipStoreOf {
    pub(super) extensions: Extensions,
    pub(super) accounts: FleetStore<Account>,
    pub(super) clusters: FleetStore<LogicalCluster>,
}

impl Subroutine<Store, App> for RelationshipStoreOf {
    fn name(&self) -> &'static str {
        NAME
    }

    fn roles(&self) -> Roles {
        Roles::PROCESS.and(Roles::FINALIZE)
    }

    fn finalizers(&self, _: &Store) -> Vec<&'static str> {
        vec![names::STORE_FINALIZER]
    }

    async fn process(&self, store: &mut Store, cx: &Cx<App>) -> Result<Outcome, SubError> {
        let name = store.metadata.name.clone().unwrap_or_default();
        let known =
            store.status.as_ref().and_then(|status| status.store_id.clone()).filter(|id| !id.is_empty());
        if let Some(id) = known {
            match cx.relationships.get_store(&StoreId::from(id)).await {
                Ok(_) => return Ok(cx.done(NAME, cx)),
                // It was deleted behind our back; what we wrote into it went with it.
                Err(error) if error.is_not_found() => {
                    tracing::warn!(store = name, "relationship store is gone, it is made again");
                    forget(store);
                }
                Err(error) => return Err(error.into()),
            }
        }
        let id = match find(cx.relationships.as_ref(), &name).await? {
            Some(id) => id,
            None => {
                let made = cx.relationships.create_store(&name).await?;
                tracing::info!(store = name, "relationship store made");
                made.id
            }
        };
        store.status.get_or_insert_with(StoreStatus::default).store_id = Some(id.to_string());
        Ok(cx.done(NAME, cx))
    }

    async fn finalize(&self, store: &mut Store, cx: &Cx<App>) -> Result<Outcome, SubError> {
        let name = store.metadata.name.clone().unwrap_or_default();
        let left = self.extensions.of(cx.cluster(), &name);
        if !left.is_empty() {
            if self.organization_goes(&name, cx) {
                // Bindings still hold the modules, and they end only after the organisation's Store.
                for (cluster, model) in left.iter().filter(|(_, model)| !is_deleting(model.as_ref())) {
                    let name = model.metadata.name.as_deref().unwrap_or_default();
                    delete(&cluster.all::<AuthorizationModel>(), name).await?;
                }
            }
            let why = format!("{} AuthorizationModels still refer to the Store", left.len());
            return Ok(cx.stop(NAME, cx, why));
        }
        let id = store.status.as_ref().and_then(|status| status.store_id.clone()).filter(|id| !id.is_empty());
        if let Some(id) = id.map(StoreId::from) {
            // Servers keep tuples of deleted stores; these are nobody's any more.
            let tuples = cx.tuples(&id).await?;
            cx.delete_tuples(&id, &tuples).await?;
            gone_is_done(cx.relationships.delete_store(&id).await)?;
            tracing::info!(store = name, "relationship store deleted");
        }
        Ok(cx.done(NAME, cx))
    }
}

impl RelationshipStoreOf {
    /// Whether the organisation of a Store is on its way out, by its Account or by its workspace.
    fn organization_goes(&self, name: &str, cx: &Cx<App>) -> bool {
        let account = self.accounts.of(cx.cluster()).get(name);
        let workspace = cx.fleet().resolve_in(&cx.core, &format!("{}:{name}", names::ORGS));
        let inside =
            workspace.and_then(|cluster| self.clusters.of(&cluster).get(names::LOGICAL_CLUSTER_NAME));
        account.is_some_and(|account| is_deleting(account.as_ref()))
            || inside.is_some_and(|cluster| is_deleting(cluster.as_ref()))
    }
}

fn forget(store: &mut Store) {
    if let Some(status) = &mut store.status {
        (status.store_id, status.authorization_model_id) = (None, None);
        status.managed_tuples.clear();
    }
}
