//! A provider workspace and consumers on an in-process server.

#![allow(dead_code, reason = "each test uses some of it")]

use std::time::Duration;

use kube::Client;
use multicluster::{Fleet, testing::FakeServer};
use multicluster_kcp::Connection;
use runtime::Stop;
use serde_json::{Value, json};

pub const VIRTUAL: &str = "/services/apiexport/p1/storage.example.io";

/// The connection of a provider whose workspace is `root:provider` (cluster `p1`).
pub fn connection(server: &FakeServer) -> Connection {
    let root: Client = server.client();
    Connection::in_process(&root, "p1")
}

pub fn slice(urls: &[&str]) -> Value {
    slice_of("storage.example.io", urls)
}

pub fn slice_of(export: &str, urls: &[&str]) -> Value {
    let endpoints: Vec<Value> =
        urls.iter().map(|url| json!({ "url": format!("https://kcp.test:6443{url}") })).collect();
    json!({
        "apiVersion": "apis.kcp.io/v1alpha1", "kind": "APIExportEndpointSlice",
        "metadata": { "name": export },
        "spec": { "export": { "path": "root:provider", "name": export } },
        "status": { "endpoints": endpoints },
    })
}

pub fn binding(export: &str, path: Option<&str>, ready: &str) -> Value {
    let mut object = json!({
        "apiVersion": "apis.kcp.io/v1alpha2", "kind": "APIBinding",
        "metadata": { "name": export, "annotations": {} },
        "spec": { "reference": { "export": { "path": "root:provider", "name": export } } },
        "status": { "conditions": [{ "type": "Ready", "status": ready, "lastTransitionTime": "2024-01-01T00:00:00Z" }] },
    });
    if let Some(path) = path {
        object["metadata"]["annotations"]["kcp.io/path"] = json!(path);
    }
    object
}

/// Runs the fleet while `story` goes on; time is paused, so waiting costs nothing.
pub async fn run(fleet: &Fleet, story: impl Future<Output = ()>) {
    let stop = Stop::new();
    let run = fleet.run_until(stop.cancelled());
    tokio::pin!(run);
    tokio::select! {
        ended = &mut run => panic!("fleet ended: {ended:?}"),
        () = story => {}
    }
    stop.stop();
    run.await.unwrap();
}

#[track_caller]
pub fn names(fleet: &Fleet) -> Vec<String> {
    let mut names: Vec<String> = fleet.clusters().iter().map(|cluster| cluster.id().to_string()).collect();
    names.sort();
    names
}

/// Waits until the engaged clusters are these.
pub async fn engaged(fleet: &Fleet, wanted: &[&str]) {
    for _ in 0..10_000 {
        if names(fleet) == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("engaged are {:?}, not {wanted:?}; {:?}", names(fleet), fleet.health());
}
