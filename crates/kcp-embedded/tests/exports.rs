//! A provider publishes, a consumer binds, claims are accepted, the provider sees its consumers, the binding goes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test helpers")]

use std::time::Duration;

use apiserver::UserInfo;
use http::Method;
use kcp_embedded::{
    Options,
    server::{KcpServer, KcpService, Parts, RunningServer},
};
use kube::Client;
use serde_json::{Value, json};

struct Kcp {
    server: RunningServer,
    admin: Client,
}

fn client(service: KcpService) -> Client {
    Client::new(service, "default")
}

fn user(name: &str, groups: &[&str]) -> UserInfo {
    let mut groups: Vec<String> = groups.iter().map(|g| (*g).to_owned()).collect();
    groups.push("system:authenticated".into());
    UserInfo { name: name.into(), groups, ..UserInfo::default() }
}

async fn kcp() -> Kcp {
    let server = KcpServer::start(Options::default(), Parts::default()).await.unwrap();
    let admin = client(server.service_as(user("kcp-admin", &["system:kcp:admin"])));
    Kcp { server, admin }
}

async fn call(
    client: &Client,
    method: Method,
    path: &str,
    kind: &str,
    body: &Value,
) -> Result<Value, (u16, String)> {
    let bytes = if body.is_null() { Vec::new() } else { serde_json::to_vec(body).unwrap() };
    let request =
        http::Request::builder().method(method).uri(path).header("content-type", kind).body(bytes).unwrap();
    match client.request::<Value>(request).await {
        Ok(value) => Ok(value),
        Err(kube::Error::Api(status)) => Err((status.code, status.message)),
        Err(other) => panic!("{other}"),
    }
}

impl Kcp {
    async fn get(&self, path: &str) -> Result<Value, (u16, String)> {
        call(&self.admin, Method::GET, path, "application/json", &Value::Null).await
    }

    async fn create(&self, path: &str, body: Value) -> Value {
        call(&self.admin, Method::POST, path, "application/json", &body)
            .await
            .unwrap_or_else(|e| panic!("{path}: {e:?}"))
    }

    async fn until(&self, path: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        for _ in 0..1_000 {
            if let Ok(found) = self.get(path).await {
                if holds(&found) {
                    return found;
                }
                last = found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{path}: not {what}: {last:#}")
    }

    async fn workspace(&self, parent: &str, name: &str) -> String {
        let body = json!({"apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "Workspace", "metadata": {"name": name},
            "spec": {"type": {"name": "universal", "path": "root"}}});
        self.create(&format!("/clusters/{parent}/apis/tenancy.kcp.io/v1alpha1/workspaces"), body).await;
        let path = format!("/clusters/{parent}/apis/tenancy.kcp.io/v1alpha1/workspaces/{name}");
        let ready = self.until(&path, "ready", |w| w["status"]["phase"] == "Ready").await;
        ready["spec"]["cluster"].as_str().unwrap().to_owned()
    }

    /// A workspace that exports buckets with a claim on ConfigMaps.
    async fn provider(&self) -> String {
        let cluster = self.workspace("root", "provider").await;
        let schema = json!({"apiVersion": "apis.kcp.io/v1alpha1", "kind": "APIResourceSchema",
            "metadata": {"name": "v1.buckets.storage.example.io"},
            "spec": {"group": "storage.example.io", "scope": "Cluster",
                "names": {"plural": "buckets", "singular": "bucket", "kind": "Bucket", "listKind": "BucketList"},
                "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                    "schema": {"type": "object", "properties": {
                        "spec": {"type": "object", "properties": {"region": {"type": "string"}}},
                        "status": {"type": "object", "properties": {"phase": {"type": "string"}}}}}}]}});
        self.create("/clusters/root:provider/apis/apis.kcp.io/v1alpha1/apiresourceschemas", schema).await;
        let export = json!({"apiVersion": "apis.kcp.io/v1alpha2", "kind": "APIExport", "metadata": {"name": "storage.example.io"},
            "spec": {"resources": [{"group": "storage.example.io", "name": "buckets", "schema": "v1.buckets.storage.example.io"}],
                "permissionClaims": [{"group": "", "resource": "configmaps", "verbs": ["get", "list", "watch", "create"]}]}});
        self.create("/clusters/root:provider/apis/apis.kcp.io/v1alpha2/apiexports", export).await;
        let path = "/clusters/root:provider/apis/apis.kcp.io/v1alpha2/apiexports/storage.example.io";
        self.until(path, "identified", |e| e["status"]["identityHash"].is_string()).await;
        cluster
    }

    async fn bind(&self, consumer: &str) {
        let binding = json!({"apiVersion": "apis.kcp.io/v1alpha2", "kind": "APIBinding", "metadata": {"name": "storage"},
            "spec": {"reference": {"export": {"path": "root:provider", "name": "storage.example.io"}},
                "permissionClaims": [{"group": "", "resource": "configmaps", "verbs": ["get", "list", "watch", "create"],
                    "selector": {"matchAll": true}, "state": "Accepted"}]}});
        self.create(&format!("/clusters/{consumer}/apis/apis.kcp.io/v1alpha2/apibindings"), binding).await;
        let path = format!("/clusters/{consumer}/apis/apis.kcp.io/v1alpha2/apibindings/storage");
        self.until(&path, "bound", |b| {
            let applied = |c: &Value| c["type"] == "PermissionClaimsApplied" && c["status"] == "True";
            b["status"]["phase"] == "Bound"
                && b["status"]["conditions"].as_array().unwrap().iter().any(applied)
        })
        .await;
    }
}

fn bucket(name: &str) -> Value {
    json!({"apiVersion": "storage.example.io/v1", "kind": "Bucket", "metadata": {"name": name}, "spec": {"region": "eu"}})
}

fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": {"a": "b"}})
}

#[tokio::test]
async fn bnd_01_bound_api_is_served_at_once_and_the_provider_sees_every_consumer() {
    let kcp = kcp().await;
    let provider = kcp.provider().await;
    let (one, two) = (kcp.workspace("root", "one").await, kcp.workspace("root", "two").await);
    let slice =
        "/clusters/root:provider/apis/apis.kcp.io/v1alpha1/apiexportendpointslices/storage.example.io";
    assert!(kcp.get(slice).await.unwrap()["status"]["endpoints"].is_null(), "no consumer, no endpoint");
    kcp.bind(&one).await;
    kcp.bind(&two).await;
    for cluster in [&one, &two] {
        kcp.create(&format!("/clusters/{cluster}/apis/storage.example.io/v1/buckets"), bucket("b")).await;
    }
    let endpoint = kcp.until(slice, "published", |s| s["status"]["endpoints"][0]["url"].is_string()).await;
    let url = endpoint["status"]["endpoints"][0]["url"].as_str().unwrap();
    assert!(url.ends_with(&format!("/services/apiexport/{provider}/storage.example.io")), "{url}");
    let base = format!("/services/apiexport/{provider}/storage.example.io");
    let all = kcp.get(&format!("{base}/clusters/*/apis/storage.example.io/v1/buckets")).await.unwrap();
    let mut seen: Vec<&str> = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|b| b["metadata"]["annotations"]["kcp.io/cluster"].as_str().unwrap())
        .collect();
    seen.sort_unstable();
    let mut both = vec![one.as_str(), two.as_str()];
    both.sort_unstable();
    assert_eq!(seen, both);
    let bindings =
        kcp.get(&format!("{base}/clusters/*/apis/apis.kcp.io/v1alpha1/apibindings")).await.unwrap();
    assert_eq!(bindings["items"].as_array().unwrap().len(), 2, "the provider sees its own bindings only");
    kcp.server.stop().await;
}

#[tokio::test]
async fn clm_03_claimed_objects_are_seen_with_accepted_verbs_only() {
    let kcp = kcp().await;
    let provider = kcp.provider().await;
    let one = kcp.workspace("root", "one").await;
    kcp.create(&format!("/clusters/{one}/api/v1/namespaces/default/configmaps"), config_map("before")).await;
    kcp.bind(&one).await;
    kcp.create(&format!("/clusters/{one}/api/v1/namespaces/default/configmaps"), config_map("after")).await;
    let base = format!("/services/apiexport/{provider}/storage.example.io/clusters/{one}");
    let seen = kcp.get(&format!("{base}/api/v1/namespaces/default/configmaps")).await.unwrap();
    let names: Vec<&str> =
        seen["items"].as_array().unwrap().iter().map(|m| m["metadata"]["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"before") && names.contains(&"after"), "{names:?}");
    kcp.create(&format!("{base}/api/v1/namespaces/default/configmaps"), config_map("made")).await;
    let path = format!("{base}/api/v1/namespaces/default/configmaps/made");
    let refused =
        call(&kcp.admin, Method::DELETE, &path, "application/json", &Value::Null).await.unwrap_err();
    assert_eq!(refused.0, 403, "delete was not claimed: {}", refused.1);
    let secrets = kcp.get(&format!("{base}/api/v1/namespaces/default/secrets")).await.unwrap_err();
    assert_eq!(secrets.0, 403, "secrets were not claimed: {}", secrets.1);
    kcp.server.stop().await;
}

#[tokio::test]
async fn vws_02_stranger_sees_nothing_and_unbound_cluster_is_closed() {
    let kcp = kcp().await;
    let provider = kcp.provider().await;
    let (one, two) = (kcp.workspace("root", "one").await, kcp.workspace("root", "two").await);
    kcp.bind(&one).await;
    let stranger = client(kcp.server.service_as(user("eve", &[])));
    let base = format!("/services/apiexport/{provider}/storage.example.io/clusters");
    let path = format!("{base}/*/apis/storage.example.io/v1/buckets");
    assert_eq!(
        call(&stranger, Method::GET, &path, "application/json", &Value::Null).await.unwrap_err().0,
        403
    );
    let unbound = kcp.get(&format!("{base}/{two}/apis/storage.example.io/v1/buckets")).await.unwrap_err();
    assert_eq!(unbound.0, 403, "{}", unbound.1);
    kcp.server.stop().await;
}

#[tokio::test]
async fn bnd_06_deleted_binding_takes_its_instances_along_and_frees_the_name() {
    let kcp = kcp().await;
    kcp.provider().await;
    let one = kcp.workspace("root", "one").await;
    kcp.bind(&one).await;
    kcp.create(&format!("/clusters/{one}/apis/storage.example.io/v1/buckets"), bucket("b")).await;
    let binding = format!("/clusters/{one}/apis/apis.kcp.io/v1alpha2/apibindings/storage");
    call(&kcp.admin, Method::DELETE, &binding, "application/json", &Value::Null).await.unwrap();
    for _ in 0..1_000 {
        if matches!(kcp.get(&binding).await, Err((404, _))) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(kcp.get(&binding).await.unwrap_err().0, 404);
    assert_eq!(
        kcp.get(&format!("/clusters/{one}/apis/storage.example.io/v1/buckets")).await.unwrap_err().0,
        404
    );
    kcp.bind(&one).await;
    let buckets = kcp.get(&format!("/clusters/{one}/apis/storage.example.io/v1/buckets")).await.unwrap();
    assert_eq!(buckets["items"].as_array().unwrap().len(), 0, "instances of the first binding are gone");
    kcp.server.stop().await;
}

#[tokio::test]
async fn bnd_03_binding_needs_the_verb_bind_and_says_the_same_for_a_missing_export() {
    let kcp = kcp().await;
    kcp.provider().await;
    let one = kcp.workspace("root", "one").await;
    let binding = |export: &str| {
        json!({"apiVersion": "apis.kcp.io/v1alpha1", "kind": "APIBinding", "metadata": {"name": "x"},
            "spec": {"reference": {"export": {"path": "root:provider", "name": export}}}})
    };
    let path = format!("/clusters/{one}/apis/apis.kcp.io/v1alpha1/apibindings");
    let missing =
        call(&kcp.admin, Method::POST, &path, "application/json", &binding("nothing")).await.unwrap_err();
    assert_eq!(missing.0, 403);
    assert!(
        missing
            .1
            .contains("unable to create APIBinding: no permission to bind to export root:provider:nothing"),
        "{}",
        missing.1
    );
    kcp.server.stop().await;
}

#[tokio::test]
async fn bnd_06_nothing_new_is_made_while_the_binding_waits_for_its_instances() {
    let kcp = kcp().await;
    kcp.provider().await;
    kcp.workspace("root", "closing").await;
    kcp.bind("root:closing").await;
    let buckets = "/clusters/root:closing/apis/storage.example.io/v1/buckets";
    let bucket = |name: &str, finalizers: Value| json!({"apiVersion": "storage.example.io/v1", "kind": "Bucket", "metadata": {"name": name, "finalizers": finalizers}});
    kcp.create(buckets, bucket("held", json!(["example.io/held"]))).await;
    let binding = "/clusters/root:closing/apis/apis.kcp.io/v1alpha2/apibindings/storage";
    call(&kcp.admin, Method::DELETE, binding, "application/json", &Value::Null).await.unwrap();
    kcp.until(&format!("{buckets}/held"), "being deleted", |b| {
        b["metadata"]["deletionTimestamp"].is_string()
    })
    .await;
    let refused =
        call(&kcp.admin, Method::POST, buckets, "application/json", &bucket("late", json!([]))).await;
    assert_eq!(refused.unwrap_err().0, 403);
    let free = json!({"metadata": {"finalizers": null}});
    let patch = "application/merge-patch+json";
    call(&kcp.admin, Method::PATCH, &format!("{buckets}/held"), patch, &free).await.unwrap();
    kcp.server.stop().await;
}

#[tokio::test]
async fn bnd_09_maintained_bindings_follow_their_type_and_their_export_and_keep_what_was_answered() {
    let kcp = kcp().await;
    kcp.provider().await;
    let patch = async |path: &str, body: Value| {
        call(&kcp.admin, Method::PATCH, path, "application/merge-patch+json", &body).await.unwrap()
    };
    let types = "/clusters/root/apis/tenancy.kcp.io/v1alpha1/workspacetypes";
    kcp.create(
        types,
        json!({"apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "WorkspaceType", "metadata": {"name": "kept"},
            "spec": {"extend": {"with": [{"name": "universal", "path": "root"}]},
                "defaultAPIBindingLifecycle": "Maintain",
                "defaultAPIBindings": [{"path": "root:provider", "export": "storage.example.io"}]}}),
    )
    .await;
    for name in ["kept", "universal"] {
        let body = json!({"apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "Workspace",
            "metadata": {"name": format!("of-{name}")}, "spec": {"type": {"name": name, "path": "root"}}});
        kcp.create("/clusters/root/apis/tenancy.kcp.io/v1alpha1/workspaces", body).await;
        let path = format!("/clusters/root/apis/tenancy.kcp.io/v1alpha1/workspaces/of-{name}");
        kcp.until(&path, "ready", |w| w["status"]["phase"] == "Ready").await;
    }
    let bindings = "/clusters/root:of-kept/apis/apis.kcp.io/v1alpha2/apibindings";
    let list = kcp.get(bindings).await.unwrap();
    let exports = |list: &Value| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let items = list["items"].as_array().unwrap().iter();
        items
            .map(|b| (text(&b["spec"]["reference"]["export"]["name"]), text(&b["metadata"]["name"])))
            .collect()
    };
    let (_, binding) = exports(&list).into_iter().find(|(export, _)| export == "storage.example.io").unwrap();
    let binding = format!("{bindings}/{binding}");
    let answers = |binding: &Value| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let claims = binding["spec"]["permissionClaims"].as_array().unwrap().iter();
        claims.map(|claim| (text(&claim["resource"]), text(&claim["state"]))).collect()
    };

    let mut claims = kcp.get(&binding).await.unwrap()["spec"]["permissionClaims"].clone();
    claims[0]["state"] = "Rejected".into();
    patch(&binding, json!({"spec": {"permissionClaims": claims}})).await;
    let export = "/clusters/root:provider/apis/apis.kcp.io/v1alpha2/apiexports/storage.example.io";
    let mut asked = kcp.get(export).await.unwrap()["spec"]["permissionClaims"].clone();
    let more = json!({"group": "", "resource": "secrets", "verbs": ["get"],
        "defaultSelector": {"matchLabels": {"a": "b"}}});
    asked.as_array_mut().unwrap().push(more);
    patch(export, json!({"spec": {"permissionClaims": asked}})).await;
    let both = kcp.until(&binding, "accepted", |b| answers(b).len() == 2).await;
    let pair = |resource: &str, state: &str| (resource.to_owned(), state.to_owned());
    assert_eq!(answers(&both), [pair("configmaps", "Rejected"), pair("secrets", "Accepted")]);
    assert_eq!(both["spec"]["permissionClaims"][1]["selector"], json!({"matchLabels": {"a": "b"}}));

    let shards = json!({"path": "root", "export": "shards.core.kcp.io"});
    let named = json!([{"path": "root:provider", "export": "storage.example.io"}, shards]);
    patch(&format!("{types}/kept"), json!({"spec": {"defaultAPIBindings": named}})).await;
    let bound = |list: &Value| exports(list).iter().any(|(export, _)| export == "shards.core.kcp.io");
    kcp.until(bindings, "bound by the changed type", bound).await;
    let other = kcp.get("/clusters/root:of-universal/apis/apis.kcp.io/v1alpha2/apibindings").await.unwrap();
    assert_eq!(exports(&other).len(), 2, "{other:#}");
}
