//! The embedded control plane with the bootstrap list applied, the engine and the development issuer; and somebody who
//! plays the account operator. The security operator has the rights of its service account and no others.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, dead_code)]

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

use account_model::{Action, Seen, Step as Plan, Target, plan};
use apiserver::UserInfo;
use fga_client::{InProcess, PageRequest, RelationshipStore, TupleFilter};
use http::Request;
use identity_provider::{DevelopmentIssuer, IdentityProvider, Keycloak, ServiceTransport};
use kcp_embedded::{KcpServer, RunningServer};
use kube::Client;
use platform_mesh_api::{
    Account,
    bootstrap::{FIELD_MANAGER, Lookup, Parameters, Phase, Step, steps_of},
    names,
};
use runtime::{Clock, Ids, Stop};
use security_controller::{Mode, Options, Parts, run};
use serde_json::{Value, json};

pub const CORE: &str = "apis/core.platform-mesh.io/v1alpha1";
pub const TENANCY: &str = "apis/tenancy.kcp.io/v1alpha1";
pub const APIS: &str = "apis/apis.kcp.io/v1alpha2";

pub struct Mesh {
    pub server: RunningServer,
    pub admin: Client,
    pub relationships: InProcess,
    pub issuer: DevelopmentIssuer,
    pub identities: Arc<Keycloak>,
    pub orgs: String,
}

impl Mesh {
    pub async fn start() -> Self {
        let server =
            KcpServer::start(kcp_embedded::Options::default(), kcp_embedded::Parts::default()).await.unwrap();
        let admin = Client::new(server.service_as(user("admin", &["system:masters"], None)), "default");
        let base = "https://portal.test/keycloak";
        let issuer = DevelopmentIssuer::new(base, Clock::system(), Ids::random()).unwrap();
        let secret = issuer.add_admin_client(names::SECURITY_OPERATOR);
        let transport = Arc::new(ServiceTransport::new(issuer.router()));
        let identities = Arc::new(Keycloak::new(base, names::SECURITY_OPERATOR, &secret, transport));
        let relationships = InProcess::default();
        let mut mesh = Self { server, admin, relationships, issuer, identities, orgs: String::new() };
        let mut parameters = Parameters::new("portal.test");
        parameters.lifecycle_permissions = true;
        for step in steps_of(&parameters, Phase::Platform) {
            // The platform's own provider is no part of this.
            if step.workspace != names::PROVIDERS {
                mesh.apply(&step).await;
            }
        }
        mesh.orgs = mesh.cluster(names::ORGS).await;
        mesh
    }

    pub fn options() -> Options {
        Options {
            base_domain: "portal.test".to_owned(),
            keycloak_base_url: "https://portal.test/keycloak".to_owned(),
            shutdown_timeout: Duration::from_secs(2),
            development_allow_unverified_emails: true,
            ..Options::default()
        }
    }

    /// Runs all modes while `story` goes on.
    pub async fn tell(&self, options: Options, story: impl Future<Output = ()>) {
        let home = self.cluster(names::SYSTEM).await;
        let groups =
            ["system:serviceaccounts", "system:serviceaccounts:platform-mesh-system", "system:authenticated"];
        let operator =
            user("system:serviceaccount:platform-mesh-system:security-operator", &groups, Some(&home));
        let client = Client::new(self.server.service_as(operator), "default");
        let relationships = Arc::new(self.relationships.clone());
        let identities: Arc<dyn IdentityProvider> = self.identities.clone();
        let parts = Parts::in_process(&options, client, relationships, identities);
        let stop = Stop::new();
        let running = run(&Mode::ALL, options, parts, stop.clone());
        let story = async {
            story.await;
            stop.stop();
        };
        let (ended, ()) = tokio::join!(running, story);
        ended.unwrap();
        self.server.stop().await;
    }

    async fn request(&self, method: &str, url: &str, kind: &str, body: &Value) -> Result<Value, kube::Error> {
        let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(body).unwrap() };
        let request =
            Request::builder().method(method).uri(url).header("content-type", kind).body(body).unwrap();
        self.admin.request(request).await
    }

    pub async fn get(&self, workspace: &str, path: &str) -> Option<Value> {
        let url = format!("/clusters/{workspace}/{path}");
        self.request("GET", &url, "application/json", &Value::Null).await.ok()
    }

    #[track_caller]
    pub fn post<'a>(
        &'a self,
        workspace: &'a str,
        path: &'a str,
        object: Value,
    ) -> impl Future<Output = Value> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let url = format!("/clusters/{workspace}/{path}");
            let made = self.request("POST", &url, "application/json", &object).await;
            made.unwrap_or_else(|error| panic!("{caller}: {url}: {error}"))
        }
    }

    pub async fn delete(&self, workspace: &str, path: &str) {
        let url = format!("/clusters/{workspace}/{path}");
        self.request("DELETE", &url, "application/json", &Value::Null).await.unwrap();
    }

    pub async fn merge(&self, workspace: &str, path: &str, patch: Value) {
        let url = format!("/clusters/{workspace}/{path}");
        self.request("PATCH", &url, "application/merge-patch+json", &patch).await.unwrap();
    }

    /// Waits until an object is as described, and gives it.
    #[track_caller]
    pub fn sees<'a>(
        &'a self,
        workspace: &'a str,
        path: &'a str,
        what: &'a str,
        holds: impl Fn(&Value) -> bool + 'a,
    ) -> impl Future<Output = Value> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let mut found = Value::Null;
            for _ in 0..2000 {
                found = self.get(workspace, path).await.unwrap_or_default();
                if holds(&found) {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            panic!("{caller}: {path} in {workspace} never {what}: {found:#}");
        }
    }

    pub async fn cluster(&self, workspace: &str) -> String {
        let found = self.get(workspace, "apis/core.kcp.io/v1alpha1/logicalclusters/cluster").await.unwrap();
        found["metadata"]["annotations"]["kcp.io/cluster"].as_str().unwrap().to_owned()
    }

    async fn find(&self, lookup: &Lookup) -> Option<Value> {
        match lookup {
            Lookup::IdentityHash { workspace, export } => {
                let found = self.get(workspace, &format!("{APIS}/apiexports/{export}")).await.unwrap();
                Some(found["status"]["identityHash"].clone())
            }
            Lookup::Cluster { workspace } => Some(json!(self.cluster(workspace).await)),
            Lookup::ClientIds { .. } => None,
        }
    }

    async fn apply(&self, step: &Step) {
        let mut found = BTreeMap::new();
        for lookup in step.lookups() {
            let value = self.find(&lookup).await;
            found.insert(lookup, value);
        }
        let object = step.resolved(|lookup| found.get(lookup).cloned().flatten()).unwrap();
        let url = url_of(step);
        let apply = format!("{url}?fieldManager={FIELD_MANAGER}&force=true");
        eventually(format!("apply of {} {} in {}", step.kind(), step.name(), step.workspace), || async {
            let applied = self.request("PATCH", &apply, "application/apply-patch+yaml", &object).await;
            applied.map_err(|error| error.to_string())
        })
        .await;
        eventually(format!("{:?} of {} {}", step.wait, step.kind(), step.name()), || async {
            let got = self.request("GET", &url, "application/json", &Value::Null).await;
            let object = got.map_err(|error| error.to_string())?;
            if step.wait.is_over(&object) { Ok(()) } else { Err(object["status"].to_string()) }
        })
        .await;
    }

    /// Creates an Account and does for it what the account operator does, until its workspace is ready; its cluster.
    pub async fn account(&self, cluster: &str, name: &str, kind: &str, creator: &str) -> String {
        let object = json!({"apiVersion": "core.platform-mesh.io/v1alpha1", "kind": "Account", "metadata": {"name": name},
            "spec": {"type": kind, "displayName": name, "creator": creator}});
        let account = self.post(cluster, &format!("{CORE}/accounts"), object).await;
        let account: Account = serde_json::from_value(account).unwrap();
        let parent = self.get(cluster, &format!("{CORE}/accountinfos/account")).await;
        let mut seen = Seen {
            cluster: cluster.to_owned(),
            orgs_cluster: Some(self.orgs.clone()),
            parent_info: parent.map(|info| serde_json::from_value(info).unwrap()),
            ca: "CA".to_owned(),
            ..Seen::default()
        };
        let started = std::time::Instant::now();
        loop {
            for type_ in plan::workspace_types_to_see(&account, &seen) {
                if let Some(found) = self.get(names::ORGS, &format!("{TENANCY}/workspacetypes/{type_}")).await
                {
                    seen.workspace_types.insert(type_, found);
                }
            }
            seen.workspace = self.get(cluster, &format!("{TENANCY}/workspaces/{name}")).await;
            let inside = seen
                .workspace
                .as_ref()
                .and_then(|found| found["spec"]["cluster"].as_str())
                .map(str::to_owned);
            if let Some(inside) = &inside {
                seen.own_info = self.get(inside, &format!("{CORE}/accountinfos/account")).await;
            }
            for (_, step) in plan::plan(&account, &seen) {
                let Plan::Write(writes) = step else { continue };
                for write in writes {
                    let Action::Create(object) = write.action else { continue };
                    let (at, path) = match write.target {
                        Target::WorkspaceType => {
                            (names::ORGS.to_owned(), format!("{TENANCY}/workspacetypes"))
                        }
                        Target::Workspace => (cluster.to_owned(), format!("{TENANCY}/workspaces")),
                        Target::AccountInfo => (inside.clone().unwrap(), format!("{CORE}/accountinfos")),
                    };
                    // A fresh workspace does not serve everything yet.
                    let _ = self
                        .request("POST", &format!("/clusters/{at}/{path}"), "application/json", &object)
                        .await;
                }
            }
            if seen.workspace.as_ref().is_some_and(|found| found["status"]["phase"] == "Ready") {
                println!("account {name} is ready after {:?}", started.elapsed());
                return inside.unwrap();
            }
            if started.elapsed() > Duration::from_secs(30) {
                let left = match &inside {
                    Some(inside) => {
                        self.get(inside, "apis/core.kcp.io/v1alpha1/logicalclusters/cluster").await
                    }
                    None => None,
                };
                panic!("{name} never ready: {:#?} {left:#?} {:#?}", seen.workspace, seen.own_info);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The tuples of the store of an organisation, `object | relation | user`, sorted; none where it has no store.
    pub async fn tuples(&self, org: &str) -> Option<Vec<String>> {
        let store = self.relationships.find_store(org).await.unwrap()?;
        let tuples = self.relationships.read_all(&store.id, TupleFilter::everything()).await.unwrap();
        let mut lines: Vec<String> =
            tuples.iter().map(|key| format!("{} | {} | {}", key.object, key.relation, key.user)).collect();
        lines.sort();
        Some(lines)
    }

    pub async fn stores(&self) -> Vec<String> {
        let page = self.relationships.list_stores(None, PageRequest::default()).await.unwrap();
        let mut all: Vec<String> = page.items.into_iter().map(|store| store.name).collect();
        all.sort();
        all
    }

    pub async fn model_types(&self, org: &str) -> Vec<String> {
        let store = self.relationships.find_store(org).await.unwrap().unwrap();
        let model = self.relationships.latest_model(&store.id).await.unwrap().unwrap();
        model.model.types.iter().map(|type_| type_.name.clone()).collect()
    }
}

pub fn condition(object: &Value, kind: &str) -> Value {
    let all = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    all.into_iter().find(|condition| condition["type"] == kind).unwrap_or_default()
}

pub fn is_ready(object: &Value) -> bool {
    condition(object, "Ready")["status"] == "True"
}

fn user(name: &str, groups: &[&str], home: Option<&str>) -> UserInfo {
    let extra = home
        .map(|home| ("authentication.kcp.io/cluster-name".to_owned(), vec![home.to_owned()]))
        .into_iter()
        .collect();
    UserInfo {
        name: name.to_owned(),
        uid: String::new(),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        extra,
    }
}

fn url_of(step: &Step) -> String {
    let version = step.object["apiVersion"].as_str().unwrap();
    let api = if version.contains('/') { format!("apis/{version}") } else { format!("api/{version}") };
    let namespace = step.namespace().map(|namespace| format!("namespaces/{namespace}/")).unwrap_or_default();
    let plural = format!("{}s", step.kind().to_lowercase());
    format!("/clusters/{}/{api}/{namespace}{plural}/{}", step.workspace, step.name())
}

/// Asks again until there is an answer, at most 20 seconds.
pub async fn eventually<T, F: Future<Output = Result<T, String>>>(
    what: String,
    mut ask: impl FnMut() -> F,
) -> T {
    let mut last = String::new();
    for _ in 0..2000 {
        match ask().await {
            Ok(answer) => return answer,
            Err(why) => last = why,
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}: {last}");
}
