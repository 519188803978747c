//! Accounts behind logical clusters: which one, in which store.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use fga_client::StoreId;
use kcp_api::core::v1alpha1::LogicalCluster;
use multicluster::{Cluster, ClusterKey, Fleet, FleetStore, Lookup, ProviderName};
use platform_mesh_api::Store;
use tokio::time::Instant;

use crate::Account;

/// What is known of a logical cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Workspace {
    /// The workspace of an account.
    Known(Arc<WorkspaceInfo>),
    /// A workspace that no organisation owns.
    Irrelevant,
    /// Not known, or not completely.
    Resolving,
}

/// The account of a workspace, and the store of its organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkspaceInfo {
    /// The account.
    pub account: Account,
    /// Where its organisation's relationships are.
    pub store: StoreId,
}

/// Knows workspaces.
#[async_trait]
pub trait Workspaces: Send + Sync {
    /// The workspace of a cluster; waits a moment for one that is coming.
    async fn find(&self, cluster: &str) -> Workspace;

    /// The cluster of the workspace of all organisations.
    fn orgs(&self) -> Option<String>;
}

const ORGS_PATH: &str = "root:orgs";

/// Longest wait for a workspace that is coming, within one request.
const PATIENCE: Duration = Duration::from_millis(500);
/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(5);
/// How long a cluster that stayed unknown is not waited for again.
const FORGET: Duration = Duration::from_secs(5);
/// Most clusters that are remembered as unknown.
const UNKNOWN_MAX: usize = 4_096;

/// Workspaces as the fleet of an APIExport sees them: live, from the shared stores, with no request of its own.
pub struct FleetWorkspaces {
    fleet: Fleet,
    provider: ProviderName,
    clusters: FleetStore<LogicalCluster>,
    stores: FleetStore<Store>,
    unknown: parking_lot::Mutex<std::collections::HashMap<String, Instant>>,
}

impl FleetWorkspaces {
    /// Over the clusters that `provider` of the fleet reports.
    pub fn new(fleet: &Fleet, provider: impl Into<ProviderName>) -> Self {
        Self {
            fleet: fleet.clone(),
            provider: provider.into(),
            clusters: fleet.store(),
            stores: fleet.store(),
            unknown: parking_lot::Mutex::default(),
        }
    }

    /// Ready when clusters and stores are listed.
    pub async fn ready(&self) {
        self.clusters.ready().await;
        self.stores.ready().await;
    }

    fn look(&self, cluster: &str) -> Workspace {
        let key = ClusterKey::new(self.provider.clone(), cluster);
        let Lookup::Engaged(engaged) = self.fleet.cluster(&key) else { return Workspace::Resolving };
        let Some(logical) = self.clusters.of(&engaged).get("cluster") else { return Workspace::Resolving };
        let Some(path) = kcp_api::path_of(logical.as_ref()).map(|p| p.to_string()) else {
            return Workspace::Resolving;
        };
        let Some(below) = path.strip_prefix(ORGS_PATH).and_then(|rest| rest.strip_prefix(':')) else {
            return Workspace::Irrelevant;
        };
        let org = below.split(':').next().unwrap_or_default();
        let name = below.rsplit(':').next().unwrap_or_default();
        let parent = logical.spec.owner.as_ref().map(|owner| owner.cluster.clone()).unwrap_or_default();
        match self.store_of(org) {
            Some(store) if !parent.is_empty() => Workspace::Known(Arc::new(WorkspaceInfo {
                account: Account { cluster: cluster.to_owned(), parent, name: name.to_owned() },
                store,
            })),
            _ => Workspace::Resolving,
        }
    }

    fn store_of(&self, org: &str) -> Option<StoreId> {
        let store = self.stores.of(&self.orgs_cluster()?).get(org)?;
        let id = store.status.as_ref()?.store_id.clone()?;
        Some(StoreId::new(id))
    }

    fn orgs_cluster(&self) -> Option<Cluster> {
        self.fleet.resolve_in(&self.provider, ORGS_PATH)
    }

    fn is_given_up(&self, cluster: &str) -> bool {
        self.unknown.lock().get(cluster).is_some_and(|then| then.elapsed() < FORGET)
    }

    fn give_up(&self, cluster: &str) {
        let mut unknown = self.unknown.lock();
        if unknown.len() >= UNKNOWN_MAX {
            unknown.clear();
        }
        unknown.insert(cluster.to_owned(), Instant::now());
    }
}

#[async_trait]
impl Workspaces for FleetWorkspaces {
    async fn find(&self, cluster: &str) -> Workspace {
        let begin = Instant::now();
        loop {
            let found = self.look(cluster);
            if found != Workspace::Resolving || self.is_given_up(cluster) {
                return found;
            }
            if begin.elapsed() >= PATIENCE {
                self.give_up(cluster);
                return found;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn orgs(&self) -> Option<String> {
        self.orgs_cluster().map(|cluster| cluster.id().to_string())
    }
}
