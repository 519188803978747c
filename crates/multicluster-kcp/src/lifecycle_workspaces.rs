//! Workspaces that wait for an initializer or a terminator, through the virtual workspaces of a WorkspaceType.

use std::{
    collections::VecDeque,
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures::stream::BoxStream;
use kcp_api::{
    InitializerName,
    core::v1alpha1::LogicalCluster,
    tenancy::v1alpha1::{VirtualWorkspaceType, WorkspaceType},
};
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use multicluster::{Cluster, Epoch, FleetEvent, Provider, ProviderError, ProviderName};
use parking_lot::Mutex;
use serde_json::json;

use crate::{
    Connection, Lister,
    endpoints::{Endpoints, FLAP_WINDOW, Scopes, Source},
    state::{Lapse, cluster_of},
};

/// Why a marker was not removed or found.
#[derive(Debug, thiserror::Error)]
pub enum CompleteError {
    /// The logical cluster could not be read or patched.
    #[error("`{marker}` cannot be removed from `{cluster}`")]
    Request {
        /// The initializer or terminator.
        marker: String,
        /// The cluster.
        cluster: String,
        /// The cause.
        #[source]
        source: Box<kube::Error>,
    },
    /// Somebody else wrote each time.
    #[error("`{marker}` cannot be removed from `{cluster}`: it changed during {tries} tries")]
    Conflict {
        /// The initializer or terminator.
        marker: String,
        /// The cluster.
        cluster: String,
        /// How often it was tried.
        tries: u32,
    },
    /// The patch does not build.
    #[error("patch that removes a marker does not build: {0}")]
    Patch(String),
    /// The type could not be read.
    #[error("WorkspaceType `{name}` cannot be read")]
    Type {
        /// Its name.
        name: String,
        /// The cause.
        #[source]
        source: Box<kube::Error>,
    },
    /// The type does not say which cluster it is in.
    #[error("WorkspaceType `{name}` names no cluster in annotation `kcp.io/cluster`")]
    NoCluster {
        /// Its name.
        name: String,
    },
    /// No virtual workspace was seen so far.
    #[error("WorkspaceType `{name}` has no virtual workspace so far")]
    NoEndpoint {
        /// Its name.
        name: String,
    },
}

impl CompleteError {
    fn is_forbidden(&self) -> bool {
        matches!(self, CompleteError::Request { source, .. }
            if matches!(source.as_ref(), kube::Error::Api(status) if status.code == 403))
    }

    /// The next step.
    pub fn help(&self) -> &'static str {
        match self {
            CompleteError::Request { .. } => {
                "the user needs the verb `initialize` or `terminate` on the WorkspaceType, in the workspace of the type"
            }
            CompleteError::Conflict { .. } => {
                "try again: other controllers are at work in the same workspace"
            }
            CompleteError::Patch(_) => "please report this",
            CompleteError::Type { .. } => {
                "check the name, the workspace of the connection, and the right to read it"
            }
            CompleteError::NoCluster { .. } => {
                "the server is no kcp, or it is older than annotation `kcp.io/cluster`"
            }
            CompleteError::NoEndpoint { .. } => "wait until the type's status has URLs of virtual workspaces",
        }
    }
}

/// Which half of the life cycle.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    Initializing,
    Terminating,
}

impl Half {
    fn type_(self) -> VirtualWorkspaceType {
        match self {
            Half::Initializing => VirtualWorkspaceType::Initializing,
            Half::Terminating => VirtualWorkspaceType::Terminating,
        }
    }

    fn segment(self) -> &'static str {
        match self {
            Half::Initializing => "/initializingworkspaces/",
            Half::Terminating => "/terminatingworkspaces/",
        }
    }

    fn field(self) -> &'static str {
        match self {
            Half::Initializing => "initializers",
            Half::Terminating => "terminators",
        }
    }

    fn markers(self, cluster: &LogicalCluster) -> &[String] {
        match (&cluster.status, self) {
            (None, _) => &[],
            (Some(status), Half::Initializing) => &status.initializers,
            (Some(status), Half::Terminating) => &status.terminators,
        }
    }
}

struct Both {
    half: Half,
    name: ProviderName,
    connection: Connection,
    type_: String,
    scopes: Scopes,
    url: Arc<OnceLock<String>>,
    /// Engagements whose marker was removed here, the last ones.
    completed: Mutex<VecDeque<Epoch>>,
}

/// How many completed engagements are remembered: enough for those whose end was not seen yet.
const COMPLETED: usize = 1024;

/// The name behind the segment of a virtual workspace's URL: `<cluster>:<type>`.
fn marker_of(half: Half, url: &str) -> Option<String> {
    let (_, rest) = url.split_once(half.segment())?;
    let name = rest.split('/').next()?;
    (!name.is_empty()).then(|| name.replace("%3A", ":").replace("%3a", ":"))
}

impl Both {
    fn new(half: Half, connection: Connection, type_: String) -> Self {
        Both {
            half,
            name: half.field().into(),
            connection,
            type_,
            scopes: Scopes::default(),
            url: Arc::default(),
            completed: Mutex::default(),
        }
    }

    fn endpoints(&self) -> Endpoints<WorkspaceType, LogicalCluster> {
        let half = self.half;
        let urls = move |type_: &WorkspaceType| {
            let all =
                type_.status.as_ref().map(|status| status.virtual_workspaces.as_slice()).unwrap_or_default();
            let ours = all.iter().filter(|workspace| match &workspace.type_ {
                Some(type_) => *type_ == half.type_(),
                // Older servers do not say which half a URL serves.
                None => workspace.url.contains(half.segment()),
            });
            ours.map(|workspace| workspace.url.trim_end_matches('/').to_owned()).collect()
        };
        let qualifies = move |cluster: &LogicalCluster, url: &str| {
            let marker = marker_of(half, url);
            half.markers(cluster).iter().any(|held| Some(held) == marker.as_ref())
        };
        Endpoints {
            connection: self.connection.clone(),
            source: Source::Object { name: self.type_.clone(), urls: Arc::new(urls) },
            qualifies: Arc::new(qualifies),
            lapse: Lapse::AtOnce,
            flap_window: FLAP_WINDOW,
            scopes: self.scopes.clone(),
            last_url: self.url.clone(),
        }
    }

    fn marker(&self) -> Option<String> {
        marker_of(self.half, self.url.get()?)
    }

    async fn discover(&self) -> Result<InitializerName, CompleteError> {
        let name = self.type_.clone();
        let api: Api<WorkspaceType> = Api::all(self.connection.workspace.clone());
        let found = api.get(&name).await;
        let found =
            found.map_err(|source| CompleteError::Type { name: name.clone(), source: Box::new(source) })?;
        let cluster = cluster_of(&found.metadata).and_then(|id| id.as_str().parse().ok());
        let cluster = cluster.ok_or_else(|| CompleteError::NoCluster { name: name.clone() })?;
        InitializerName::of_type(&cluster, &name).map_err(|_| CompleteError::NoCluster { name })
    }

    async fn complete(&self, cluster: &Cluster) -> Result<(), CompleteError> {
        let marker = self.marker().ok_or_else(|| CompleteError::NoEndpoint { name: self.type_.clone() })?;
        let known = self.completed.lock().contains(&cluster.epoch());
        match remove_marker(cluster, self.half, &marker).await {
            // Where the marker is gone, everything of the cluster is refused: that is how it looks when it is done.
            Err(error) if error.is_forbidden() && (known || cluster.is_gone().is_some()) => Ok(()),
            Ok(()) => {
                let mut completed = self.completed.lock();
                if !known {
                    completed.truncate(COMPLETED - 1);
                    completed.push_front(cluster.epoch());
                }
                Ok(())
            }
            failed => failed,
        }
    }
}

const TRIES: u32 = 5;

/// Removes exactly one marker, tested against the version that was read: a merge patch of the list could lose another one's removal.
async fn remove_marker(cluster: &Cluster, half: Half, marker: &str) -> Result<(), CompleteError> {
    let id = cluster.id().to_string();
    let fault = |source| CompleteError::Request {
        marker: marker.to_owned(),
        cluster: id.clone(),
        source: Box::new(source),
    };
    let api: Api<LogicalCluster> = cluster.all();
    for try_ in 0..TRIES {
        let found = match api.get("cluster").await {
            Ok(found) => found,
            // Once the marker is gone, the virtual workspace does not show the cluster any more.
            Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404) && try_ > 0 => return Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(()),
            Err(error) => return Err(fault(error)),
        };
        let Some(at) = half.markers(&found).iter().position(|held| held == marker) else { return Ok(()) };
        let path = format!("/status/{}/{at}", half.field());
        let patch = json!([
            { "op": "test", "path": "/metadata/resourceVersion", "value": found.metadata.resource_version },
            { "op": "test", "path": path, "value": marker },
            { "op": "remove", "path": path },
        ]);
        let patch = serde_json::from_value(patch).map_err(|error| CompleteError::Patch(error.to_string()))?;
        let patched = api.patch_status("cluster", &PatchParams::default(), &Patch::<()>::Json(patch)).await;
        match patched {
            Ok(_) => return Ok(()),
            // A failed test is 422, a lost race 409; after a write whose answer was lost, the cluster is out of sight.
            Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404 | 409 | 422) => {
                tokio::time::sleep(Duration::from_millis(50 * u64::from(try_ + 1))).await;
            }
            Err(error) => return Err(fault(error)),
        }
    }
    Err(CompleteError::Conflict { marker: marker.to_owned(), cluster: id, tries: TRIES })
}

macro_rules! half {
    ($(#[$doc:meta])* $name:ident, $half:expr, $marker:ident, $marker_doc:literal) => {
        $(#[$doc])*
        pub struct $name(Both);

        impl $name {
            /// The WorkspaceType must be in the connection's workspace.
            pub fn new(connection: Connection, workspace_type: impl Into<String>) -> Self {
                $name(Both::new($half, connection, workspace_type.into()))
            }

            /// Names the provider; needed where a fleet has several.
            #[must_use]
            pub fn named(mut self, name: impl Into<ProviderName>) -> Self {
                self.0.name = name.into();
                self
            }

            #[doc = $marker_doc]
            pub fn $marker(&self) -> Option<String> {
                self.0.marker()
            }

            /// The name of the marker, `<cluster of the type>:<type>`, read from the WorkspaceType.
            pub async fn discover(&self) -> Result<InitializerName, CompleteError> {
                self.0.discover().await
            }

            /// Removes the marker from a cluster; the work there is done. A cluster that is out of sight already counts as done.
            ///
            /// # Cancellation
            /// The marker is removed or not; call again.
            pub async fn complete(&self, cluster: &Cluster) -> Result<(), CompleteError> {
                self.0.complete(cluster).await
            }

            /// Reads kinds over all clusters at once, without a cache.
            pub fn lister(&self) -> Lister {
                Lister::new(self.0.scopes.clone())
            }
        }

        impl Provider for $name {
            fn name(&self) -> ProviderName {
                self.0.name.clone()
            }

            fn fleet(self: Arc<Self>) -> BoxStream<'static, Result<FleetEvent, ProviderError>> {
                Arc::new(self.0.endpoints()).stream()
            }
        }
    };
}

half!(
    /// Workspaces that wait for the initializer of a WorkspaceType.
    ///
    /// Content is reached with the rights that the type grants to its initializer; once it is removed, everything answers 403.
    InitializingWorkspaces,
    Half::Initializing,
    initializer,
    "The initializer's name, once a virtual workspace was seen."
);
half!(
    /// Workspaces that wait for the terminator of a WorkspaceType before their content goes.
    TerminatingWorkspaces,
    Half::Terminating,
    terminator,
    "The terminator's name, once a virtual workspace was seen."
);
