//! Consumers of an export appear and go with their bindings and with the URLs of the slice. Paused time.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use common::{VIRTUAL, binding, connection, engaged, run, slice};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{DynamicObject, ListParams};
use multicluster::{Dialer, Fleet, InProcess, dynamic_kind, testing::FakeServer};
use multicluster_kcp::{ApiExport, Resolver};
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
async fn f04_a_slice_that_does_not_parse_keeps_the_fleet_and_is_said() {
    let server = server();
    server.put("c1", binding("storage.example.io", None, "True"), "apibindings");
    let fleet = fleet(&server);
    run(&fleet, async {
        engaged(&fleet, &["c1"]).await;
        let mut broken = slice(&[VIRTUAL]);
        broken["status"]["endpoints"] = json!(7);
        server.put("p1", broken, "apiexportendpointslices");
        // A complete list that holds it says nothing else.
        tokio::time::sleep(Duration::from_secs(30)).await;
        server.compact();
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(common::names(&fleet), ["c1"]);
        let degraded = fleet.health().degraded;
        assert!(degraded.iter().any(|reason| reason.contains("does not parse")), "{degraded:?}");
        server.put("p1", slice(&[VIRTUAL]), "apiexportendpointslices");
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(fleet.health().degraded, Vec::<String>::new());
        assert_eq!(common::names(&fleet), ["c1"]);
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

/// An export that claims apibindings sees bindings of others, of exports with the same name in other workspaces among them.
#[tokio::test(start_paused = true)]
async fn bindings_of_an_export_of_the_same_name_elsewhere_make_no_cluster() {
    let server = server();
    let bound_to = |cluster: &str| {
        let mut object = binding("storage.example.io", None, "True");
        object["status"]["apiExportClusterName"] = json!(cluster);
        object
    };
    server.put("ours", bound_to("p1"), "apibindings");
    server.put("theirs", bound_to("p2"), "apibindings");
    let fleet = fleet(&server);
    run(&fleet, async {
        engaged(&fleet, &["ours"]).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(common::names(&fleet), ["ours"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_is_not_ready_goes_after_the_time_that_was_asked_for_unless_it_recovers() {
    let server = server();
    for cluster in ["c1", "c2", "c3"] {
        server.put(cluster, binding("storage.example.io", None, "True"), "apibindings");
    }
    let provider = ApiExport::new(connection(&server), "storage.example.io")
        .disengage_when_not_ready(Duration::from_secs(60));
    let fleet = Fleet::builder().provider(provider).build().unwrap();
    run(&fleet, async {
        engaged(&fleet, &["c1", "c2", "c3"]).await;
        for cluster in ["c1", "c2"] {
            server.put(cluster, binding("storage.example.io", None, "False"), "apibindings");
        }
        tokio::time::sleep(Duration::from_secs(40)).await;
        // Further words of a consumer that stays unready do not prolong its time.
        server.put("c1", binding("storage.example.io", None, "Unknown"), "apibindings");
        server.put("c2", binding("storage.example.io", None, "True"), "apibindings");
        tokio::time::sleep(Duration::from_secs(15)).await;
        assert_eq!(common::names(&fleet), ["c1", "c2", "c3"]);
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(common::names(&fleet), ["c2", "c3"]);
        server.put("c1", binding("storage.example.io", None, "True"), "apibindings");
        engaged(&fleet, &["c1", "c2", "c3"]).await;
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(common::names(&fleet), ["c1", "c2", "c3"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn endpoints_and_markers_may_be_of_other_kinds() {
    const OWN: &str = "/services/own/p1";
    let server = FakeServer::new();
    server.endpoint(OWN, |_| true);
    let urls = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "urls", "namespace": "default"},
        "data": {"url": format!("https://kcp.test:6443{OWN}/")}});
    server.put("p1", urls, "configmaps");
    for (cluster, tier) in [("c1", "gold"), ("c2", "none")] {
        let secret = json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "s", "namespace": "default", "labels": {"tier": tier}}});
        server.put(cluster, secret, "secrets");
    }
    let provider = ApiExport::new(connection(&server), "urls")
        .endpoint_object(|map: &ConfigMap| map.data.iter().flatten().map(|(_, url)| url.clone()).collect())
        .marker(|secret: &Secret| secret.metadata.labels.iter().flatten().any(|(_, tier)| tier == "gold"));
    let fleet = Fleet::builder().provider(provider).build().unwrap();
    run(&fleet, async {
        engaged(&fleet, &["c1"]).await;
        server.remove("c1", "", "secrets", Some("default"), "s");
        engaged(&fleet, &[]).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_url_that_cannot_be_dialed_is_named_and_disturbs_no_other() {
    let server = server();
    server.put("c1", binding("storage.example.io", None, "True"), "apibindings");
    let mut broken = slice(&[VIRTUAL]);
    broken["status"]["endpoints"].as_array_mut().unwrap().push(json!({"url": "not a URL"}));
    server.put("p1", broken, "apiexportendpointslices");
    let fleet = fleet(&server);
    run(&fleet, async {
        engaged(&fleet, &["c1"]).await;
        tokio::time::sleep(Duration::from_secs(300)).await;
        assert!(
            fleet.health().degraded.iter().any(|reason| reason.contains("not a URL")),
            "{:?}",
            fleet.health()
        );
        server.put("p1", slice(&[VIRTUAL]), "apiexportendpointslices");
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(fleet.health().degraded, Vec::<String>::new());
        assert_eq!(common::names(&fleet), ["c1"]);
    })
    .await;
}

/// A dialer that fails a few times, as one does whose token file is being replaced.
struct Failing(InProcess, AtomicUsize);

impl Dialer for Failing {
    fn dial(&self, url: &http::Uri) -> Result<kube::Client, kube::Error> {
        if self.1.fetch_add(1, Ordering::Relaxed) < 5 {
            return Err(kube::Error::Service("no credentials".into()));
        }
        self.0.dial(url)
    }
}

#[tokio::test(start_paused = true)]
async fn dialing_is_tried_again_until_it_works() {
    let server = server();
    server.put("c1", binding("storage.example.io", None, "True"), "apibindings");
    let connection =
        connection(&server).dialer(Failing(InProcess::new(server.client()), AtomicUsize::new(0)));
    let fleet = Fleet::builder().provider(ApiExport::new(connection, "storage.example.io")).build().unwrap();
    run(&fleet, async {
        engaged(&fleet, &["c1"]).await;
        assert_eq!(fleet.health().degraded, Vec::<String>::new());
    })
    .await;
}

/// Two shards: what only one of them serves goes with its URL, what both serve moves.
#[tokio::test(start_paused = true)]
async fn f02_a_url_that_goes_takes_what_only_it_serves() {
    const SECOND: &str = "/services/apiexport-2/p1/storage.example.io";
    let server = server();
    let on = |shard: &'static [&'static str]| {
        move |object: &serde_json::Value| {
            let cluster = &object["metadata"]["annotations"]["kcp.io/cluster"];
            shard.iter().any(|name| cluster == name)
        }
    };
    server.endpoint(VIRTUAL, on(&["c1", "moving"]));
    server.endpoint(SECOND, on(&["c2", "moving"]));
    server.put("p1", slice(&[VIRTUAL, SECOND]), "apiexportendpointslices");
    for cluster in ["c1", "c2", "moving"] {
        server.put(cluster, binding("storage.example.io", None, "True"), "apibindings");
    }
    let fleet = fleet(&server);
    run(&fleet, async {
        engaged(&fleet, &["c1", "c2", "moving"]).await;
        server.put("p1", slice(&[VIRTUAL]), "apiexportendpointslices");
        engaged(&fleet, &["c1", "moving"]).await;
        server.put("p1", slice(&[SECOND]), "apiexportendpointslices");
        engaged(&fleet, &["c2", "moving"]).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_path_that_nobody_reports_is_looked_up_and_a_wrong_one_is_not_asked_for_in_a_loop() {
    let server = FakeServer::new();
    let logical = json!({"apiVersion": "core.kcp.io/v1alpha1", "kind": "LogicalCluster",
        "metadata": {"name": "cluster"}, "spec": {}});
    server.put("root", logical, "logicalclusters");
    let resolver = Resolver::new(server.client());
    let resolve = async |path: &str| resolver.resolve(&path.parse().unwrap()).await;
    assert_eq!(resolve("root").await.unwrap(), Some(kcp_api::ClusterName::root()));
    for _ in 0..100 {
        assert_eq!(resolve("root:nowhere").await.unwrap(), None);
    }
    assert_eq!(server.count("root:nowhere"), 1);
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(resolve("root:nowhere").await.unwrap(), None);
    assert_eq!(server.count("root:nowhere"), 2);
    server.faults().add(FaultRule::new(Fault::Status(503)));
    assert!(resolve("root").await.is_err(), "not to be reached is not the same as not there");
}
