//! Consumers of an export appear and go with their bindings and with the URLs of the slice. Paused time.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::time::Duration;

use common::{VIRTUAL, binding, connection, engaged, run, slice};
use kube::api::{DynamicObject, ListParams};
use multicluster::{Fleet, dynamic_kind, testing::FakeServer};
use multicluster_kcp::ApiExport;
use runtime::{Fault, FaultRule};
use serde_json::json;

fn server() -> FakeServer {
    let server = FakeServer::new();
    server.endpoint(VIRTUAL, |_| true);
    server.put("p1", slice(&[VIRTUAL]), "apiexportendpointslices");
    server
}

fn fleet(server: &FakeServer) -> Fleet {
    Fleet::builder().provider(ApiExport::new(connection(server), "storage.example.io")).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_consumer_appears_when_its_binding_is_ready_and_goes_with_the_last_one() {
    let server = server();
    server.put("c1", binding("storage.example.io", Some("root:one"), "True"), "apibindings");
    server.put("c2", binding("storage.example.io", Some("root:two"), "False"), "apibindings");
    server.put("c3", binding("other.example.io", Some("root:three"), "True"), "apibindings");
    let fleet = fleet(&server);
    run(&fleet, async {
        engaged(&fleet, &["c1"]).await;
        assert_eq!(fleet.resolve("root:one").unwrap().id().as_str(), "c1");
        server.put("c2", binding("storage.example.io", Some("root:two"), "True"), "apibindings");
        engaged(&fleet, &["c1", "c2"]).await;
        // Not ready any more is no reason to go.
        server.put("c1", binding("storage.example.io", Some("root:one"), "False"), "apibindings");
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(fleet.resolve("root:one").is_some());
        server.remove("c1", "apis.kcp.io", "apibindings", None, "storage.example.io");
        engaged(&fleet, &["c2"]).await;
        assert!(fleet.resolve("root:one").is_none());
        assert_eq!(fleet.health().waiting_for, Vec::<multicluster::ProviderName>::new());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn f10_a_path_belongs_to_the_younger_cluster() {
    let server = server();
    server.put("old", binding("storage.example.io", Some("root:one"), "True"), "apibindings");
    let fleet = fleet(&server);
    run(&fleet, async {
        engaged(&fleet, &["old"]).await;
        server.put("young", binding("storage.example.io", Some("root:one"), "True"), "apibindings");
        engaged(&fleet, &["old", "young"]).await;
        assert_eq!(fleet.resolve("root:one").unwrap().id().as_str(), "young");
        server.remove("old", "apis.kcp.io", "apibindings", None, "storage.example.io");
        engaged(&fleet, &["young"]).await;
        assert_eq!(fleet.resolve("root:one").unwrap().id().as_str(), "young");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_path_that_the_binding_lacks_is_read_from_the_logical_cluster() {
    let server = server();
    server.put("c1", binding("storage.example.io", None, "True"), "apibindings");
    let logical = json!({"apiVersion": "core.kcp.io/v1alpha1", "kind": "LogicalCluster",
        "metadata": {"name": "cluster", "annotations": {"kcp.io/path": "root:one"}}, "spec": {}});
    server.put("c1", logical, "logicalclusters");
    let fleet = fleet(&server);
    run(&fleet, async {
        engaged(&fleet, &["c1"]).await;
        assert!(fleet.resolve("root:one").is_none());
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(fleet.resolve("root:one").unwrap().id().as_str(), "c1");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn f01_an_endpoint_that_does_not_answer_yet_is_tried_until_it_does() {
    let server = server();
    server.put("c1", binding("storage.example.io", None, "True"), "apibindings");
    server.endpoint("/services/shard2", |_| true);
    server.put("p1", slice(&[VIRTUAL, "/services/shard2"]), "apiexportendpointslices");
    server.faults().add(FaultRule::new(Fault::Status(404)).path(VIRTUAL));
    let fleet = fleet(&server);
    run(&fleet, async {
        engaged(&fleet, &["c1"]).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(fleet.health().degraded.iter().any(|reason| reason.contains("404")), "{:?}", fleet.health());
        server.faults().clear();
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(fleet.health().degraded, Vec::<String>::new());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn f03_a_url_that_flaps_disturbs_nobody_and_one_that_stays_away_takes_its_clusters() {
    let server = server();
    server.put("c1", binding("storage.example.io", None, "True"), "apibindings");
    let fleet = fleet(&server);
    run(&fleet, async {
        engaged(&fleet, &["c1"]).await;
        let epoch = fleet.clusters()[0].epoch();
        server.put("p1", slice(&[]), "apiexportendpointslices");
        tokio::time::sleep(Duration::from_secs(8)).await;
        server.put("p1", slice(&[VIRTUAL]), "apiexportendpointslices");
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(fleet.clusters()[0].epoch(), epoch);
        let lists = |server: &FakeServer| {
            server.requests().iter().filter(|r| r.contains("apibindings?&limit")).count()
        };
        assert_eq!(lists(&server), 1, "{:?}", server.requests());
        server.remove("p1", "apis.kcp.io", "apiexportendpointslices", None, "storage.example.io");
        tokio::time::sleep(Duration::from_secs(8)).await;
        assert_eq!(common::names(&fleet), ["c1"]);
        engaged(&fleet, &[]).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn f04_a_slice_that_cannot_be_read_keeps_the_fleet() {
    let server = server();
    server.put("c1", binding("storage.example.io", None, "True"), "apibindings");
    let fleet = fleet(&server);
    run(&fleet, async {
        engaged(&fleet, &["c1"]).await;
        server.faults().add(FaultRule::new(Fault::Status(403)).path("/apiexportendpointslices"));
        server.compact();
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(common::names(&fleet), ["c1"]);
        assert!(fleet.health().degraded.iter().any(|reason| reason.contains("403")), "{:?}", fleet.health());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_lister_reads_a_kind_of_all_consumers_and_names_what_it_could_not_read() {
    let server = server();
    server.endpoint("/services/shard2", |_| false);
    server.put("p1", slice(&[VIRTUAL, "/services/shard2"]), "apiexportendpointslices");
    for cluster in ["c1", "c2"] {
        server.put(cluster, binding("storage.example.io", None, "True"), "apibindings");
        let bucket = json!({"apiVersion": "storage.example.io/v1", "kind": "Bucket", "metadata": {"name": "b", "namespace": "default"}});
        server.put(cluster, bucket, "buckets");
    }
    let provider = ApiExport::new(connection(&server), "storage.example.io");
    let lister = provider.lister();
    let fleet = Fleet::builder().provider(provider).build().unwrap();
    run(&fleet, async {
        engaged(&fleet, &["c1", "c2"]).await;
        server.faults().add(FaultRule::new(Fault::Status(403)).path("/services/shard2"));
        let kind = dynamic_kind("storage.example.io", "v1", "Bucket", "buckets");
        let listed = lister.list_with::<DynamicObject>(&kind, &ListParams::default()).await;
        let mut clusters: Vec<_> = listed.objects.iter().map(|(id, _)| id.as_str().to_owned()).collect();
        clusters.sort();
        assert_eq!(clusters, ["c1", "c2"]);
        assert_eq!(listed.errors.len(), 1);
    })
    .await;
}
