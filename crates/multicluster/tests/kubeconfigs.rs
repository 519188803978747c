//! Clusters by kubeconfig, over real sockets: they appear when their server answers, go with their kubeconfig, and disturb nobody.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{path::Path, time::Duration};

use k8s_openapi::api::core::v1::ConfigMap;
use multicluster::{Fleet, Kubeconfigs, testing::FakeServer};
use runtime::{End, Stop, Tasks};
use serde_json::{Value, json};

struct World {
    server: FakeServer,
    url: String,
    tasks: Tasks,
    stop: Stop,
}

impl World {
    async fn new() -> Self {
        runtime::install_crypto();
        let (server, stop, tasks) = (FakeServer::new(), Stop::new(), Tasks::new());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (served, ends) = (server.clone(), stop.clone());
        tasks.spawn("server", End::MayEnd, async move { served.serve(listener, ends).await });
        World { server, url, tasks, stop }
    }

    fn kubeconfig(&self, cluster: &str) -> String {
        kubeconfig(&format!("{}/clusters/{cluster}", self.url))
    }

    async fn run(&self, fleet: &Fleet, story: impl Future<Output = ()>) {
        tokio::select! {
            ended = fleet.run_until(self.stop.cancelled()) => panic!("fleet ended: {ended:?}"),
            () = story => {}
        }
        self.stop.stop();
        self.tasks.shutdown().await;
    }
}

fn kubeconfig(url: &str) -> String {
    json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "c", "user": {}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}]})
    .to_string()
}

fn map(value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "default", "name": "a"},
        "data": {"v": value}})
}

async fn engaged(fleet: &Fleet, wanted: &[&str]) {
    let names = || {
        let mut names: Vec<String> =
            fleet.clusters().iter().map(|cluster| cluster.id().to_string()).collect();
        names.sort();
        names
    };
    for _ in 0..1000 {
        if names() == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("engaged are {:?}, not {wanted:?}; {:?}", names(), fleet.health());
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

#[tokio::test]
async fn mcr_a_file_is_a_cluster_as_long_as_it_is_there_and_its_server_answers() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    world.server.put("c1", map("one"), "configmaps");
    world.server.put("c2", map("two"), "configmaps");
    write(at, "first.kubeconfig", &world.kubeconfig("c1"));
    write(at, "broken.yaml", "no: kubeconfig");
    write(at, "nobody.yaml", &kubeconfig("http://127.0.0.1:1/clusters/c1"));
    write(at, "notes.txt", "not looked at");
    let provider = Kubeconfigs::files(at).look_every(Duration::from_millis(50));
    let fleet = Fleet::builder().provider(provider).build().unwrap();
    let store = fleet.store::<ConfigMap>();
    let value = |id: &str| {
        let cluster = fleet.resolve(id)?;
        Some(store.of(&cluster).get_in("default", "a")?.data.as_ref()?["v"].clone())
    };
    world
        .run(&fleet, async {
            engaged(&fleet, &["first"]).await;
            store.ready().await;
            assert_eq!(value("first").as_deref(), Some("one"));
            let degraded = fleet.health().degraded;
            assert!(degraded.iter().any(|reason| reason.contains("`broken`")), "{degraded:?}");
            assert!(degraded.iter().any(|reason| reason.contains("`nobody`")), "{degraded:?}");
            let first = fleet.resolve("first").unwrap();

            // Another text is another cluster, under the same id.
            write(at, "first.kubeconfig", &world.kubeconfig("c2"));
            first.gone().await;
            engaged(&fleet, &["first"]).await;
            assert_ne!(fleet.resolve("first").unwrap().epoch(), first.epoch());
            for _ in 0..1000 {
                if value("first").as_deref() == Some("two") {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            assert_eq!(value("first").as_deref(), Some("two"));

            std::fs::remove_file(at.join("broken.yaml")).unwrap();
            std::fs::remove_file(at.join("nobody.yaml")).unwrap();
            std::fs::remove_file(at.join("first.kubeconfig")).unwrap();
            engaged(&fleet, &[]).await;
            // What is gone is reported one by one.
            for _ in 0..1000 {
                if fleet.health().degraded.is_empty() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            assert_eq!(fleet.health().degraded, Vec::<String>::new());
        })
        .await;
}

/// A pattern names files in one folder; what is in two files is in the first.
#[tokio::test]
async fn mcr_a_pattern_names_the_files_that_are_clusters() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for name in ["eu-1.conf", "eu-2.conf", "us-1.conf", "eu-1.yaml", ".eu-3.conf"] {
        write(at, name, &world.kubeconfig("c1"));
    }
    std::fs::create_dir(at.join("eu-4.conf")).unwrap();
    let patterns = |pattern: &str| {
        let provider = Kubeconfigs::files(at.join(pattern)).look_every(Duration::from_millis(50));
        Fleet::builder().provider(provider.named(pattern)).build().unwrap()
    };
    let (conf, all, one, nested) =
        (patterns("eu-*.conf"), patterns("eu-?.*"), patterns("us-1.conf"), patterns("*/eu-1.conf"));
    let degraded = async |fleet: &Fleet, reason: &str| {
        for _ in 0..1000 {
            if fleet.health().degraded.iter().any(|known| known.contains(reason)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{:?} has no `{reason}`", fleet.health());
    };
    let story = async {
        engaged(&conf, &["eu-1", "eu-2"]).await;
        engaged(&all, &["eu-1", "eu-2"]).await;
        engaged(&one, &["us-1"]).await;
        assert_eq!(conf.health().degraded, Vec::<String>::new());
        degraded(&all, "eu-1.yaml`: another file stands for the same cluster").await;
        degraded(&nested, "not in those of folders").await;
        write(at, "eu-5.conf", &world.kubeconfig("c1"));
        std::fs::remove_file(at.join("eu-2.conf")).unwrap();
        std::fs::remove_file(at.join("us-1.conf")).unwrap();
        engaged(&conf, &["eu-1", "eu-5"]).await;
        engaged(&one, &[]).await;
    };
    let others = async {
        let stopped = || world.stop.cancelled();
        futures::join!(all.run_until(stopped()), one.run_until(stopped()), nested.run_until(stopped()))
    };
    let ((all, one, nested), ()) = futures::join!(others, world.run(&conf, story));
    assert!(all.is_ok() && one.is_ok() && nested.is_ok(), "{all:?}, {one:?}, {nested:?}");
}

#[tokio::test]
async fn mcr_a_labelled_secret_is_a_cluster() {
    let world = World::new().await;
    let secret = |name: &str, labels: Value, text: &str| {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(text);
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "fleet", "labels": labels},
            "data": {"kubeconfig": text}})
    };
    let put = |name: &str, text: &str| {
        world.server.put("host", secret(name, json!({"fleet": "yes"}), text), "secrets")
    };
    put("one", &world.kubeconfig("c1"));
    let host = world.server.cluster("host");
    let fleet = Fleet::builder().provider(Kubeconfigs::secrets(host, "fleet", "fleet=yes")).build().unwrap();
    world
        .run(&fleet, async {
            engaged(&fleet, &["one"]).await;
            let asked = |request: &String| {
                request.contains("/namespaces/fleet/secrets?")
                    && request.contains("labelSelector=fleet%3Dyes")
            };
            assert!(world.server.requests().iter().any(asked), "{:?}", world.server.requests());
            put("two", &world.kubeconfig("c2"));
            engaged(&fleet, &["one", "two"]).await;
            let mut leaving = secret("one", json!({"fleet": "yes"}), &world.kubeconfig("c1"));
            leaving["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
            leaving["metadata"]["finalizers"] = json!(["example.io/slow"]);
            world.server.put("host", leaving, "secrets");
            engaged(&fleet, &["two"]).await;
            world.server.remove("host", "", "secrets", Some("fleet"), "two");
            engaged(&fleet, &[]).await;
        })
        .await;
}
