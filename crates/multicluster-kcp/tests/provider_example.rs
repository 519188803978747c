//! The example's reconcile function, on two consumers.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;
#[expect(dead_code, reason = "the example's main is not run here")]
#[path = "../examples/provider.rs"]
mod example;

use std::{sync::Arc, time::Duration};

use common::{VIRTUAL, binding, connection, run, slice};
use k8s_openapi::api::core::v1::ConfigMap;
use multicluster::{Action, Controller, Fleet, testing::FakeServer};
use multicluster_kcp::ApiExport;
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn every_bucket_of_every_consumer_gets_status_and_config_map_and_then_nothing_is_written() {
    let server = FakeServer::new();
    server.endpoint(VIRTUAL, |_| true);
    server.put("p1", slice(&[VIRTUAL]), "apiexportendpointslices");
    for (cluster, region) in [("c1", "eu"), ("c2", "us")] {
        server.put(cluster, binding("storage.example.io", None, "True"), "apibindings");
        let bucket = json!({"apiVersion": "storage.example.io/v1", "kind": "Bucket",
            "metadata": {"name": "photos", "namespace": "default"}, "spec": {"region": region}});
        server.put(cluster, bucket, "buckets");
    }
    let fleet =
        Fleet::builder().provider(ApiExport::new(connection(&server), "storage.example.io")).build().unwrap();
    Controller::<example::Bucket>::new("buckets", &fleet).owns::<ConfigMap>().run(
        example::reconcile,
        |_, _, _| Action::backoff(),
        Arc::new(()),
    );
    run(&fleet, async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        for (cluster, region) in [("c1", "eu"), ("c2", "us")] {
            let bucket = server.get(cluster, "storage.example.io", "buckets", Some("default"), "photos").unwrap();
            let endpoint = format!("https://photos.{region}.storage.example.io");
            assert_eq!(bucket["status"], json!({"phase": "Ready", "endpoint": endpoint}));
            let map = server.get(cluster, "", "configmaps", Some("default"), "bucket-photos").unwrap();
            assert_eq!(map["data"]["endpoint"], json!(endpoint));
            assert_eq!(map["metadata"]["ownerReferences"][0]["uid"], bucket["metadata"]["uid"]);
        }
        assert_eq!(server.count("GET /clusters/*"), 0, "only the virtual workspace is watched");
        let version = |cluster| server.get(cluster, "", "configmaps", Some("default"), "bucket-photos").unwrap()["metadata"]["resourceVersion"].clone();
        let before = version("c1");
        // Drift is repaired; the other consumer is left alone.
        server.remove("c2", "", "configmaps", Some("default"), "bucket-photos");
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(server.get("c2", "", "configmaps", Some("default"), "bucket-photos").is_some());
        assert_eq!(version("c1"), before);
    })
    .await;
}
