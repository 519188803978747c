//! The parts that every concept of this crate works with, as one value.

use std::sync::{Arc, OnceLock, Weak};

use apiserver::{
    ApiError, ApiServer, ApiSets, GroupVersionResource, Local, Partition, Scope, Store, UserInfo,
    server::Decorator,
};
use runtime::{Clock, Ids};
use serde_json::Value;

use crate::{
    api_sets::KcpApis,
    authentication::Authentication,
    authorization::{Action, AuthorizationAttributes, Chain, ResourceAction, decisions::Decisions},
    bound::Bound,
    feeds::Feeds,
    identity,
    options::Options,
    policies::Policies,
    rbac_index::RbacIndex,
    tree::Tree,
    webhooks::Configurations,
};

/// Name of the one shard.
pub const SHARD: &str = "root";
pub use kcp_api::keys::{ADMIN_CLUSTER as SYSTEM_ADMIN, CLUSTER as CLUSTER_ANNOTATION, ROOT_CLUSTER as ROOT};

/// What runs behind every request and every loop.
pub struct Core {
    /// The Kubernetes API machinery.
    pub server: ApiServer,
    /// Which resources each cluster serves.
    pub apis: Arc<KcpApis>,
    /// Workspace tree.
    pub tree: Arc<Tree>,
    /// Exports, schemas and bindings: what clusters serve because they bound it.
    pub bound: Arc<Bound>,
    /// Admission webhooks by cluster.
    pub webhooks: Arc<Configurations>,
    /// Admission policies by cluster.
    pub(crate) policies: Arc<Policies>,
    /// Roles and bindings.
    pub rbac: Arc<RbacIndex>,
    /// Feeds of all indexes.
    pub feeds: Arc<Feeds>,
    /// The authorizer chain.
    pub chain: Chain,
    /// Who is calling.
    pub authentication: OnceLock<Authentication>,
    /// Recent decisions.
    pub decisions: Decisions,
    /// Time.
    pub clock: Clock,
    /// Ids and randomness.
    pub ids: Ids,
    /// What the server was started with.
    pub options: Options,
    /// Base of all published URLs, without a slash at the end; set before anything is published.
    pub external_url: OnceLock<String>,
    /// Identity hash of root's tenancy export: where workspaces and their types are stored.
    pub tenancy_identity: OnceLock<String>,
    /// CA of the serving certificate, PEM.
    pub ca_pem: OnceLock<String>,
}

/// A handle that does not keep the server alive, for parts the server itself holds.
pub type WeakCore = Weak<Core>;

/// The core behind a weak handle, its indexes up to the newest revision.
///
/// # Errors
/// 503 while the server starts or after it stopped.
pub fn upgrade(core: &WeakCore) -> Result<Arc<Core>, ApiError> {
    let core = core.upgrade().ok_or_else(|| ApiError::unavailable("the server is not running"))?;
    core.feeds.catch_up();
    Ok(core)
}

impl Core {
    /// The store.
    pub fn store(&self) -> &Store {
        self.server.store()
    }

    /// Base of published URLs.
    pub fn external_url(&self) -> &str {
        self.external_url.get().map_or("https://localhost:6443", String::as_str)
    }

    /// Identity hash of root's tenancy export; empty until root is set up.
    pub fn tenancy_identity(&self) -> &str {
        self.tenancy_identity.get().map_or("", String::as_str)
    }

    /// A handle in one cluster in somebody's name: with admission, without authorization.
    pub fn local(&self, cluster: &Partition, user: UserInfo) -> Local {
        let apis: Arc<dyn ApiSets> = self.apis.clone();
        self.server.local(Scope::One(cluster.clone()), apis, user)
    }

    /// A handle in one cluster for a loop of the server itself.
    pub fn controller(&self, cluster: &Partition, name: &str) -> Local {
        self.local(cluster, identity::privileged(&format!("system:kcp:controller:{name}")))
    }

    /// Reads an object in a cluster; `None` if it or its resource is not there.
    pub async fn read(&self, cluster: &Partition, gvr: &GroupVersionResource, name: &str) -> Option<Value> {
        self.controller(cluster, "reader").get(gvr, "", name).await.ok()
    }

    /// Whether the caller may do this in another cluster, judged without workspace access there: kcp's deep question.
    pub async fn deep_allowed(&self, user: &UserInfo, cluster: &Partition, action: ResourceAction) -> bool {
        self.feeds.catch_up();
        let question = AuthorizationAttributes {
            user: user.clone(),
            cluster: Some(cluster.clone()),
            action: Action::Resource(action),
            deep: true,
        };
        self.chain.authorize(&question).await.outcome().is_allow()
    }

    /// The canonical URL of a cluster by its path or name.
    pub fn cluster_url(&self, path_or_name: &str) -> String {
        format!("{}/clusters/{path_or_name}", self.external_url())
    }
}

/// Adds `kcp.io/cluster` to what leaves the store and drops it from what enters.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClusterAnnotation;

impl Decorator for ClusterAnnotation {
    fn decorate(&self, partition: &Partition, object: &mut Value) {
        let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
        let annotations =
            metadata.entry("annotations").or_insert_with(|| Value::Object(serde_json::Map::new()));
        if annotations.is_null() {
            *annotations = Value::Object(serde_json::Map::new());
        }
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.insert(CLUSTER_ANNOTATION.to_owned(), partition.as_str().into());
        }
    }

    fn strip(&self, _partition: &Partition, object: &mut Value) {
        let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
        let emptied = match metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            Some(annotations) => annotations.remove(CLUSTER_ANNOTATION).is_some() && annotations.is_empty(),
            None => false,
        };
        if emptied {
            metadata.remove("annotations");
        }
    }
}
