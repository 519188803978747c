//! Bounds of memory and time: many partitions, many idle watches.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use serde_json::{Value, json};
use support::{WIDGETS, host, widget};

fn resident_bytes() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|p| p.parse::<usize>().ok()).unwrap_or_default() * 4096
}

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
    let (before, start) = (resident_bytes(), std::time::Instant::now());
    fill(20, 80).await;
    let (grown, took) = (resident_bytes().saturating_sub(before), start.elapsed());
    println!("{} bytes and {:?} a partition", grown / 60, took / 60);
    assert!(grown / 60 < 100_000, "{} bytes a partition", grown / 60);
}

#[tokio::test]
async fn dev_04_thousands_of_idle_watches_cost_little_and_leave_nothing() {
    let host = host();
    let from = host.server.store().revision();
    let mut open = Vec::new();
    let before = resident_bytes();
    for i in 0..5000 {
        let url = format!("{WIDGETS}?watch=1&resourceVersion={from}&labelSelector=n={i}");
        let request = http::Request::get(&url).body(apiserver::body::empty()).unwrap();
        open.push(host.server.handle(host.cx(&format!("p{}", i % 500)), request).await);
    }
    let each = resident_bytes().saturating_sub(before) / 5000;
    println!("{each} bytes a watch");
    assert!(each < 20_000, "{each} bytes a watch");
    assert_eq!(host.server.store().watches(), 5000);
    let made = host.call_as("p1", "POST", WIDGETS, "", "", widget("a", 1)).await;
    assert_eq!(made.code, 201);
    drop(open);
    assert_eq!(host.server.store().watches(), 0);
    assert_eq!(
        host.call_as("p1", "GET", WIDGETS, "", "", Value::Null).await.body["items"].as_array().unwrap().len(),
        1
    );
}
