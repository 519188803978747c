//! Workspaces from creation to their end: types, limits, initializers, terminators, content, access.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

mod harness;

use harness::{Server, admin, server, typed, user};
use http::Method;
use serde_json::{Value, json};

const WORKSPACES: &str = "apis/tenancy.kcp.io/v1alpha1/workspaces";

fn at(cluster: &str, rest: &str) -> String {
    format!("/clusters/{cluster}/{rest}")
}

/// The LogicalCluster of a workspace, by the workspace's cluster name.
async fn logical_cluster(server: &Server, workspace: &Value) -> Value {
    let cluster = workspace["spec"]["cluster"].as_str().unwrap();
    let path = at(cluster, "apis/core.kcp.io/v1alpha1/logicalclusters/cluster");
    server.get(&admin(), &path).await.body
}

#[tokio::test]
async fn wsp_01_universal_workspace_is_ready_with_namespaces_bindings_and_its_url() {
    let server = server().await;
    let plain = server.ready("root", "plain", Value::Null).await;
    assert_eq!(plain["spec"]["type"], json!({"name": "organization", "path": "root"}), "root's default");
    let workspace = server.ready("root", "one", typed("root", "universal")).await;
    assert!(workspace["spec"]["URL"].as_str().unwrap().ends_with("/clusters/root:one"), "{workspace:#}");
    assert_eq!(workspace["metadata"]["labels"]["tenancy.kcp.io/phase"], "Ready");
    let owner = &workspace["metadata"]["annotations"]["experimental.tenancy.kcp.io/owner"];
    assert_eq!(owner, "{\"username\":\"kcp-admin\"}");
    let cluster = workspace["spec"]["cluster"].as_str().unwrap();
    assert_eq!(cluster.len(), 16);
    for name in ["default", "kube-system"] {
        assert_eq!(
            server.get(&admin(), &at("root:one", &format!("api/v1/namespaces/{name}"))).await.code,
            200
        );
    }
    let bindings = server.get(&admin(), &at(cluster, "apis/apis.kcp.io/v1alpha1/apibindings")).await;
    assert_eq!(bindings.body["items"].as_array().unwrap().len(), 2, "{:#}", bindings.body);
    let inner = logical_cluster(&server, &workspace).await;
    assert_eq!(inner["metadata"]["annotations"]["kcp.io/path"], "root:one");
    assert_eq!(inner["metadata"]["annotations"]["internal.tenancy.kcp.io/type"], "root:universal");
    assert_eq!(inner["spec"]["owner"]["name"], "one");
    assert_eq!(inner["spec"]["createdBy"]["username"], "kcp-admin");
    server.ready("root:one", "two", Value::Null).await;
    assert_eq!(server.get(&admin(), "/clusters/root:one:two/version").await.code, 200);
}

#[tokio::test]
async fn wsp_02_type_without_a_path_is_searched_upwards_and_an_unknown_one_is_refused() {
    let server = server().await;
    server.ready("root", "org", Value::Null).await;
    server
        .workspace_type(
            "root",
            "project",
            json!({"extend": {"with": [{"name": "universal", "path": "root"}]}}),
        )
        .await;
    let found = server.ready("root:org", "p", json!({"name": "project"})).await;
    assert_eq!(found["spec"]["type"]["path"], "root");
    let missing = server.workspace(&admin(), "root:org", "q", json!({"name": "nothing"})).await;
    assert_eq!(missing.code, 403);
    assert!(
        missing.body["message"].as_str().unwrap().contains("workspace type cannot be resolved"),
        "{:#}",
        missing.body
    );
}

#[tokio::test]
async fn wsp_04_parents_and_children_are_limited_in_both_directions() {
    let server = server().await;
    let refuse = |answer: harness::Answer, text: &'static str| {
        assert_eq!(answer.code, 403, "{:#}", answer.body);
        let message = answer.body["message"].as_str().unwrap().to_owned();
        assert!(message.contains(text), "{message}");
    };
    refuse(
        server.workspace(&admin(), "root", "again", typed("root", "root")).await,
        "workspace type root:root cannot have any parent",
    );
    server.ready("root", "plain", typed("root", "universal")).await;
    refuse(
        server.workspace(&admin(), "root:plain", "org", typed("root", "organization")).await,
        "workspace type root:organization only allows [root:root] parent workspaces, but parent type root:universal only implements [root:universal]",
    );
    server
        .workspace_type(
            "root",
            "leaf",
            json!({"limitAllowedChildren": {"none": true},
        "extend": {"with": [{"name": "universal", "path": "root"}]}}),
        )
        .await;
    server.ready("root", "leaf", typed("root", "leaf")).await;
    refuse(
        server.workspace(&admin(), "root:leaf", "child", typed("root", "universal")).await,
        "workspace type root:leaf cannot have any child",
    );
    server.ready("root", "acme", typed("root", "organization")).await;
    let child = server.ready("root:acme", "dev", Value::Null).await;
    assert_eq!(child["spec"]["type"]["name"], "universal");
}

#[tokio::test]
async fn wsp_05_workspace_waits_for_its_initializer_and_only_shrinking_is_allowed() {
    let server = server().await;
    server.workspace_type("root", "security", json!({"initializer": true})).await;
    let type_path = at("root", "apis/tenancy.kcp.io/v1alpha1/workspacetypes/security");
    let ready = server.until(&type_path, |a| {
        a.body["status"]["conditions"]
            .as_array()
            .is_some_and(|c| c.iter().any(|c| c["type"] == "Ready" && c["status"] == "True"))
    });
    let urls = ready.await.body["status"]["virtualWorkspaces"].clone();
    assert!(
        urls[0]["url"].as_str().unwrap().ends_with("/services/initializingworkspaces/root:security"),
        "{urls:#}"
    );
    assert_eq!(server.workspace(&admin(), "root", "guarded", typed("root", "security")).await.code, 201);
    let path = at("root", &format!("{WORKSPACES}/guarded"));
    let waiting = server.until(&path, |a| a.body["status"]["phase"] == "Initializing").await.body;
    assert_eq!(waiting["status"]["initializers"], json!(["root:security"]));
    let inner = logical_cluster(&server, &waiting).await;
    let labels = inner["metadata"]["labels"].as_object().unwrap();
    assert!(labels.keys().any(|k| k.starts_with("initializer.internal.kcp.io/")), "{inner:#}");
    let status = at(
        waiting["spec"]["cluster"].as_str().unwrap(),
        "apis/core.kcp.io/v1alpha1/logicalclusters/cluster/status",
    );
    let grown = json!({"status": {"initializers": ["root:security", "root:other"]}});
    let refused = server.call(&admin(), Method::PATCH, &status, grown).await;
    assert_eq!(refused.code, 403, "{:#}", refused.body);
    assert!(refused.body["message"].as_str().unwrap().ends_with("status.initializers must not grow"));
    let done = server.call(&admin(), Method::PATCH, &status, json!({"status": {"initializers": []}})).await;
    assert_eq!(done.code, 200, "{:#}", done.body);
    let ready = server.until(&path, |a| a.body["status"]["phase"] == "Ready").await.body;
    assert!(ready["status"]["initializers"].is_null());
    let inner = logical_cluster(&server, &ready).await;
    assert!(!inner["metadata"]["labels"].as_object().unwrap().keys().any(|k| k.starts_with("initializer.")));
}

#[tokio::test]
async fn wsp_06_deletion_waits_for_terminators_then_for_finalizers_then_everything_is_gone() {
    let server = server().await;
    server
        .workspace_type(
            "root",
            "guarded",
            json!({"terminator": true,
        "extend": {"with": [{"name": "universal", "path": "root"}]}}),
        )
        .await;
    let workspace = server.ready("root", "doomed", typed("root", "guarded")).await;
    server.ready("root:doomed", "child", typed("root", "universal")).await;
    let cluster = workspace["spec"]["cluster"].as_str().unwrap();
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "held", "finalizers": ["example.io/held"]}});
    assert_eq!(
        server.post(&admin(), &at(cluster, "api/v1/namespaces/default/configmaps"), map).await.code,
        201
    );
    let path = at("root", &format!("{WORKSPACES}/doomed"));
    let deleted = server.call(&admin(), Method::DELETE, &path, Value::Null).await;
    assert_eq!(deleted.code, 200, "{:#}", deleted.body);
    server.until(&path, |a| a.body["status"]["phase"] == "Terminating").await;
    let status = at(cluster, "apis/core.kcp.io/v1alpha1/logicalclusters/cluster/status");
    let done = server.call(&admin(), Method::PATCH, &status, json!({"status": {"terminators": []}})).await;
    assert_eq!(done.code, 200, "{:#}", done.body);
    let remains = server
        .until(&path, |a| a.body["status"]["conditions"].to_string().contains("SomeFinalizersRemain"))
        .await;
    assert!(
        remains.body["status"]["conditions"].to_string().contains("example.io/held"),
        "{:#}",
        remains.body
    );
    let held = at(cluster, "api/v1/namespaces/default/configmaps/held");
    let freed = server.call(&admin(), Method::PATCH, &held, json!({"metadata": {"finalizers": null}})).await;
    assert_eq!(freed.code, 200, "{:#}", freed.body);
    server.until(&path, |a| a.code == 404).await;
    assert!(server.0.core().store().prefixes_of(&cluster.into()).is_empty());
    assert_eq!(server.get(&admin(), "/clusters/root:doomed:child/version").await.code, 404);
    server.ready("root", "doomed", typed("root", "universal")).await;
}

#[tokio::test]
async fn wsp_09_types_need_use_and_spec_cluster_is_the_schedulers() {
    let server = server().await;
    let alice = user("alice", &[]);
    server
        .workspace_type(
            "root",
            "private",
            json!({"extend": {"with": [{"name": "universal", "path": "root"}]}}),
        )
        .await;
    let rule = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "ws"},
        "rules": [{"verbs": ["create", "get"], "apiGroups": ["tenancy.kcp.io"], "resources": ["workspaces"]}]});
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "ws"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "ws"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "alice"}]});
    let rbac = |kind: &str| at("root", &format!("apis/rbac.authorization.k8s.io/v1/{kind}"));
    assert_eq!(server.post(&admin(), &rbac("clusterroles"), rule).await.code, 201);
    assert_eq!(server.post(&admin(), &rbac("clusterrolebindings"), binding).await.code, 201);
    let refused = server.workspace(&alice, "root", "mine", typed("root", "private")).await;
    assert_eq!(refused.code, 403);
    let message = refused.body["message"].as_str().unwrap();
    assert!(
        message.contains(
            "unable to use workspace type root:private: missing verb='use' permission on workspacetype"
        ),
        "{message}"
    );
    let forged =
        json!({"metadata": {"name": "mine"}, "spec": {"cluster": "abc", "type": typed("root", "universal")}});
    assert_eq!(server.post(&alice, &at("root", WORKSPACES), forged).await.code, 403);
    assert_eq!(server.workspace(&alice, "root", "mine", typed("root", "universal")).await.code, 201);
    server.until(&at("root", &format!("{WORKSPACES}/mine")), |a| a.body["status"]["phase"] == "Ready").await;
    let bob = user("bob", &[]);
    assert_eq!(server.get(&alice, "/clusters/root:mine/api/v1/secrets").await.code, 200);
    assert_eq!(server.get(&bob, "/clusters/root:mine/api/v1/secrets").await.code, 403);
    assert_eq!(server.get(&bob, "/clusters/root:mine/version").await.code, 403);
}

#[tokio::test]
async fn wsp_07_logical_cluster_is_the_servers_to_create_and_delete() {
    let server = server().await;
    let workspace = server.ready("root", "one", Value::Null).await;
    let cluster = workspace["spec"]["cluster"].as_str().unwrap();
    let path = at(cluster, "apis/core.kcp.io/v1alpha1/logicalclusters");
    let refused = server.call(&admin(), Method::DELETE, &format!("{path}/cluster"), Value::Null).await;
    assert_eq!(refused.code, 403, "{:#}", refused.body);
    assert!(refused.body["message"].as_str().unwrap().contains("LogicalCluster cannot be deleted"));
}

#[tokio::test]
async fn wsp_03_types_that_extend_each_other_are_refused() {
    let server = server().await;
    server.workspace_type("root", "a", json!({"extend": {"with": [{"name": "b", "path": "root"}]}})).await;
    server.workspace_type("root", "b", json!({"extend": {"with": [{"name": "a", "path": "root"}]}})).await;
    let refused = server.workspace(&admin(), "root", "loop", typed("root", "a")).await;
    assert_eq!(refused.code, 403);
    assert!(
        refused.body["message"]
            .as_str()
            .unwrap()
            .contains("circular reference detected in workspace type root:a"),
        "{:#}",
        refused.body
    );
}

#[tokio::test]
async fn wsp_03_an_organization_has_universal_children_and_a_given_type_path_stays_as_it_was_written() {
    let server = server().await;
    let org = server.ready("root", "org", typed("root", "organization")).await;
    let child = server.ready("root:org", "child", Value::Null).await;
    assert_eq!(child["spec"]["type"], json!({"name": "universal", "path": "root"}));
    let cluster = org["spec"]["cluster"].as_str().unwrap();
    server
        .workspace_type(
            "root:org",
            "plain",
            json!({"extend": {"with": [{"name": "universal", "path": "root"}]}}),
        )
        .await;
    let given = server.ready("root:org", "given", typed(cluster, "plain")).await;
    assert_eq!(given["spec"]["type"], json!({"name": "plain", "path": cluster}));
    let team = server.ready("root:org", "team", typed("root", "team")).await;
    assert_eq!(team["status"]["phase"], "Ready");
}

#[tokio::test]
async fn wsp_11_of_a_deleted_workspace_masters_see_that_nothing_is_left() {
    let server = server().await;
    let masters = user("root", &["system:masters"]);
    let workspace = server.ready("root", "gone", Value::Null).await;
    let cluster = workspace["spec"]["cluster"].as_str().unwrap();
    let path = at("root", &format!("{WORKSPACES}/gone"));
    assert_eq!(server.call(&admin(), Method::DELETE, &path, Value::Null).await.code, 200);
    server.until(&path, |a| a.code == 404).await;
    let maps = at(cluster, "api/v1/configmaps");
    let left = server.get(&masters, &maps).await;
    assert_eq!((left.code, &left.body["items"]), (200, &json!([])), "{:#}", left.body);
    assert_eq!(server.get(&admin(), &maps).await.code, 404);
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}});
    assert_eq!(server.post(&masters, &at(cluster, "api/v1/namespaces"), namespace).await.code, 404);
    assert_eq!(server.get(&masters, &at("root:gone", "api/v1/configmaps")).await.code, 404);
}

/// Go clients of kcp 0.31 do not know `spec.createdBy` and write objects back without it.
#[tokio::test]
async fn wsp_04_clients_that_do_not_know_created_by_may_write_a_logical_cluster_back() {
    let server = server().await;
    let workspace = server.ready("root", "old", Value::Null).await;
    let cluster = workspace["spec"]["cluster"].as_str().unwrap();
    let path = at(cluster, "apis/core.kcp.io/v1alpha1/logicalclusters/cluster");
    let mut object = server.get(&admin(), &path).await.body;
    let creator = object["spec"]["createdBy"].take();
    assert!(creator.is_object(), "{object:#}");
    object["spec"].as_object_mut().unwrap().remove("createdBy");
    object["metadata"]["annotations"]["example.io/seen"] = "yes".into();
    let written = server.call(&admin(), Method::PUT, &path, object.clone()).await;
    assert_eq!((written.code, &written.body["spec"]["createdBy"]), (200, &creator), "{:#}", written.body);
    object["metadata"]["resourceVersion"] = written.body["metadata"]["resourceVersion"].clone();
    object["spec"]["createdBy"] = json!({"username": "mallory"});
    assert_eq!(server.call(&admin(), Method::PUT, &path, object).await.code, 422);
}
