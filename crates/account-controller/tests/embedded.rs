//! The bootstrap list and the operator on the embedded control plane, the operator with the rights of its service account
//! and no others. What the security operator does is played by the test: it takes its marker away.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

use account_controller::{Options, run};
use apiserver::UserInfo;
use clap::Parser as _;
use http::Request;
use kcp_embedded::{KcpServer, RunningServer};
use kube::Client;
use multicluster_kcp::{ApiExport, Connection};
use platform_mesh_api::{
    bootstrap::{FIELD_MANAGER, Lookup, Parameters, Phase, Step, steps_of},
    names,
};
use runtime::{Clock, Ids, Metrics, Ops, Stop};
use serde_json::{Value, json};

struct Kcp {
    server: RunningServer,
    admin: Client,
}

impl Kcp {
    async fn start() -> Self {
        let server =
            KcpServer::start(kcp_embedded::Options::default(), kcp_embedded::Parts::default()).await.unwrap();
        let admin = Client::new(server.service_as(user("admin", &["system:masters"], None)), "default");
        Self { server, admin }
    }

    async fn request(&self, method: &str, url: &str, kind: &str, body: &Value) -> Result<Value, kube::Error> {
        let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(body).unwrap() };
        self.admin
            .request(
                Request::builder().method(method).uri(url).header("content-type", kind).body(body).unwrap(),
            )
            .await
    }

    async fn get(&self, url: &str) -> Result<Value, kube::Error> {
        self.request("GET", url, "application/json", &Value::Null).await
    }

    async fn find(&self, lookup: &Lookup) -> Option<Value> {
        match lookup {
            Lookup::IdentityHash { workspace, export } => {
                let url = format!("/clusters/{workspace}/apis/apis.kcp.io/v1alpha2/apiexports/{export}");
                Some(self.get(&url).await.unwrap()["status"]["identityHash"].clone())
            }
            Lookup::Cluster { workspace } => {
                let url = format!("/clusters/{workspace}/apis/core.kcp.io/v1alpha1/logicalclusters/cluster");
                Some(self.get(&url).await.unwrap()["metadata"]["annotations"]["kcp.io/cluster"].clone())
            }
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
        // A kind of a fresh binding is served a moment later.
        eventually(&format!("apply of {} {} in {}", step.kind(), step.name(), step.workspace), || async {
            self.request("PATCH", &apply, "application/apply-patch+yaml", &object)
                .await
                .map_err(|error| error.to_string())
        })
        .await;
        eventually(&format!("{:?} of {} {}", step.wait, step.kind(), step.name()), || async {
            let object = self.get(&url).await.map_err(|error| error.to_string())?;
            if step.wait.is_over(&object) { Ok(()) } else { Err(object["status"].to_string()) }
        })
        .await;
    }

    /// What the security operator does once it is done with a workspace, or with its end.
    async fn release(&self, cluster: &str, field: &str) {
        let url = format!("/clusters/{cluster}/apis/core.kcp.io/v1alpha1/logicalclusters/cluster");
        let object = self.get(&url).await.unwrap();
        let left: Vec<&Value> = object["status"][field]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|one| *one != names::SECURITY_MARKER)
            .collect();
        let patch = json!({"status": {field: left}});
        self.request("PATCH", &format!("{url}/status"), "application/merge-patch+json", &patch)
            .await
            .unwrap();
    }

    async fn create_account(&self, cluster: &str, name: &str, kind: &str) {
        let object = json!({"apiVersion": "core.platform-mesh.io/v1alpha1", "kind": "Account", "metadata": {"name": name},
            "spec": {"type": kind, "displayName": name, "creator": "ann@acme.test"}});
        self.request("POST", &accounts(cluster), "application/json", &object).await.unwrap();
    }

    async fn account(&self, cluster: &str, name: &str) -> Option<Value> {
        self.get(&format!("{}/{name}", accounts(cluster))).await.ok()
    }

    /// Waits for the account's AccountInfo, plays the security operator, waits until the account is ready; its cluster.
    async fn becomes_ready(&self, cluster: &str, name: &str) -> String {
        let workspace = format!("/clusters/{cluster}/apis/tenancy.kcp.io/v1alpha1/workspaces/{name}");
        let inside = eventually(&format!("AccountInfo of {name}"), || async {
            let status = self.account(cluster, name).await.map(|account| account["status"].to_string());
            let found = self.get(&workspace).await.map_err(|error| format!("{error}: {status:?}"))?;
            let inside = found["spec"]["cluster"].as_str().ok_or("not scheduled")?.to_owned();
            let info = format!("/clusters/{inside}/apis/core.platform-mesh.io/v1alpha1/accountinfos/account");
            self.get(&info).await.map_err(|error| format!("{error}: {status:?}"))?;
            Ok(inside)
        })
        .await;
        self.release(&inside, "initializers").await;
        eventually(&format!("Ready of {name}"), || async {
            let account = self.account(cluster, name).await.ok_or("gone")?;
            let conditions = account["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let ready = conditions
                .iter()
                .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
            if ready { Ok(()) } else { Err(json!(conditions).to_string()) }
        })
        .await;
        inside
    }
}

fn accounts(cluster: &str) -> String {
    format!("/clusters/{cluster}/apis/core.platform-mesh.io/v1alpha1/accounts")
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
    let plural = match step.kind() {
        "IdentityProviderConfiguration" => "identityproviderconfigurations".to_owned(),
        kind => format!("{}s", kind.to_lowercase()),
    };
    format!("/clusters/{}/{api}/{namespace}{plural}/{}", step.workspace, step.name())
}

/// Asks again until there is an answer, at most 20 seconds.
async fn eventually<T, F: Future<Output = Result<T, String>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
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

#[tokio::test]
async fn acc_a1_a2_d7_organisation_and_account_live_and_go_on_the_embedded_control_plane() {
    let kcp = Kcp::start().await;
    let parameters = Parameters::new("portal.test");
    // Accounts need no providers; their own workspace is another test's.
    let platform: Vec<Step> = steps_of(&parameters, Phase::Platform)
        .into_iter()
        .filter(|step| step.workspace != names::PROVIDERS)
        .collect();
    for step in &platform {
        kcp.apply(step).await;
    }

    // A second time, nothing changes.
    let first = kcp.get("/clusters/root/apis/tenancy.kcp.io/v1alpha1/workspacetypes/orgs").await.unwrap();
    for step in &platform {
        kcp.apply(step).await;
    }
    let second = kcp.get("/clusters/root/apis/tenancy.kcp.io/v1alpha1/workspacetypes/orgs").await.unwrap();
    assert_eq!(first["metadata"]["resourceVersion"], second["metadata"]["resourceVersion"]);

    let home = kcp.find(&Lookup::Cluster { workspace: names::SYSTEM.to_owned() }).await.unwrap();
    let groups =
        ["system:serviceaccounts", "system:serviceaccounts:platform-mesh-system", "system:authenticated"];
    let operator =
        user("system:serviceaccount:platform-mesh-system:account-operator", &groups, home.as_str());
    let client = Client::new(kcp.server.service_as(operator), "default");
    let parts = account_controller::Parts {
        provider: Arc::new(ApiExport::new(
            Connection::in_process(&client, names::SYSTEM),
            names::CORE_EXPORT,
        )),
        ca: "CA".to_owned(),
        runtime: None,
        webhook: None,
        clock: Clock::system(),
        ids: Ids::random(),
        ops: Ops::new(Metrics::new()),
    };
    let options =
        Options::parse_from(["x", "--webhooks-additional-account-types=account", "--shutdown-timeout=2s"]);
    let stop = Stop::new();
    let story = async {
        kcp.create_account(names::ORGS, "acme", "org").await;
        let acme = kcp.becomes_ready(names::ORGS, "acme").await;
        kcp.create_account(&acme, "dev", "account").await;
        let dev = kcp.becomes_ready(&acme, "dev").await;
        let info = format!("/clusters/{dev}/apis/core.platform-mesh.io/v1alpha1/accountinfos/account");
        let info = kcp.get(&info).await.unwrap();
        assert_eq!(info["spec"]["account"]["path"], "root:orgs:acme:dev");
        assert_eq!(info["spec"]["parentAccount"]["generatedClusterId"], acme.as_str());

        let url = format!("{}/dev", accounts(&acme));
        kcp.request("DELETE", &url, "application/json", &Value::Null).await.unwrap();
        eventually("terminators of dev", || async {
            let url = format!("/clusters/{dev}/apis/core.kcp.io/v1alpha1/logicalclusters/cluster");
            let object = kcp.get(&url).await.map_err(|error| error.to_string())?;
            if object["metadata"]["deletionTimestamp"].is_null() {
                Err("not deleting".to_owned())
            } else {
                Ok(())
            }
        })
        .await;
        kcp.release(&dev, "terminators").await;
        eventually("the end of dev", || async {
            kcp.account(&acme, "dev").await.map_or(Ok(()), |account| Err(account.to_string()))
        })
        .await;
        stop.stop();
    };
    let (ended, ()) = tokio::join!(run(options, parts, stop.clone()), story);
    ended.unwrap();
    kcp.server.stop().await;
}
