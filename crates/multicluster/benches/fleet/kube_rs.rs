//! kube-rs' Controller, one for each cluster: what one would write without a fleet.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, ServiceAccount};
use kube::{
    Api,
    runtime::{Controller, controller::Action, watcher},
};
use multicluster::prefix_client;
use serde_json::json;

use super::{ask, memory, say, server::cluster_name};

pub fn run(clusters: u64, url: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(measured(clusters, url));
}

async fn measured(clusters: u64, url: &str) {
    let client = kube::Client::try_from(kube::Config::new(url.parse().unwrap())).unwrap();
    let runs = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for cluster in 0..clusters {
        let here = prefix_client(&client, &format!("/clusters/{}", cluster_name(cluster)));
        let controller = Controller::new(Api::<ConfigMap>::all(here.clone()), watcher::Config::default())
            .owns(Api::<Secret>::all(here.clone()), watcher::Config::default())
            .owns(Api::<ServiceAccount>::all(here), watcher::Config::default());
        let counted = runs.clone();
        let reconcile = move |_: Arc<ConfigMap>, _: Arc<()>| {
            counted.fetch_add(1, Ordering::Relaxed);
            async { Ok::<_, kube::Error>(Action::await_change()) }
        };
        let stream = controller.run(reconcile, |_, _, _| Action::await_change(), Arc::new(()));
        running.spawn(stream.for_each(|_| async {}));
    }
    say(&json!({"engaged_s": started.elapsed().as_secs_f64()}));
    let deadline = started + Duration::from_secs(120);
    while (runs.load(Ordering::Relaxed) as u64) < clusters * 10 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let done = runs.load(Ordering::Relaxed) as u64 >= clusters * 10;
    say(&json!({"all_s": if done { json!(started.elapsed().as_secs_f64()) } else { json!(null) }}));
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (rss, peak) = memory();
    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let requests = ask("requests");
    say(
        &json!({"rss_mb": rss, "peak_mb": peak, "tasks": tasks, "requests": requests["requests"], "watches": requests["watches"]}),
    );
    running.shutdown().await;
}
