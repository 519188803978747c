//! What can go wrong, in words for who has to act.

use account_model::names::AccountTypesError;

/// Why a write of a plan failed. Conflicts and races are no errors: they are tried again at once.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The server refused it.
    #[error("{verb} {kind} {name}: {source}")]
    Refused {
        /// What was tried.
        verb: &'static str,
        /// Kind of the object.
        kind: &'static str,
        /// Name of the object.
        name: String,
        /// The server's words.
        source: kube::Error,
    },
    /// A plan's object is not an object.
    #[error("derived {kind} is not valid: {source}")]
    Derived {
        /// Kind of the object.
        kind: &'static str,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl ApplyError {
    /// Whether the server does not serve the kind there, or does not let us in yet: so it is with a workspace whose
    /// bindings are not complete.
    pub(crate) fn is_too_early(&self) -> bool {
        match self {
            Self::Refused { source: kube::Error::Api(status), .. } => matches!(status.code, 403 | 404 | 503),
            _ => false,
        }
    }
}

/// Why the operator did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// An address that is none.
    #[error("`{text}` is not an address to listen on")]
    Address {
        /// The flag's value.
        text: String,
    },
    /// A port that cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// No way to the control plane.
    #[error("no connection to {what}: {why}")]
    Connect {
        /// Which server.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// Account types that give two things one name.
    #[error(transparent)]
    Types(#[from] AccountTypesError),
    /// The certificates of the admission server do not read.
    #[error("admission server: {0}")]
    Tls(#[from] runtime::TlsError),
    /// A listener failed.
    #[error("{what}: {source}")]
    Serve {
        /// Which listener.
        what: &'static str,
        /// Why.
        source: runtime::ServeError,
    },
    /// The fleet could not be built, or ended early.
    #[error(transparent)]
    Fleet(#[from] multicluster::FleetError),
    /// Another process leads.
    #[error(transparent)]
    Election(#[from] multicluster::ElectionError),
    /// A part ended that must not.
    #[error(transparent)]
    Task(#[from] runtime::TaskFailure),
    /// Leader election without a cluster that holds the Lease.
    #[error("unable to load in-cluster configuration for leader election: {0}")]
    NoRuntimeCluster(String),
}

impl RunError {
    /// The next step, where there is one.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Address { .. } => Some("write `host:port` or `:port`, or `0` for none"),
            Self::Listen { .. } => Some("another process may hold the port; choose another one by its flag"),
            Self::Connect { .. } => {
                Some("set --kubeconfig or KUBECONFIG to a kubeconfig of root:platform-mesh-system")
            }
            Self::Types(_) => Some("rename the type in --webhooks-additional-account-types"),
            Self::Tls(_) => Some("put tls.crt and tls.key into the folder of --webhooks-cert-dir"),
            Self::NoRuntimeCluster(_) => Some("set --runtime-kubeconfig, or leave out --leader-elect"),
            _ => None,
        }
    }
}
