//! What can go wrong, in words for who has to act.

/// Why a mode did not start, or ended.
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
    /// No way to a server that is needed.
    #[error("no connection to {what}: {why}")]
    Connect {
        /// Which server.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// A file that is needed and does not read.
    #[error("{what} `{path}` does not read: {why}")]
    File {
        /// What it is.
        what: &'static str,
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
    /// The bootstrap of an identity provider did not come to its end.
    #[error("identity provider: {0}")]
    Bootstrap(String),
    /// The certificates of the admission server do not read.
    #[error("admission server: {0}")]
    Tls(#[from] runtime::TlsError),
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
            Self::Connect { what: "kcp", .. } => Some("set --kcp-kubeconfig to a kubeconfig of kcp"),
            Self::Tls(_) => Some("put tls.crt and tls.key into the folder of --webhooks-cert-dir"),
            Self::NoRuntimeCluster(_) => Some("set --kubeconfig, or leave out --leader-elect"),
            Self::File { what: "core module", .. } => {
                Some("leave out --core-module-path for the built-in module")
            }
            _ => None,
        }
    }
}

/// An error with its causes, for people who do not see the chain.
pub(crate) fn in_words(error: &(dyn std::error::Error + 'static)) -> String {
    let mut why = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !why.contains(&text) {
            why = format!("{why}: {text}");
        }
        next = cause.source();
    }
    why
}
