//! Where the workspace with the endpoint object is, and how endpoint URLs are dialed.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use http::Uri;
use kcp_api::ClusterTarget;
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use multicluster::{Dialer, InProcess, Redial, prefix_client};

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The kubeconfig does not read or names something that is not there.
    #[error("kubeconfig `{path}` is not usable")]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: Box<kube::config::KubeconfigError>,
    },
    /// Neither a kubeconfig nor a pod's service account was found.
    #[error("no configuration of a server was found")]
    Infer(#[source] Box<kube::config::InferConfigError>),
    /// The client could not be made from the configuration.
    #[error("client for `{url}` cannot be made")]
    Client {
        /// The server's URL.
        url: Box<Uri>,
        /// The cause.
        #[source]
        source: Box<kube::Error>,
    },
    /// The server's URL with another path is not one.
    #[error("the server's URL with path `{path}` is not valid: {why}")]
    Url {
        /// The path that was put behind it.
        path: String,
        /// The parser's words.
        why: String,
    },
}

/// A client for one workspace, and a way to dial the endpoint URLs found there. Both may use different credentials.
#[derive(Clone)]
pub struct Connection {
    pub(crate) workspace: Client,
    /// How to connect to the workspace anew, where that is known.
    pub(crate) redial: Option<Redial>,
    pub(crate) dialer: Arc<dyn Dialer>,
}

impl Connection {
    /// A workspace's client and a dialer.
    pub fn new(workspace: Client, dialer: impl Dialer) -> Self {
        Connection { workspace, redial: None, dialer: Arc::new(dialer) }
    }

    /// What kube finds by itself: the file that `KUBECONFIG` names, `~/.kube/config`, or the service account of the pod. Its URL must name
    /// the workspace, as in [`from_config`](Connection::from_config).
    pub async fn infer() -> Result<Self, ConnectionError> {
        let config = Config::infer().await.map_err(|error| ConnectionError::Infer(Box::new(error)))?;
        Self::from_config(config)
    }

    /// Both from one configuration, whose URL names the workspace: `https://host/clusters/root:platform-mesh-system`.
    pub fn from_config(config: Config) -> Result<Self, ConnectionError> {
        let url = Box::new(config.cluster_url.clone());
        let workspace = Client::try_from(config.clone())
            .map_err(|source| ConnectionError::Client { url, source: Box::new(source) })?;
        let again = config.clone();
        let redial: Redial = Arc::new(move || Client::try_from(again.clone()));
        Ok(Connection { redial: Some(redial), ..Self::new(workspace, config) })
    }

    /// Both from a context of a kubeconfig file, or from its current one.
    pub async fn from_kubeconfig(path: &Path, context: Option<&str>) -> Result<Self, ConnectionError> {
        Self::from_config(config_of(path, context).await?)
    }

    /// A workspace of a control plane in this process; `root` is a client at the server's root.
    pub fn in_process(root: &Client, workspace: &str) -> Self {
        Self::new(prefix_client(root, &format!("/clusters/{workspace}")), InProcess::new(root.clone()))
    }

    /// Dials endpoint URLs in another way, for example with other credentials or another host.
    #[must_use]
    pub fn dialer(mut self, dialer: impl Dialer) -> Self {
        self.dialer = Arc::new(dialer);
        self
    }

    /// A client for the workspace itself.
    pub fn client(&self) -> &Client {
        &self.workspace
    }
}

/// The configuration of a context of a kubeconfig file, or of its current one.
pub async fn config_of(path: &Path, context: Option<&str>) -> Result<Config, ConnectionError> {
    let fault = |source| ConnectionError::Kubeconfig { path: path.to_owned(), source: Box::new(source) };
    let file = Kubeconfig::read_from(path).map_err(fault)?;
    let options = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
    Config::from_custom_kubeconfig(file, &options).await.map_err(fault)
}

/// The same server and credentials, another workspace: everything from `/clusters/` or `/services/` on is replaced by `/clusters/TARGET`.
///
/// Front proxies take a path or a name; shards and virtual workspaces take names only.
pub fn workspace_config(config: &Config, target: &ClusterTarget) -> Result<Config, ConnectionError> {
    let name = match target {
        ClusterTarget::Every => "*".to_owned(),
        ClusterTarget::Path(path) => path.to_string(),
    };
    at_path(config, &format!("/clusters/{name}"))
}

/// The same server and credentials, at the server's root: everything from `/clusters/` or `/services/` on is cut off.
pub fn server_config(config: &Config) -> Result<Config, ConnectionError> {
    at_path(config, "")
}

fn at_path(config: &Config, path: &str) -> Result<Config, ConnectionError> {
    let before = config.cluster_url.path();
    let cut = ["/clusters/", "/services/"]
        .iter()
        .filter_map(|part| before.find(part))
        .min()
        .unwrap_or(before.len());
    let base = before[..cut].trim_end_matches('/');
    let mut parts = config.cluster_url.clone().into_parts();
    let fault = |why: String| ConnectionError::Url { path: path.to_owned(), why };
    let joined = match format!("{base}{path}") {
        nothing if nothing.is_empty() => "/".parse(),
        joined => joined.parse(),
    };
    parts.path_and_query = Some(joined.map_err(|error: http::uri::InvalidUri| fault(error.to_string()))?);
    let mut config = config.clone();
    config.cluster_url = Uri::from_parts(parts).map_err(|error| fault(error.to_string()))?;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_workspace_replaces_the_path_behind_the_servers_own_prefix() {
        let check = |from: &str, target: &str, to: &str| {
            let config = Config::new(from.parse().unwrap());
            let got = workspace_config(&config, &target.parse().unwrap()).unwrap();
            assert_eq!(got.cluster_url.to_string(), to);
        };
        check("https://h:1/clusters/root:a", "root:orgs", "https://h:1/clusters/root:orgs");
        check("https://h:1", "2xj8f9k3m5n7p1q4", "https://h:1/clusters/2xj8f9k3m5n7p1q4");
        check("https://h:1/proxy/services/apiexport/x/y", "*", "https://h:1/proxy/clusters/*");
    }

    #[test]
    fn the_servers_root_keeps_the_servers_own_prefix() {
        for (from, to) in [
            ("https://h:1/clusters/root:a", "https://h:1/"),
            ("https://h:1/proxy/services/apiexport/x/y/clusters/*", "https://h:1/proxy"),
            ("https://h:1", "https://h:1/"),
        ] {
            let got = server_config(&Config::new(from.parse().unwrap())).unwrap();
            assert_eq!(got.cluster_url.to_string(), to, "{from}");
        }
    }
}
