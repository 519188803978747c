//! From an endpoint's URL to a client: over HTTPS, or into a service in the same process.

use http::Uri;
use kube::{Client, Config};

use crate::prefix_client;

/// Turns the URL of an endpoint into a client whose root is that URL.
pub trait Dialer: Send + Sync + 'static {
    /// A client over a fresh connection. Does no I/O yet.
    fn dial(&self, url: &Uri) -> Result<Client, kube::Error>;
}

impl Dialer for Config {
    /// Dials the URL with this configuration's credentials and trusted authorities.
    fn dial(&self, url: &Uri) -> Result<Client, kube::Error> {
        let mut config = self.clone();
        config.cluster_url = url.clone();
        // A watch may be silent for minutes; each request carries its own deadline instead.
        config.read_timeout = None;
        // While a cluster moves, its shard answers 503 for minutes; the queue does that waiting, not a request that holds a worker.
        config.default_retry = false;
        Client::try_from(config)
    }
}

/// Answers every URL with one service: requests go to the URL's path below the root of `base`.
///
/// For the all-in-one, whose control plane is a service in the same process.
#[derive(Clone)]
pub struct InProcess {
    base: Client,
}

impl InProcess {
    /// `base` must have the server's root as its root, not a workspace.
    pub fn new(base: Client) -> Self {
        InProcess { base }
    }
}

impl Dialer for InProcess {
    fn dial(&self, url: &Uri) -> Result<Client, kube::Error> {
        Ok(prefix_client(&self.base, url.path()))
    }
}

/// Dials another host than the URL names, for endpoints whose advertised host is not reachable from here.
pub struct HostRewrite<D> {
    inner: D,
    host: Uri,
}

impl<D: Dialer> HostRewrite<D> {
    /// Keeps path and query of each URL, takes scheme, host and port of `host`.
    pub fn new(inner: D, host: Uri) -> Self {
        HostRewrite { inner, host }
    }
}

impl<D: Dialer> Dialer for HostRewrite<D> {
    fn dial(&self, url: &Uri) -> Result<Client, kube::Error> {
        let mut parts = self.host.clone().into_parts();
        parts.path_and_query = url.path_and_query().cloned();
        let url = Uri::from_parts(parts).map_err(|error| kube::Error::HttpError(http::Error::from(error)))?;
        self.inner.dial(&url)
    }
}
