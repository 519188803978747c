//! A provider: a watcher whose objects are clusters.

use std::sync::Arc;

use futures::stream::BoxStream;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;

use crate::{ClusterId, ProviderName, ScopeId};

/// Why a cluster is not in the fleet any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gone {
    /// The provider says that it does not exist any more.
    Removed,
    /// It is served by another scope now; a new epoch follows at once.
    MovedScope,
    /// The scope that served it was closed.
    ScopeClosed,
    /// Everything of its scope is forbidden.
    Forbidden,
    /// The provider stopped.
    ProviderStopped,
}

impl Gone {
    /// The metric label.
    pub fn name(self) -> &'static str {
        match self {
            Gone::Removed => "removed",
            Gone::MovedScope => "moved_scope",
            Gone::ScopeClosed => "scope_closed",
            Gone::Forbidden => "forbidden",
            Gone::ProviderStopped => "provider_stopped",
        }
    }
}

/// Reads from an object's metadata which cluster it belongs to.
pub type ReadCluster = Arc<dyn Fn(&ObjectMeta) -> Option<ClusterId> + Send + Sync>;

/// How to find out which cluster an object of a scope belongs to.
#[derive(Clone)]
pub enum Demux {
    /// The scope serves one cluster.
    Single(ClusterId),
    /// The object's metadata says it; objects for which it does not are counted and dropped, never guessed.
    Meta(ReadCluster),
}

impl Demux {
    /// The cluster of an object.
    pub fn cluster(&self, meta: &ObjectMeta) -> Option<ClusterId> {
        match self {
            Demux::Single(id) => Some(id.clone()),
            Demux::Meta(read) => read(meta),
        }
    }
}

/// Makes a client over a fresh connection.
pub type Redial = Arc<dyn Fn() -> Result<Client, kube::Error> + Send + Sync>;

/// One place where clusters are listed and watched together: a shard's URL, or one cluster.
#[derive(Clone)]
pub struct WatchScope {
    /// What the provider calls it; the same id means the same scope.
    pub id: ScopeId,
    /// Lists and watches over all clusters of the scope.
    pub client: Client,
    /// How to connect anew when a watch goes silent; without it the same client is used.
    pub redial: Option<Redial>,
    /// How to tell the clusters apart.
    pub demux: Demux,
}

/// How to talk to one cluster. Costs nothing until somebody asks for a client.
#[derive(Clone)]
pub enum ClientSpec {
    /// The base client with a path put before every request's path.
    Prefix {
        /// A client whose root is the prefix's parent.
        base: Client,
        /// For example `/clusters/2xj8f9k3m5n7p1q4`.
        path: Arc<str>,
    },
    /// A client of its own.
    Own(Client),
}

/// A cluster as its provider reports it.
#[derive(Clone)]
pub struct ClusterSeed {
    /// The provider's name for it.
    pub id: ClusterId,
    /// The scope that serves it.
    pub scope: ScopeId,
    /// Other names by which [`Fleet::resolve`](crate::Fleet::resolve) finds it; for kcp its path.
    pub aliases: Vec<Arc<str>>,
    /// How to talk to it.
    pub client: ClientSpec,
    /// Metadata of the object that stands for it.
    pub meta: Arc<ObjectMeta>,
}

/// What a provider reports.
#[derive(Clone)]
pub enum FleetEvent {
    /// A complete report begins: what is not repeated before [`InitDone`](FleetEvent::InitDone) is gone.
    Init,
    /// A scope can be watched.
    ScopeUp(WatchScope),
    /// A scope is gone, with all its clusters.
    ScopeDown(ScopeId),
    /// A cluster is there. The same cluster in another scope is a move.
    Up(ClusterSeed),
    /// Aliases or metadata of a cluster changed.
    Changed(ClusterSeed),
    /// A cluster is gone from a scope; without effect if another scope serves it by now.
    Down {
        /// The cluster.
        id: ClusterId,
        /// The scope that reports it.
        scope: ScopeId,
        /// Why.
        why: Gone,
    },
    /// The complete report ends.
    InitDone,
    /// Something does not work; what is known stays.
    Degraded {
        /// The scope, where it is about one.
        scope: Option<ScopeId>,
        /// In words, with verb and resource.
        reason: String,
    },
    /// What was degraded works again.
    Recovered {
        /// The scope, where it is about one.
        scope: Option<ScopeId>,
    },
}

/// An item that a provider could not report.
#[derive(Debug, thiserror::Error)]
#[error("provider `{provider}`: {reason}")]
pub struct ProviderError {
    /// The provider.
    pub provider: ProviderName,
    /// In words, with verb and resource.
    pub reason: String,
}

/// A source of clusters. It only reports; epochs, clients, watches and stores are the fleet's.
///
/// Errors are items, not the end. A stream that ends is asked for again, with backoff. Dropping the stream stops the provider.
pub trait Provider: Send + Sync + 'static {
    /// The name, unique in the fleet.
    fn name(&self) -> ProviderName;
    /// Starts reporting, from the beginning.
    fn fleet(self: Arc<Self>) -> BoxStream<'static, Result<FleetEvent, ProviderError>>;
}

/// The host cluster as a provider with one cluster named `local`, always there.
pub struct Local {
    name: ProviderName,
    client: Client,
}

impl Local {
    /// One cluster `local/local`.
    pub fn new(client: Client) -> Self {
        Self::named("local", client)
    }

    /// One cluster `NAME/local`.
    pub fn named(name: impl Into<ProviderName>, client: Client) -> Self {
        Local { name: name.into(), client }
    }
}

impl Provider for Local {
    fn name(&self) -> ProviderName {
        self.name.clone()
    }

    fn fleet(self: Arc<Self>) -> BoxStream<'static, Result<FleetEvent, ProviderError>> {
        let id = ClusterId::from("local");
        let scope = WatchScope {
            id: ScopeId::from("local"),
            client: self.client.clone(),
            redial: None,
            demux: Demux::Single(id.clone()),
        };
        let seed = ClusterSeed {
            id,
            scope: scope.id.clone(),
            aliases: Vec::new(),
            client: ClientSpec::Own(self.client.clone()),
            meta: Arc::default(),
        };
        let all = [FleetEvent::Init, FleetEvent::ScopeUp(scope), FleetEvent::Up(seed), FleetEvent::InitDone];
        use futures::StreamExt as _;
        futures::stream::iter(all.map(Ok)).chain(futures::stream::pending()).boxed()
    }
}
