//! A control plane with a listener on a free port, its files in a folder of its own, and raw calls to it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use http::Method;
use kcp_embedded::{KcpServer, Options, Parts, RunningServer};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(5);

/// Users without any rights of their own, by static token: the token is the name with `-token` behind it.
const PEOPLE: &str = "alice-token,alice,uid-alice,\"team-a\"\nbob-token,bob,uid-bob,\"team-b\"\n";

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status code.
    pub code: u16,
    /// The body as JSON; a text where it is none.
    pub body: Value,
}

impl Answer {
    /// The `message` of a Status.
    pub fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }

    /// The answer, which must have this code.
    #[track_caller]
    pub fn expect(self, code: u16) -> Value {
        assert_eq!(self.code, code, "{:#}", self.body);
        self.body
    }
}

/// A running control plane.
pub struct Plane {
    server: RunningServer,
    folder: TempDir,
    http: reqwest::Client,
    admin: String,
}

impl Plane {
    /// Starts an empty one, as `kcp start` leaves it, with the plain users alice and bob.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let people = folder.path().join("people.csv");
        std::fs::write(&people, PEOPLE).unwrap();
        let options = Options {
            listen: Some(([127, 0, 0, 1].into(), 0)),
            kubeconfig_path: Some(folder.path().join("admin.kubeconfig")),
            token_auth_file: Some(people),
            ..Options::default()
        };
        let server = KcpServer::start(options, Parts::default()).await.unwrap();
        let http = Self::fresh_http(&server).build().unwrap();
        let admin = server.tokens().kcp_admin.clone();
        Self { server, folder, http, admin }
    }

    fn fresh_http(server: &RunningServer) -> reqwest::ClientBuilder {
        let pem = server.ca_pem().expect("a listener has an authority");
        let authority = reqwest::Certificate::from_pem(pem.as_bytes()).unwrap();
        reqwest::Client::builder().tls_certs_only([authority])
    }

    /// A builder of HTTP clients that trust this server and share no connection with others.
    pub fn http(&self) -> reqwest::ClientBuilder {
        Self::fresh_http(&self.server)
    }

    /// The server itself.
    pub fn server(&self) -> &RunningServer {
        &self.server
    }

    /// Base address, without a path.
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// Token of kcp's administrator.
    pub fn admin(&self) -> &str {
        &self.admin
    }

    /// A folder that goes with the plane.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The written `admin.kubeconfig`.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder().join("admin.kubeconfig")
    }

    /// A kube client by a context of `admin.kubeconfig`.
    pub async fn client(&self, context: &str) -> kube::Client {
        let file = Kubeconfig::read_from(self.kubeconfig()).unwrap();
        let options = KubeConfigOptions { context: Some(context.to_owned()), ..Default::default() };
        let config = kube::Config::from_custom_kubeconfig(file, &options).await.unwrap();
        kube::Client::try_from(config).unwrap()
    }

    /// One request with all that it carries. Full addresses are taken as they are.
    pub async fn send(
        &self,
        token: &str,
        method: Method,
        path: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Answer {
        let url =
            if path.starts_with("https://") { path.to_owned() } else { format!("{}{path}", self.url()) };
        let request = self.http.request(method, url).header("content-type", content_type).body(body);
        let request = if token.is_empty() { request } else { request.bearer_auth(token) };
        let response = request.send().await.unwrap_or_else(|error| panic!("{path}: {error:?}"));
        let code = response.status().as_u16();
        let bytes = response.bytes().await.unwrap_or_else(|error| panic!("{path}: {error:?}"));
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Answer { code, body }
    }

    /// Reads.
    pub async fn get(&self, token: &str, path: &str) -> Answer {
        self.send(token, Method::GET, path, "application/json", Vec::new()).await
    }

    /// Creates.
    pub async fn post(&self, token: &str, path: &str, body: &Value) -> Answer {
        self.send(token, Method::POST, path, "application/json", body.to_string().into_bytes()).await
    }

    /// Merge patch.
    pub async fn merge(&self, token: &str, path: &str, body: &Value) -> Answer {
        let body = body.to_string().into_bytes();
        self.send(token, Method::PATCH, path, "application/merge-patch+json", body).await
    }

    /// Deletes.
    pub async fn delete(&self, token: &str, path: &str) -> Answer {
        self.send(token, Method::DELETE, path, "application/json", Vec::new()).await
    }

    /// Server-side apply with force, as `platform-mesh-operator`.
    pub async fn apply(&self, token: &str, path: &str, body: &Value) -> Answer {
        let path = format!("{path}?fieldManager=platform-mesh-operator&force=true");
        let body = body.to_string().into_bytes();
        self.send(token, Method::PATCH, &path, "application/apply-patch+yaml", body).await
    }

    /// Waits until what the administrator reads there satisfies the predicate.
    pub async fn until(&self, path: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            let answer = self.get(&self.admin, path).await;
            if answer.code == 200 && holds(&answer.body) {
                return answer.body;
            }
            assert!(
                tokio::time::Instant::now() < end,
                "{path}: not {what}: {} {:#}",
                answer.code,
                answer.body
            );
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Creates a workspace of a type in root and waits until it is ready; answers it.
    pub async fn workspace(&self, parent: &str, name: &str, type_name: &str) -> Value {
        let body = json!({"apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "Workspace",
            "metadata": {"name": name}, "spec": {"type": {"path": "root", "name": type_name}}});
        let path = format!("/clusters/{parent}/apis/tenancy.kcp.io/v1alpha1/workspaces");
        self.post(&self.admin, &path, &body).await.expect(201);
        self.until(&format!("{path}/{name}"), "ready", |w| w["status"]["phase"] == "Ready").await
    }

    /// Gives a user a cluster role in a workspace.
    pub async fn bind(&self, cluster: &str, role: &str, user: &str) {
        let body = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": format!("{user}-{}", role.replace(':', "-"))},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}]});
        let path = format!("/clusters/{cluster}/apis/rbac.authorization.k8s.io/v1/clusterrolebindings");
        self.post(&self.admin, &path, &body).await.expect(201);
    }
}
