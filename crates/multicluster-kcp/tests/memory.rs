//! What a consumer of an export costs, in live bytes: marker, path, cluster. Alone in its process.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::{alloc::System, time::Duration};

use common::{VIRTUAL, binding, connection, run, slice};
use multicluster::{Fleet, testing::FakeServer};
use multicluster_kcp::ApiExport;
use serde_json::json;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const CONSUMERS: usize = 10_000;

fn live_bytes() -> usize {
    // What a reallocation adds or takes is in these two already.
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)
}

#[tokio::test(start_paused = true)]
async fn mcr_ten_thousand_consumers_of_one_url_stay_small() {
    let server = FakeServer::new();
    server.endpoint(VIRTUAL, |_| true);
    server.put("p1", slice(&[VIRTUAL]), "apiexportendpointslices");
    for at in 0..CONSUMERS {
        let path = format!("root:orgs:acme:team-{at}");
        let mut marker = binding("storage.example.io", Some(&path), "True");
        marker["metadata"]["managedFields"] = json!([{"apiVersion": "apis.kcp.io/v1alpha2", "manager": "kcp",
            "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:reference": {"f:export": {}}}}}]);
        server.put(&format!("{at:016}"), marker, "apibindings");
    }
    // The server makes its objects' text when it is first asked: before anything is counted.
    let all =
        http::Request::get("/clusters/*/apis/apis.kcp.io/v1alpha2/apibindings").body(Vec::new()).unwrap();
    assert!(!server.client().request_text(all).await.unwrap().is_empty());
    let provider = ApiExport::new(connection(&server), "storage.example.io");
    let fleet = Fleet::builder().provider(provider).build().unwrap();
    let before = live_bytes();
    run(&fleet, async {
        while fleet.clusters_engaged() < CONSUMERS {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(fleet.resolve("root:orgs:acme:team-9999").is_some());
        let each = live_bytes().saturating_sub(before) / CONSUMERS;
        println!("a consumer {each} bytes");
        // An engaged cluster is 776 of them; the rest is its marker's metadata and what the provider knows of it.
        assert!(each <= 2750, "{each} bytes for a consumer");
    })
    .await;
}
