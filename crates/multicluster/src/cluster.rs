//! A handle on one engagement of one cluster.

use std::sync::Arc;

use k8s_openapi::{NamespaceResourceScope, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{Api, Client, Resource};
use parking_lot::Mutex;
use runtime::Stop;
use tokio::time::Instant;

use crate::{
    Cached, ClientSpec, ClusterApi, ClusterId, ClusterKey, ClusterObjectRef, Epoch, Gone, ObjectKey,
    client::ClientCache, coordination::slot_of,
};

/// One engaged cluster. Cheap to clone, costs no connection; its epoch tells it from an earlier or later life of the same cluster.
#[derive(Clone)]
pub struct Cluster(Arc<Inner>);

struct Inner {
    key: ClusterKey,
    epoch: Epoch,
    scope: u32,
    slot: u16,
    spec: ClientSpec,
    clients: Arc<ClientCache>,
    engaged_at: Instant,
    seen: Mutex<(Vec<Arc<str>>, Arc<ObjectMeta>)>,
    gone: Stop,
    why: Mutex<Option<Gone>>,
}

pub(crate) const DETACHED: u32 = u32::MAX;

impl Cluster {
    pub(crate) fn engage(
        key: ClusterKey,
        epoch: Epoch,
        scope: u32,
        spec: ClientSpec,
        clients: Arc<ClientCache>,
        aliases: Vec<Arc<str>>,
        meta: Arc<ObjectMeta>,
    ) -> Self {
        Cluster(Arc::new(Inner {
            slot: slot_of(&key),
            key,
            epoch,
            scope,
            spec,
            clients,
            engaged_at: Instant::now(),
            seen: Mutex::new((aliases, meta)),
            gone: Stop::new(),
            why: Mutex::new(None),
        }))
    }

    /// A cluster of no fleet, for testing reconcilers and for one-off programs.
    pub fn detached(key: ClusterKey, client: Client) -> Self {
        let clients = Arc::new(ClientCache::new(1));
        Self::engage(key, Epoch(0), DETACHED, ClientSpec::Own(client), clients, Vec::new(), Arc::default())
    }

    /// Provider and id.
    pub fn key(&self) -> &ClusterKey {
        &self.0.key
    }

    /// What the provider calls it.
    pub fn id(&self) -> &ClusterId {
        &self.0.key.id
    }

    /// This engagement.
    pub fn epoch(&self) -> Epoch {
        self.0.epoch
    }

    /// Other names, for kcp the workspace path.
    pub fn aliases(&self) -> Vec<Arc<str>> {
        self.0.seen.lock().0.clone()
    }

    /// The first alias: for kcp the workspace path.
    pub fn alias(&self) -> Option<Arc<str>> {
        self.0.seen.lock().0.first().cloned()
    }

    /// Metadata of the object that stands for the cluster, as last seen.
    pub fn meta(&self) -> Arc<ObjectMeta> {
        self.0.seen.lock().1.clone()
    }

    /// A kube client for this cluster; made when first asked for, a bounded number is kept in the process.
    pub fn client(&self) -> Client {
        self.0.clients.get(self.0.epoch, &self.0.spec)
    }

    /// The objects of a kind in this cluster, without anything kept for the cluster: for hot paths over many clusters.
    pub fn api<K: Cached<DynamicType = ()>>(&self) -> ClusterApi<K> {
        self.api_with(())
    }

    /// The twin of [`api`](Cluster::api) for dynamic kinds.
    pub fn api_with<K: Cached>(&self, dt: K::DynamicType) -> ClusterApi<K> {
        ClusterApi::new(&self.0.spec, dt)
    }

    /// All objects of a kind in this cluster.
    pub fn all<K: Resource<DynamicType = ()>>(&self) -> Api<K> {
        Api::all(self.client())
    }

    /// The twin of [`all`](Cluster::all) for dynamic kinds.
    pub fn all_with<K: Resource>(&self, dt: &K::DynamicType) -> Api<K> {
        Api::all_with(self.client(), dt)
    }

    /// The objects of a kind in one namespace of this cluster.
    pub fn namespaced<K: Resource<DynamicType = (), Scope = NamespaceResourceScope>>(
        &self,
        namespace: &str,
    ) -> Api<K> {
        Api::namespaced(self.client(), namespace)
    }

    /// The twin of [`namespaced`](Cluster::namespaced) for dynamic kinds.
    pub fn namespaced_with<K>(&self, namespace: &str, dt: &K::DynamicType) -> Api<K>
    where
        K: Resource<Scope = kube::core::DynamicResourceScope>,
    {
        Api::namespaced_with(self.client(), namespace, dt)
    }

    /// An object of this cluster, as a controller's queue names it.
    pub fn object(&self, object: ObjectKey) -> ClusterObjectRef {
        object.in_cluster(&self.0.key)
    }

    /// Whether, and why, this engagement ended.
    pub fn is_gone(&self) -> Option<Gone> {
        *self.0.why.lock()
    }

    /// Waits until this engagement ends.
    pub async fn gone(&self) -> Gone {
        self.0.gone.cancelled().await;
        self.is_gone().unwrap_or(Gone::Removed)
    }

    /// How long this engagement lasts.
    pub fn age(&self) -> std::time::Duration {
        self.0.engaged_at.elapsed()
    }

    pub(crate) fn scope(&self) -> u32 {
        self.0.scope
    }

    /// The slot that the cluster hashes into.
    pub(crate) fn slot(&self) -> u16 {
        self.0.slot
    }

    pub(crate) fn refresh(&self, aliases: Vec<Arc<str>>, meta: Arc<ObjectMeta>) {
        *self.0.seen.lock() = (aliases, meta);
    }

    pub(crate) fn end(&self, why: Gone) {
        self.0.why.lock().get_or_insert(why);
        self.0.gone.stop();
        self.0.clients.forget(self.0.epoch);
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (epoch {})", self.0.key, self.0.epoch)
    }
}
