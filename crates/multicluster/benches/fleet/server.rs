//! The fake server in a process of its own, told what to do by lines on its standard input.

use std::{
    io::BufRead as _,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use kube::discovery::{ApiResource, Scope};
use multicluster::testing::FakeServer;
use runtime::Stop;
use serde_json::{Value, json};

/// Nanoseconds since the epoch: both processes read the same clock.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64
}

/// An object of about 2.3 KB, 1.4 KB of it without managed fields: the shape of an APIBinding as kcp writes it.
pub fn object(name: &str, at: u64) -> Value {
    let field = |letter: &str| json!({format!("f:{letter}"): {".": {}, "f:apiVersion": {}, "f:kind": {}, "f:name": {}, "f:uid": {}}});
    let managed = |manager: &str| {
        json!({"apiVersion": "v1", "fieldsType": "FieldsV1", "manager": manager, "operation": "Update", "time": "2024-01-01T00:00:00Z",
            "fieldsV1": {"f:metadata": {"f:annotations": field("a"), "f:labels": field("b"), "f:ownerReferences": field("c")}}})
    };
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "namespace": "default", "name": name,
            "labels": {"internal.apis.kcp.io/export": "5Vn3h1mGpqWcTLDpT3DcLQkgWbXz2hRj8Yq4", "claimed.internal.apis.kcp.io/hG7": "9kK2"},
            "annotations": {"kcp.io/path": "root:orgs:acme:development:team", "experimental.tenancy.kcp.io/owner": "{\"username\":\"alice@acme.example\"}"},
            "finalizers": ["apis.kcp.io/apibinding-finalizer"],
            "managedFields": [managed("kcp-apibinder"), managed("platform-mesh-operator")],
        },
        "data": {
            "at": at.to_string(),
            "reference": "{\"export\":{\"path\":\"root:providers:storage\",\"name\":\"storage.example.io\"}}",
            "boundResources": "[{\"group\":\"storage.example.io\",\"resource\":\"buckets\",\"schema\":{\"identityHash\":\"f0d1a6d2b6a84a2f8c1f8c1c1f7d9d2d\",\"name\":\"v1.buckets.storage.example.io\",\"UID\":\"5e1a7f0a-2a27-4b0a-8e7e-6c7a3c7b6f11\"},\"storageVersions\":[\"v1\"]}]",
            "conditions": "[{\"type\":\"Ready\",\"status\":\"True\",\"lastTransitionTime\":\"2024-01-01T00:00:00Z\"},{\"type\":\"APIExportValid\",\"status\":\"True\",\"lastTransitionTime\":\"2024-01-01T00:00:00Z\"},{\"type\":\"BindingUpToDate\",\"status\":\"True\",\"lastTransitionTime\":\"2024-01-01T00:00:00Z\"}]",
            "phase": "Bound",
        },
    })
}

pub fn cluster_name(at: u64) -> String {
    format!("c{at:015}")
}

pub fn run(clusters: u64, objects: u64) {
    // One thread: the other core is the client's.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let server = FakeServer::new();
        for cluster in 0..clusters {
            for at in 0..objects {
                server.put(&cluster_name(cluster), object(&format!("o{at}"), 0), "configmaps");
            }
        }
        for kind in [ApiResource::erase::<Secret>(&()), ApiResource::erase::<ServiceAccount>(&())] {
            server.declare(&kind, &Scope::Namespaced);
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        export(&server, clusters, &url);
        server.compact();
        // A server holds its objects as bytes; the fake makes them when an object is first read, which is not what is measured.
        let every = http::Request::get("/clusters/*/api/v1/configmaps").body(Vec::new()).unwrap();
        assert!(!server.client().request_text(every).await.unwrap().is_empty());
        println!("{url}");
        let stop = Stop::new();
        let (send, mut commands) = tokio::sync::mpsc::unbounded_channel::<String>();
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        let serving = server.serve(listener, stop.clone());
        let obeying = async {
            while let Some(command) = commands.recv().await {
                println!("{}", obey(&server, &command, clusters, objects).await);
            }
        };
        tokio::select! {
            ended = serving => ended.unwrap(),
            () = obeying => {}
        }
    });
}

/// What kcp's provider in Go finds clusters by: an endpoint slice in a workspace of its own, and a binding in each cluster.
fn export(server: &FakeServer, clusters: u64, url: &str) {
    let slice = json!({"apiVersion": "apis.kcp.io/v1alpha1", "kind": "APIExportEndpointSlice", "metadata": {"name": "bench"},
        "spec": {"export": {"path": "root:provider", "name": "bench"}}, "status": {"endpoints": [{"url": url}]}});
    server.put("provider", slice, "apiexportendpointslices");
    let ready = json!([{"type": "Ready", "status": "True", "lastTransitionTime": "2024-01-01T00:00:00Z"}]);
    for cluster in 0..clusters {
        let binding = json!({"apiVersion": "apis.kcp.io/v1alpha1", "kind": "APIBinding", "metadata": {"name": "bench"},
            "spec": {"reference": {"export": {"path": "root:provider", "name": "bench"}}}, "status": {"phase": "Bound", "conditions": ready}});
        server.put(&cluster_name(cluster), binding, "apibindings");
    }
}

async fn obey(server: &FakeServer, command: &str, clusters: u64, objects: u64) -> Value {
    let words: Vec<&str> = command.split_whitespace().collect();
    match words.as_slice() {
        // Changes at a rate, over clusters that a fixed stride spreads.
        ["change", count, per_second] => {
            let (count, per_second): (u64, u64) = (count.parse().unwrap(), per_second.parse().unwrap());
            let started = tokio::time::Instant::now();
            for at in 0..count {
                tokio::time::sleep_until(started + Duration::from_micros(at * 1_000_000 / per_second)).await;
                let (cluster, name) = ((at * 7919) % clusters, format!("o{}", at % objects));
                server.put(&cluster_name(cluster), object(&name, now()), "configmaps");
            }
            json!({"changed": count, "seconds": started.elapsed().as_secs_f64()})
        }
        ["requests"] => {
            let all = server.requests();
            let writes = all.iter().filter(|request| !request.starts_with("GET ")).count();
            let watches = all.iter().filter(|request| request.contains("watch=true")).count();
            json!({"requests": all.len(), "writes": writes, "watches": watches})
        }
        other => json!({"error": format!("no command {other:?}")}),
    }
}
