//! kcp's main line and 0.31 answer differently in places; the providers take either. Paused time.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::time::Duration;

use common::{VIRTUAL, binding, connection, engaged, names, run, slice};
use k8s_openapi::api::core::v1::ConfigMap;
use kcp_api::core::v1alpha1::LogicalCluster;
use multicluster::{Fleet, testing::FakeServer};
use multicluster_kcp::{ApiExport, LogicalClusters, TerminatingWorkspaces};
use runtime::{Fault, FaultRule};
use serde_json::{Value, json};

const TERMINATING: &str = "/services/terminatingworkspaces/p1:guarded";

async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn consumers(server: &FakeServer) -> Fleet {
    Fleet::builder().provider(ApiExport::new(connection(server), "storage.example.io")).build().unwrap()
}

fn everything(server: &FakeServer) -> Fleet {
    let all = LogicalClusters::new(connection(server), ["https://kcp.test:6443/shard".to_owned()]);
    server.endpoint("/shard", |_| true);
    Fleet::builder().provider(all).build().unwrap()
}

fn logical(path: Option<&str>, spec: Value, status: Value) -> Value {
    let mut object = json!({"apiVersion": "core.kcp.io/v1alpha1", "kind": "LogicalCluster",
        "metadata": {"name": "cluster", "annotations": {}}, "spec": spec, "status": status});
    if let Some(path) = path {
        object["metadata"]["annotations"]["kcp.io/path"] = json!(path);
    }
    object
}

/// Main lists the shards of an endpoint, 0.31 does not know the field.
#[tokio::test(start_paused = true)]
async fn endpoints_of_a_slice_may_name_their_shards() {
    let selector = json!({"selector": {"matchLabels": {"region": "eu"}}});
    for shards in [None, Some(json!({"matchAll": true})), Some(selector)] {
        let server = FakeServer::new();
        server.endpoint(VIRTUAL, |_| true);
        let mut object = slice(&[VIRTUAL]);
        if let Some(shards) = shards {
            object["status"]["endpoints"][0]["shards"] = shards;
        }
        server.put("p1", object, "apiexportendpointslices");
        server.put("c1", binding("storage.example.io", None, "True"), "apibindings");
        let fleet = consumers(&server);
        run(&fleet, engaged(&fleet, &["c1"])).await;
    }
}

/// Main has `spec.createdBy`, and phases that 0.31 does not know; a future one may have more of both.
#[tokio::test(start_paused = true)]
async fn logical_clusters_of_every_version_are_read() {
    let server = FakeServer::new();
    let created = json!({"createdBy": {"username": "alice", "extra": {"a": ["b"]}}, "inAFutureVersion": 1});
    server.put("old", logical(Some("root:old"), json!({}), json!({"phase": "Ready"})), "logicalclusters");
    server.put("new", logical(Some("root:new"), created, json!({"phase": "Ready"})), "logicalclusters");
    for (name, phase) in [("a", "Initializing"), ("b", "Inactive"), ("c", "ForeverYoung")] {
        server.put(name, logical(None, json!({}), json!({ "phase": phase })), "logicalclusters");
    }
    let fleet = everything(&server);
    run(&fleet, async {
        engaged(&fleet, &["new", "old"]).await;
        assert_eq!(fleet.resolve("root:new").unwrap().id().as_str(), "new");
    })
    .await;
}

/// While a workspace is deleted, 0.31 leaves phase Ready and sets a label; main goes through Terminating and Deleting.
#[tokio::test(start_paused = true)]
async fn a_workspace_that_is_being_deleted_stays_until_it_is_gone() {
    let server = FakeServer::new();
    let ready = json!({"phase": "Ready"});
    for name in ["a", "b"] {
        server.put(name, logical(None, json!({}), ready.clone()), "logicalclusters");
    }
    let fleet = everything(&server);
    run(&fleet, async {
        engaged(&fleet, &["a", "b"]).await;
        let mut labelled = logical(None, json!({}), ready.clone());
        labelled["metadata"]["labels"] = json!({"tenancy.kcp.io/phase": "Deleting"});
        labelled["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        server.put("a", labelled, "logicalclusters");
        for phase in ["Terminating", "Deleting"] {
            server.put("b", logical(None, json!({}), json!({ "phase": phase })), "logicalclusters");
            seconds(2).await;
            assert_eq!(names(&fleet), ["a", "b"], "{phase}");
        }
        server.remove("a", "core.kcp.io", "logicalclusters", None, "cluster");
        server.remove("b", "core.kcp.io", "logicalclusters", None, "cluster");
        engaged(&fleet, &[]).await;
    })
    .await;
}

/// In 0.31 the root LogicalCluster has no path annotation; its name is its path.
#[tokio::test(start_paused = true)]
async fn root_is_found_by_its_path_without_an_annotation() {
    let server = FakeServer::new();
    server.put("root", logical(None, json!({}), json!({"phase": "Ready"})), "logicalclusters");
    let fleet = everything(&server);
    run(&fleet, async {
        engaged(&fleet, &["root"]).await;
        assert_eq!(fleet.resolve("root").unwrap().id().as_str(), "root");
    })
    .await;
}

fn terminating(server: &FakeServer) -> Fleet {
    let held = |object: &Value| object["status"]["terminators"].to_string().contains("p1:guarded");
    server.endpoint(TERMINATING, held);
    let url = json!({ "url": format!("https://kcp.test:6443{TERMINATING}"), "type": "terminating" });
    let type_ = json!({"apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "WorkspaceType",
        "metadata": {"name": "guarded"}, "spec": {}, "status": {"virtualWorkspaces": [url]}});
    server.put("p1", type_, "workspacetypes");
    let workspaces = TerminatingWorkspaces::new(connection(server), "guarded");
    Fleet::builder().provider(workspaces).build().unwrap()
}

/// 0.31 has no content behind its terminating URLs; main has. What is not served there degrades alone.
#[tokio::test(start_paused = true)]
async fn terminating_workspaces_without_content_are_still_terminated() {
    let server = FakeServer::new();
    let fleet = terminating(&server);
    server.faults().add(FaultRule::new(Fault::Status(403)).path(&format!("{TERMINATING}/clusters/*/api/")));
    let (clusters, maps) = (fleet.store::<LogicalCluster>(), fleet.store::<ConfigMap>());
    let deleting =
        logical(Some("root:a"), json!({}), json!({"phase": "Ready", "terminators": ["p1:guarded"]}));
    server.put("c1", deleting, "logicalclusters");
    run(&fleet, async {
        engaged(&fleet, &["c1"]).await;
        seconds(5).await;
        let here = fleet.resolve("root:a").unwrap();
        assert!(clusters.of(&here).get("cluster").is_some());
        assert!(!maps.of(&here).is_synced());
        assert!(
            fleet.health().kinds.iter().any(|kind| kind.fault.as_ref().is_some_and(|f| f.contains("403")))
        );
    })
    .await;
}

/// Just after it was bound, an API of 0.31 answers 429 for a while, and an export nobody knows yet 500; main answers 404.
#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_not_ready_yet_is_waited_for() {
    for code in [404, 429, 500, 503] {
        let server = FakeServer::new();
        server.endpoint(VIRTUAL, |_| true);
        server.put("p1", slice(&[VIRTUAL]), "apiexportendpointslices");
        server.put("c1", binding("storage.example.io", None, "True"), "apibindings");
        server.faults().add(FaultRule::new(Fault::Status(code)).path(VIRTUAL).times(4));
        let fleet = consumers(&server);
        run(&fleet, engaged(&fleet, &["c1"])).await;
    }
}

/// An idle watch of 0.31 gets no bookmark. Silence is checked, and disturbs nobody.
#[tokio::test(start_paused = true)]
async fn a_watch_without_bookmarks_is_no_fault() {
    let server = FakeServer::new();
    server.endpoint(VIRTUAL, |_| true);
    server.put("p1", slice(&[VIRTUAL]), "apiexportendpointslices");
    server.put("c1", binding("storage.example.io", None, "True"), "apibindings");
    let fleet = consumers(&server);
    run(&fleet, async {
        engaged(&fleet, &["c1"]).await;
        let epoch = fleet.clusters()[0].epoch();
        seconds(600).await;
        assert_eq!(fleet.clusters()[0].epoch(), epoch);
        assert_eq!(server.count("apibindings?&limit"), 1, "listed once: {:?}", server.requests());
        assert_eq!(fleet.health().degraded, Vec::<String>::new());
        server.put("c2", binding("storage.example.io", None, "True"), "apibindings");
        engaged(&fleet, &["c1", "c2"]).await;
    })
    .await;
}

/// 0.31 keeps a denial for about half a minute after the right was given.
#[tokio::test(start_paused = true)]
async fn a_denial_that_outlives_its_reason_delays_and_ends_nothing() {
    let server = FakeServer::new();
    server.endpoint(VIRTUAL, |_| true);
    server.put("p1", slice(&[VIRTUAL]), "apiexportendpointslices");
    server.put("c1", binding("storage.example.io", None, "True"), "apibindings");
    server.faults().add(FaultRule::new(Fault::Status(403)).path(VIRTUAL));
    let fleet = consumers(&server);
    run(&fleet, async {
        seconds(35).await;
        assert!(fleet.health().degraded.iter().any(|reason| reason.contains("403")), "{:?}", fleet.health());
        server.faults().clear();
        engaged(&fleet, &["c1"]).await;
        assert_eq!(fleet.health().degraded, Vec::<String>::new());
    })
    .await;
}
