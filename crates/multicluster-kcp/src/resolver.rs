//! From the path of a workspace to its cluster's name, for workspaces that no provider reports.

use std::{collections::HashMap, time::Duration};

use kcp_api::{ClusterName, WorkspacePath, core::v1alpha1::LogicalCluster, keys::CLUSTER};
use kube::{Api, Client};
use multicluster::prefix_client;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::state::annotation;

/// A path that was not found is not asked for again for this long: a fleet asks for the same wrong path on every retry.
const NOT_FOUND: Duration = Duration::from_secs(5);
/// Paths that were not found and are remembered, at most.
const REMEMBERED: usize = 1024;

/// Why a path was not resolved.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The server did not answer, or not with a logical cluster.
    #[error("workspace `{path}` cannot be looked up")]
    Request {
        /// The path.
        path: WorkspacePath,
        /// The cause.
        #[source]
        source: Box<kube::Error>,
    },
    /// The logical cluster does not say its name.
    #[error("workspace `{path}` does not name its cluster in annotation `kcp.io/cluster`")]
    NoName {
        /// The path.
        path: WorkspacePath,
    },
}

impl ResolveError {
    /// The next step.
    pub fn help(&self) -> &'static str {
        match self {
            ResolveError::Request { .. } => "check the server's address and that the user may log in",
            ResolveError::NoName { .. } => "the server is no kcp, or something between removes annotations",
        }
    }
}

/// Asks the front proxy which cluster a path names, by reading its LogicalCluster.
///
/// For clusters of a fleet, [`Fleet::resolve`](multicluster::Fleet::resolve) knows the answer without asking. Answers are not kept: a path
/// may belong to another cluster tomorrow. That there is none is remembered for five seconds.
pub struct Resolver {
    root: Client,
    missing: Mutex<HashMap<WorkspacePath, Instant>>,
}

impl Resolver {
    /// `root` is a client at the server's root, for example of [`server_config`](crate::server_config). Shards take no paths; it must be a
    /// front proxy, or a server that plays its part.
    pub fn new(root: Client) -> Self {
        Resolver { root, missing: Mutex::default() }
    }

    /// The cluster that a path names; none where there is no such workspace, or none that the user may see.
    ///
    /// # Errors
    /// [`ResolveError`] where the server could not be asked.
    pub async fn resolve(&self, path: &WorkspacePath) -> Result<Option<ClusterName>, ResolveError> {
        if self.missing.lock().get(path).is_some_and(|until| *until > Instant::now()) {
            return Ok(None);
        }
        let client = prefix_client(&self.root, &format!("/clusters/{path}"));
        match Api::<LogicalCluster>::all(client).get("cluster").await {
            Ok(found) => {
                let name = annotation(&found.metadata, CLUSTER).and_then(|name| name.parse().ok());
                name.map(Some).ok_or_else(|| ResolveError::NoName { path: path.clone() })
            }
            // Whether it does not exist or is not for this user, a front proxy does not tell.
            Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404) => {
                self.remember(path);
                Ok(None)
            }
            Err(source) => Err(ResolveError::Request { path: path.clone(), source: Box::new(source) }),
        }
    }

    fn remember(&self, path: &WorkspacePath) {
        let now = Instant::now();
        let mut missing = self.missing.lock();
        if missing.len() >= REMEMBERED {
            missing.retain(|_, until| *until > now);
        }
        // Still full: nothing is worth more than anything else.
        if missing.len() >= REMEMBERED {
            missing.clear();
        }
        missing.insert(path.clone(), now + NOT_FOUND);
    }
}
