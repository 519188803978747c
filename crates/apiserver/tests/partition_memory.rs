//! What a partition of thirty objects holds. Live bytes of the allocator; alone in its process, since the allocator counts for all threads.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod live_bytes;
mod support;

use live_bytes::live_bytes;
use serde_json::json;
use support::{WIDGETS, host, widget};

#[tokio::test]
async fn dev_05_partitions_of_thirty_objects_stay_small() {
    let host = host();
    let fill = async |from: usize, to: usize| {
        for p in from..to {
            let partition = format!("p{p}");
            for i in 0..30 {
                let name = format!("w{i}");
                let made = if i % 3 == 0 {
                    let map = json!({"metadata": {"name": name}, "data": {"k": "v".repeat(200)}});
                    host.call_as(&partition, "POST", "/api/v1/namespaces/default/configmaps", "", "", map)
                        .await
                } else {
                    host.call_as(&partition, "POST", WIDGETS, "", "", widget(&name, 1)).await
                };
                assert_eq!(made.code, 201);
            }
        }
    };
    fill(0, 20).await;
    let before = live_bytes();
    fill(20, 80).await;
    let grown = live_bytes().saturating_sub(before);
    println!("{} bytes a partition", grown / 60);
    assert!(grown / 60 < 40_000, "{} bytes a partition", grown / 60);
}
