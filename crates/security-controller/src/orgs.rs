//! What is known of `root:orgs`: one watch for each kind, so that waiting for another process costs no requests.

use std::sync::Arc;

use kcp_api::tenancy::v1alpha1::WorkspaceType;
use kube::{Client, Resource as _};
use multicluster::{Cached, Cluster, ClusterKey, Fleet, FleetStore};
use platform_mesh_api::{Account, IdentityProviderConfiguration, Store, names};

use crate::app::is_deleting;

/// Name of the provider that stands for `root:orgs`.
pub(crate) const PROVIDER: &str = "orgs";

/// What a look at one object gives.
pub(crate) enum Found<K> {
    /// The kind was not listed so far.
    Unknown,
    /// It is not there.
    Absent,
    /// It is there and on its way out.
    Going,
    /// It is there.
    There(Arc<K>),
}

/// The objects of `root:orgs`. Clones share them.
#[derive(Clone)]
pub(crate) struct Orgs {
    accounts: FleetStore<Account>,
    stores: FleetStore<Store>,
    realms: FleetStore<IdentityProviderConfiguration>,
    types: FleetStore<WorkspaceType>,
}

impl Orgs {
    /// Watches start with this.
    pub(crate) fn new(fleet: &Fleet) -> Self {
        Self {
            accounts: fleet.store_in(PROVIDER),
            stores: fleet.store_in(PROVIDER),
            realms: fleet.store_in(PROVIDER),
            types: fleet.store_in(PROVIDER),
        }
    }

    fn cluster(fleet: &Fleet) -> Option<Cluster> {
        fleet.cluster(&ClusterKey::new(PROVIDER, "local")).engaged()
    }

    /// A client for `root:orgs` itself.
    pub(crate) fn client(kcp: &crate::app::App) -> Client {
        kcp.direct(names::ORGS)
    }

    fn look<K: Cached>(store: &FleetStore<K>, fleet: &Fleet, name: &str) -> Found<K> {
        let Some(view) = Self::cluster(fleet).map(|cluster| store.of(&cluster)) else {
            return Found::Unknown;
        };
        match view.get(name) {
            Some(object) if object.meta().deletion_timestamp.is_some() => Found::Going,
            Some(object) => Found::There(object),
            None if view.is_synced() => Found::Absent,
            None => Found::Unknown,
        }
    }

    /// The Account of an organisation.
    pub(crate) fn account(&self, fleet: &Fleet, org: &str) -> Found<Account> {
        Self::look(&self.accounts, fleet, org)
    }

    /// The Store of an organisation.
    pub(crate) fn store(&self, fleet: &Fleet, org: &str) -> Found<Store> {
        Self::look(&self.stores, fleet, org)
    }

    /// The realm of an organisation.
    pub(crate) fn realm(&self, fleet: &Fleet, org: &str) -> Found<IdentityProviderConfiguration> {
        Self::look(&self.realms, fleet, org)
    }

    /// The WorkspaceTypes of an organisation; none before they were listed.
    pub(crate) fn types(&self, fleet: &Fleet, org: &str) -> Option<Vec<Arc<WorkspaceType>>> {
        let view = self.types.of(&Self::cluster(fleet)?);
        if !view.is_synced() {
            return None;
        }
        let belongs = |type_: &Arc<WorkspaceType>| {
            let labels = type_.meta().labels.as_ref();
            labels.and_then(|labels| labels.get(names::ORG_LABEL)).is_some_and(|value| value == org)
                && !is_deleting(type_.as_ref())
        };
        Some(view.list().into_iter().filter(belongs).collect())
    }
}

/// The id of a Store's relationship store, once it also has a model to write tuples against.
pub(crate) fn usable_store(store: &Store) -> Option<fga_client::StoreId> {
    let status = store.status.as_ref()?;
    let id = status.store_id.as_deref().filter(|id| !id.is_empty())?;
    status.authorization_model_id.as_deref().filter(|id| !id.is_empty())?;
    Some(id.into())
}
