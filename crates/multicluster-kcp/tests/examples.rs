//! What the examples do, on an in-process server. Paused time.
#![allow(clippy::duplicate_mod, clippy::unwrap_used, missing_docs)]

mod common;
#[expect(dead_code, reason = "its main and its world are for a real server")]
#[path = "../examples/exports.rs"]
mod exports;
#[expect(dead_code, reason = "its main and its world are for a real server")]
#[path = "../examples/initializer.rs"]
mod initializer;
#[expect(dead_code, reason = "its main and its world are for a real server")]
#[path = "../examples/provider.rs"]
mod provider;

use std::time::Duration;

use common::{VIRTUAL, binding, connection, run, slice, slice_of};
use multicluster::testing::FakeServer;
use serde_json::{Value, json};

async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

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
    let fleet = provider::fleet(connection(&server)).unwrap();
    run(&fleet, async {
        seconds(5).await;
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
        seconds(5).await;
        assert!(server.get("c2", "", "configmaps", Some("default"), "bucket-photos").is_some());
        assert_eq!(version("c1"), before);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn every_workspace_of_the_type_has_its_content_before_its_initializer_goes() {
    const URL: &str = "/services/initializingworkspaces/p1:guided";
    let server = FakeServer::new();
    let waits = |object: &Value| {
        object["kind"] != "LogicalCluster"
            || object["status"]["initializers"].to_string().contains("p1:guided")
    };
    server.endpoint(URL, waits);
    let url = json!({ "url": format!("https://kcp.test:6443{URL}"), "type": "initializing" });
    let type_ = json!({"apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "WorkspaceType",
        "metadata": {"name": "guided"}, "spec": {}, "status": {"virtualWorkspaces": [url]}});
    server.put("p1", type_, "workspacetypes");
    let logical = json!({"apiVersion": "core.kcp.io/v1alpha1", "kind": "LogicalCluster", "spec": {},
        "metadata": {"name": "cluster", "annotations": {"kcp.io/path": "root:guided-one"}},
        "status": {"initializers": ["p1:guided", "root:universal"]}});
    server.put("c1", logical, "logicalclusters");
    let fleet = initializer::fleet(connection(&server)).unwrap();
    run(&fleet, async {
        seconds(5).await;
        let map = server.get("c1", "", "configmaps", Some("guide"), "welcome").unwrap();
        assert_eq!(map["data"]["workspace"], "root:guided-one");
        let logical = server.get("c1", "core.kcp.io", "logicalclusters", None, "cluster").unwrap();
        assert_eq!(logical["status"]["initializers"], json!(["root:universal"]));
        assert!(fleet.clusters().is_empty());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_shop_counts_the_orders_that_the_other_export_shows_of_its_workspace() {
    const SHOPS: &str = "/services/apiexport/p1/shops.example.io";
    const ORDERS: &str = "/services/apiexport/p1/orders.example.io";
    let server = FakeServer::new();
    // Each export shows its own kind and the bindings to it.
    server.endpoint(SHOPS, |object| {
        object["kind"] == "Shop" || object["metadata"]["name"] == "shops.example.io"
    });
    server.endpoint(ORDERS, |object| {
        object["kind"] == "Order" || object["metadata"]["name"] == "orders.example.io"
    });
    for (export, url) in [("shops.example.io", SHOPS), ("orders.example.io", ORDERS)] {
        server.put("p1", slice_of(export, &[url]), "apiexportendpointslices");
        server.put("c1", binding(export, None, "True"), "apibindings");
    }
    server.put("c2", binding("shops.example.io", None, "True"), "apibindings");
    let order = |name: &str, shop: &str| {
        json!({"apiVersion": "orders.example.io/v1", "kind": "Order",
            "metadata": {"name": name, "namespace": "default"}, "spec": {"shop": shop}})
    };
    for cluster in ["c1", "c2"] {
        let shop = json!({"apiVersion": "shops.example.io/v1", "kind": "Shop",
            "metadata": {"name": "books", "namespace": "default"}, "spec": {}});
        server.put(cluster, shop, "shops");
    }
    for (name, shop) in [("a", "books"), ("b", "books"), ("c", "toys")] {
        server.put("c1", order(name, shop), "orders");
    }
    let fleet = exports::fleet(connection(&server)).unwrap();
    run(&fleet, async {
        let orders = |cluster: &str| {
            server.get(cluster, "shops.example.io", "shops", Some("default"), "books").unwrap()["status"]["orders"]
                .clone()
        };
        seconds(5).await;
        assert_eq!((orders("c1"), orders("c2")), (json!(2), json!(0)));
        server.put("c1", order("c", "books"), "orders");
        server.remove("c1", "orders.example.io", "orders", Some("default"), "a");
        server.remove("c1", "orders.example.io", "orders", Some("default"), "b");
        seconds(5).await;
        assert_eq!((orders("c1"), orders("c2")), (json!(1), json!(0)));
        assert_eq!(server.count(&format!("{SHOPS}/clusters/*/apis/orders.example.io")), 0, "not served there");
    })
    .await;
}
