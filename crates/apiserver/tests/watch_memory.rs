//! What an idle watch holds, and that it leaves nothing. Live bytes of the allocator; alone in its process, since the allocator counts for all threads.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod live_bytes;
mod support;

use live_bytes::live_bytes;
use serde_json::Value;
use support::{WIDGETS, host, widget};

#[tokio::test]
async fn dev_04_thousands_of_idle_watches_cost_little_and_leave_nothing() {
    let host = host();
    let from = host.server.store().revision();
    let mut open = Vec::new();
    let before = live_bytes();
    for i in 0..5000 {
        let url = format!("{WIDGETS}?watch=1&resourceVersion={from}&labelSelector=n={i}");
        let request = http::Request::get(&url).body(apiserver::body::empty()).unwrap();
        open.push(host.server.handle(host.cx(&format!("p{}", i % 500)), request).await);
    }
    let each = live_bytes().saturating_sub(before) / 5000;
    println!("{each} bytes a watch");
    assert!(each < 5_000, "{each} bytes a watch");
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
