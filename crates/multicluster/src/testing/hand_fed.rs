//! A scope whose watch is told by hand: stores, indexes and engagements without a server, a socket or a task.

use std::sync::Arc;

use futures::FutureExt as _;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Client, client::Body};

use crate::{
    Cached, ClientSpec, ClusterKey, ClusterSeed, Demux, Fleet, FleetStore, Gone, ProviderName, ReadCluster,
    ScopeId, Seen, WatchScope, WatchSink as _, feed::Feed, fleet::Scope,
};

/// One open scope of a fleet for one kind. What its watch would see is said with [`tell`](HandFed::tell), in any order a server could.
///
/// ```
/// use std::sync::Arc;
/// use k8s_openapi::api::core::v1::ConfigMap;
/// use multicluster::{ClusterId, Fleet, Seen, testing::HandFed};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # let _inside = runtime.enter();
/// let fleet = Fleet::empty();
/// let store = fleet.store::<ConfigMap>();
/// let by_generate_name = Arc::new(|meta: &kube::api::ObjectMeta| meta.generate_name.as_deref().map(ClusterId::from));
/// let mut scope = HandFed::open(&fleet, &store, "core", "shard", by_generate_name);
/// let mut map = Box::new(ConfigMap::default());
/// map.metadata.generate_name = Some("c1".into());
/// scope.tell(Seen::Applied(map));
/// assert!(store.all().is_empty(), "nobody reported the cluster");
/// scope.up("c1");
/// assert_eq!(store.all().len(), 1);
/// scope.close();
/// assert!(store.is_empty());
/// ```
pub struct HandFed<K: Cached> {
    fleet: Fleet,
    provider: ProviderName,
    scope: Arc<Scope>,
    client: Client,
    meta: Arc<ObjectMeta>,
    feed: Feed<K>,
}

impl<K: Cached> HandFed<K> {
    /// Opens a scope in which `read` says which cluster an object is in. Must be called inside a tokio runtime, which then has nothing to do.
    ///
    /// The store must be the only one of the fleet: the watches of others would find no server.
    pub fn open(
        fleet: &Fleet,
        store: &FleetStore<K>,
        provider: impl Into<ProviderName>,
        id: impl Into<ScopeId>,
        read: ReadCluster,
    ) -> Self {
        let nobody = tower::service_fn(|_: http::Request<Body>| async {
            Err::<http::Response<Body>, _>(kube::Error::Service("nobody serves this scope".into()))
        });
        let client = Client::new(nobody, "default");
        let provider = provider.into();
        let told =
            WatchScope { id: id.into(), client: client.clone(), redial: None, demux: Demux::Meta(read) };
        let scope = fleet.add_scope(&provider, told);
        store.core.add_scope(&scope);
        let feed = Feed::new(fleet, store.core.clone(), &scope);
        HandFed { fleet: fleet.clone(), provider, scope, client, meta: Arc::default(), feed }
    }

    /// What the watch sees next.
    pub fn tell(&mut self, seen: Seen<K>) {
        // A feed takes everything at once; it only waits for permits, which nobody asks for here.
        let _ = self.feed.seen(seen).now_or_never();
    }

    /// The provider reports a cluster in this scope.
    pub fn up(&self, cluster: &str) {
        let seed = ClusterSeed {
            id: cluster.into(),
            scope: self.scope.id.clone(),
            aliases: Vec::new(),
            client: ClientSpec::Own(self.client.clone()),
            meta: self.meta.clone(),
        };
        self.fleet.up(&self.provider, seed);
    }

    /// The provider takes a cluster out of this scope.
    pub fn down(&self, cluster: &str) {
        let key = ClusterKey { provider: self.provider.clone(), id: cluster.into() };
        self.fleet.withdraw(&key, &self.scope.id, Gone::Removed);
    }

    /// The scope closes, with all that is in it.
    pub fn close(self) {
        self.fleet.close_scope(&self.provider, &self.scope.id);
    }
}
