//! Real kcp semantics in process, for tests of controllers and providers: no binary, no socket, no certificate.
//!
//! The server runs on the caller's runtime with a simulated clock and a seed. With tokio's time paused, waiting costs nothing and a run
//! repeats; every request passes [`Faults`], so that a test can delay, refuse and cut.
//!
//! ```
//! use k8s_openapi::api::core::v1::ConfigMap;
//! use kcp_embedded::envtest::Envtest;
//! use kube::Api;
//! use serde_json::json;
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
//! # runtime.block_on(async {
//! let kcp = Envtest::start().await?;
//! let team = kcp.workspace("root:team").await?;
//! let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "v"}});
//! kcp.apply("root:team", &map).await?;
//! let maps: Api<ConfigMap> = Api::default_namespaced(team);
//! assert_eq!(maps.get("a").await?.data.unwrap()["k"], "v");
//! # kcp.stop().await;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A fleet of `multicluster` reaches it by `multicluster_kcp::Connection::in_process(&kcp.client(), "root:team")`: endpoint URLs are
//! answered by the same process.

use std::time::Duration;

use apiserver::UserInfo;
use jiff::Timestamp;
use kube::{
    Client,
    client::{ClientBuilder, middleware::BaseUriLayer},
};
use runtime::{Clock, FaultLayer, Faults, Seed};
use serde_json::{Value, json};
use tokio::time::Instant;
use tower::Layer as _;

use crate::{
    KcpServer, Options, Parts, RunningServer, StartError,
    identity::{GROUP_KCP_ADMIN, GROUP_MASTERS},
};

/// How long something may take until it is there, in the runtime's time.
const PATIENCE: Duration = Duration::from_secs(60);
/// The time of day at which every run begins: 2026-01-01.
const EPOCH_SECONDS: i64 = 1_767_225_600;

/// Why a step of a test's world did not happen.
#[derive(Debug, thiserror::Error)]
pub enum EnvtestError {
    /// The server refused it.
    #[error("{what} was refused")]
    Refused {
        /// What was asked for.
        what: String,
        /// The server's answer.
        #[source]
        source: Box<kube::Error>,
    },
    /// It did not come to be.
    #[error("{what} did not come to be in {} seconds", PATIENCE.as_secs())]
    Never {
        /// What was waited for, and its last state.
        what: String,
    },
    /// The object or path that was given is not one.
    #[error("`{what}` is not valid: {why}")]
    Invalid {
        /// What was given.
        what: String,
        /// What is missing.
        why: &'static str,
    },
}

/// A control plane of a test. Dropping it ends it.
pub struct Envtest {
    server: RunningServer,
    faults: Faults,
}

impl Envtest {
    /// An empty control plane, as `kcp start` leaves it, with seed 0.
    ///
    /// # Errors
    /// [`StartError`]; a defect, since nothing outside of the process takes part.
    pub async fn start() -> Result<Self, StartError> {
        Self::seeded(0).await
    }

    /// The same with another seed: other cluster names, uids and keys.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn seeded(seed: u64) -> Result<Self, StartError> {
        Self::with(seed, Options::default(), Parts::default()).await
    }

    /// The same with options and parts of one's own. Clock and seed are set where the parts leave them open.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn with(seed: u64, options: Options, parts: Parts) -> Result<Self, StartError> {
        let begin = Timestamp::from_second(EPOCH_SECONDS).unwrap_or(Timestamp::UNIX_EPOCH);
        let parts = Parts {
            clock: parts.clock.or_else(|| Some(Clock::simulated(begin))),
            seed: parts.seed.or(Some(Seed::from(seed))),
            ..parts
        };
        let faults = Faults::new(Seed::from(seed).ids("faults"));
        Ok(Envtest { server: KcpServer::start(options, parts).await?, faults })
    }

    /// What goes wrong between the clients made here and the server; nothing unless rules are added.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The server itself.
    pub fn server(&self) -> &RunningServer {
        &self.server
    }

    /// A client at the server's root, as a member of `system:masters`, who may read all clusters at once.
    pub fn client(&self) -> Client {
        self.client_as(user("shard-admin", GROUP_MASTERS), "")
    }

    /// A client at a workspace, by path or cluster name, as kcp's administrator.
    pub fn at(&self, workspace: &str) -> Client {
        self.client_as(user("kcp-admin", GROUP_KCP_ADMIN), &format!("/clusters/{workspace}"))
    }

    /// A client as anybody, below a path: `""`, `/clusters/root:team`, `/services/apiexport/…/clusters/*`.
    pub fn client_as(&self, user: UserInfo, below: &str) -> Client {
        let service = FaultLayer(self.faults.clone()).layer(self.server.service_as(user));
        let base = format!("{}{below}", self.server.url());
        let base = base.parse().unwrap_or_else(|_| http::Uri::from_static("https://localhost:6443"));
        ClientBuilder::new(service, "default").with_layer(&BaseUriLayer::new(base)).build()
    }

    /// Makes a workspace of type `universal` and waits until it is ready; gives a client at it.
    ///
    /// # Errors
    /// [`EnvtestError`].
    pub async fn workspace(&self, path: &str) -> Result<Client, EnvtestError> {
        self.workspace_of(path, &json!({"path": "root", "name": "universal"})).await?;
        self.ready(path).await
    }

    /// Makes a workspace of a type (`{"path": …, "name": …}`) and does not wait: with initializers of its own it is not ready by itself.
    ///
    /// # Errors
    /// [`EnvtestError`].
    pub async fn workspace_of(&self, path: &str, workspace_type: &Value) -> Result<(), EnvtestError> {
        let (parent, name) = parent_of(path)?;
        let object = json!({
            "apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "Workspace",
            "metadata": {"name": name}, "spec": {"type": workspace_type},
        });
        self.apply(parent, &object).await.map(drop)
    }

    /// Waits until a workspace is ready; gives a client at it.
    ///
    /// # Errors
    /// [`EnvtestError::Never`].
    pub async fn ready(&self, path: &str) -> Result<Client, EnvtestError> {
        let (parent, name) = parent_of(path)?;
        let object = format!("/apis/tenancy.kcp.io/v1alpha1/workspaces/{name}");
        self.until(parent, &object, |workspace| workspace["status"]["phase"] == "Ready").await?;
        Ok(self.at(path))
    }

    /// Server-side apply of one object in a workspace, as kcp's administrator; gives what the server made of it. An API that is not served
    /// yet, because its binding is young, is waited for. Namespaced objects without a namespace go to `default`.
    ///
    /// # Errors
    /// [`EnvtestError`].
    pub async fn apply(&self, workspace: &str, object: &Value) -> Result<Value, EnvtestError> {
        let text = |at: &Value| at.as_str().map(str::to_owned);
        let invalid = |why| EnvtestError::Invalid { what: object.to_string(), why };
        let version = text(&object["apiVersion"]).ok_or_else(|| invalid("`apiVersion` is missing"))?;
        let kind = text(&object["kind"]).ok_or_else(|| invalid("`kind` is missing"))?;
        let name = text(&object["metadata"]["name"]).ok_or_else(|| invalid("`metadata.name` is missing"))?;
        let base = if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") };
        let is_it = |resource: &&Value| {
            resource["kind"] == kind.as_str()
                && resource["name"].as_str().is_some_and(|name| !name.contains('/'))
        };
        let served = self.until(workspace, &base, |list| {
            list["resources"].as_array().into_iter().flatten().any(|resource| is_it(&resource))
        });
        let served = served.await?;
        let resource = served["resources"].as_array().into_iter().flatten().find(is_it).cloned();
        let resource = resource.unwrap_or_default();
        let plural = resource["name"].as_str().unwrap_or_default();
        let namespace = match resource["namespaced"].as_bool() {
            Some(true) => {
                let given = object["metadata"]["namespace"].as_str().unwrap_or("default");
                format!("/namespaces/{given}")
            }
            _ => String::new(),
        };
        let path = format!("{base}{namespace}/{plural}/{name}?fieldManager=envtest&force=true");
        let end = Instant::now() + PATIENCE;
        loop {
            let request = http::Request::patch(&path).header("content-type", "application/apply-patch+yaml");
            let request = request.body(object.to_string().into_bytes()).map_err(|_| invalid("its name"))?;
            match self.at(workspace).request::<Value>(request).await {
                // What it refers to may be a moment old: an export that is not indexed, a type that is not ready.
                Err(kube::Error::Api(status))
                    if matches!(status.code, 403 | 404 | 409 | 429 | 503) && Instant::now() < end =>
                {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                answer => {
                    return answer.map_err(|source| EnvtestError::Refused {
                        what: format!("{kind} `{name}` in `{workspace}`"),
                        source: Box::new(source),
                    });
                }
            }
        }
    }

    /// Reads a path of a workspace until it satisfies the predicate.
    ///
    /// # Errors
    /// [`EnvtestError::Never`] after a minute of the runtime's time.
    pub async fn until(
        &self,
        workspace: &str,
        path: &str,
        holds: impl Fn(&Value) -> bool,
    ) -> Result<Value, EnvtestError> {
        let client = self.at(workspace);
        let end = Instant::now() + PATIENCE;
        loop {
            let invalid = |_| EnvtestError::Invalid { what: path.to_owned(), why: "it is no path" };
            let request = http::Request::get(path).body(Vec::new()).map_err(invalid)?;
            let last = client.request::<Value>(request).await;
            match last {
                Ok(found) if holds(&found) => return Ok(found),
                last if Instant::now() > end => {
                    let last = last.map_or_else(|error| error.to_string(), |found| found.to_string());
                    return Err(EnvtestError::Never { what: format!("{path} in `{workspace}`, now {last}") });
                }
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// Ends everything.
    pub async fn stop(&self) {
        self.server.stop().await;
    }
}

fn user(name: &str, group: &str) -> UserInfo {
    let groups = vec![group.to_owned(), "system:authenticated".to_owned()];
    UserInfo { name: name.to_owned(), groups, ..UserInfo::default() }
}

fn parent_of(path: &str) -> Result<(&str, &str), EnvtestError> {
    let why = "a path of a workspace below another is wanted, as `root:team`";
    path.rsplit_once(':').ok_or_else(|| EnvtestError::Invalid { what: path.to_owned(), why })
}
