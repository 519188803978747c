//! One bad or busy cluster never slows the others.

use std::{sync::Arc, time::Duration};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use multicluster::{Action, ClusterKey, Concurrency, Controller, Cx, ObjectKey};
use parking_lot::Mutex;

use crate::{Fail, Test, map, metric, quiet, seconds};

#[tokio::test(start_paused = true)]
async fn f14_one_slow_cluster_of_a_hundred_leaves_the_others_their_throughput() {
    // Virtual time: each reconcile takes a second, in the slow cluster thirty.
    let run = async |slow: &'static str| {
        let test = Test::new();
        let names: Vec<String> = (0..100).map(|at| format!("c{at}")).collect();
        for name in &names {
            for at in 0..10 {
                test.server.put(name, map(&format!("o{at}"), "1"), "configmaps");
            }
        }
        let count = Arc::new(Mutex::new(0));
        let counted = count.clone();
        Controller::<ConfigMap>::new("slow", &test.fleet)
            .concurrency(Concurrency::total(16).per_cluster(2).per_scope(16))
            .run(
                move |_: Arc<ConfigMap>, cx: Cx<()>| {
                    let (is_slow, count) = (cx.cluster().id().as_str() == slow, counted.clone());
                    async move {
                        tokio::time::sleep(Duration::from_secs(if is_slow { 30 } else { 1 })).await;
                        *count.lock() += usize::from(!is_slow);
                        Ok::<_, Fail>(Action::await_change())
                    }
                },
                |_, _, _| Action::backoff(),
                Arc::new(()),
            );
        test.provider.start("shard", &test.server, &names.iter().map(String::as_str).collect::<Vec<_>>());
        test.run(seconds(40)).await;
        *count.lock()
    };
    let (all_well, one_slow) = (run("none").await, run("c7").await);
    assert!(
        one_slow * 100 >= all_well * 85,
        "{one_slow} of {all_well}: at most the two places of the slow cluster"
    );
}

#[tokio::test(start_paused = true)]
async fn f16_a_single_change_passes_a_hot_cluster_of_thousands() {
    let test = Test::new();
    test.server.put("calm", map("a", "1"), "configmaps");
    let started = Arc::new(Mutex::new(None));
    let noted = started.clone();
    Controller::<ConfigMap>::new("hot", &test.fleet)
        .concurrency(Concurrency::total(4).per_cluster(4).per_scope(4))
        .run(
            move |object: Arc<ConfigMap>, cx: Cx<()>| {
                let value = object.data.as_ref().unwrap()["v"].clone();
                if cx.cluster().id().as_str() == "calm" && value == "2" {
                    *noted.lock() = Some(tokio::time::Instant::now());
                }
                async {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    Ok::<_, Fail>(Action::await_change())
                }
            },
            |_, _, _| Action::backoff(),
            Arc::new(()),
        );
    test.provider.start("shard", &test.server, &["hot", "calm"]);
    test.run(async {
        quiet().await;
        for at in 0..3000 {
            test.server.put("hot", map(&format!("h{at}"), "1"), "configmaps");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        let changed = tokio::time::Instant::now();
        test.server.put("calm", map("a", "2"), "configmaps");
        seconds(1).await;
        let waited = started.lock().unwrap() - changed;
        assert!(
            waited <= Duration::from_millis(20),
            "twice the duration of one reconcile at most: {waited:?}"
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_run_once_after_the_quiet_time_and_triggers_come_from_outside() {
    let test = Test::new();
    test.server.put("c1", map("a", "0"), "configmaps");
    let (send, receive) = tokio::sync::mpsc::unbounded_channel();
    let outside =
        futures::stream::unfold(receive, |mut receive: tokio::sync::mpsc::UnboundedReceiver<_>| async {
            let next = receive.recv().await?;
            Some((next, receive))
        });
    Controller::<ConfigMap>::new("note", &test.fleet).debounce(Duration::from_secs(2)).triggers(outside).run(
        crate::note,
        |_, _, _| Action::backoff(),
        test.seen.clone().into(),
    );
    test.provider.start("shard", &test.server, &["c1"]);
    test.run(async {
        test.sees("c1 default/a 0").await;
        test.take();
        for at in 1..=5 {
            test.server.put("c1", map("a", &at.to_string()), "configmaps");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(test.take().is_empty());
        seconds(3).await;
        assert_eq!(test.take(), ["c1 default/a 5"]);
        send.send(ObjectKey::namespaced("default", "a").in_cluster(&ClusterKey::new("core", "c1"))).unwrap();
        send.send(ObjectKey::namespaced("default", "a").in_cluster(&ClusterKey::new("core", "nowhere")))
            .unwrap();
        seconds(3).await;
        assert_eq!(test.take(), ["c1 default/a 5"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn f16_metrics_and_the_debug_view_show_what_waits_and_where() {
    let test = Test::new();
    for at in 0..5 {
        test.server.put("c1", map(&format!("o{at}"), "1"), "configmaps");
    }
    let handle = Controller::<ConfigMap>::new("waits", &test.fleet).concurrency(Concurrency::total(1)).run(
        |_: Arc<ConfigMap>, _: Cx<()>| std::future::pending::<Result<Action, Fail>>(),
        |_, _, _| Action::backoff(),
        Arc::new(()),
    );
    test.provider.start("shard", &test.server, &["c1"]);
    test.run(async {
        seconds(10).await;
        test.server.put("c1", map("late", "1"), "configmaps");
        seconds(1).await;
        let value = |series: &str| metric(&test.fleet, series).unwrap();
        assert_eq!(value(r#"multicluster_queue_depth{controller="waits",lane="initial"}"#), 4.0);
        assert_eq!(value(r#"multicluster_queue_depth{controller="waits",lane="fresh"}"#), 1.0);
        assert!(value(r#"multicluster_queue_oldest_seconds{controller="waits"}"#) >= 10.0);
        assert_eq!(value(r#"multicluster_clusters{provider="core"}"#), 1.0);
        assert_eq!(value(r#"multicluster_watch_up{kind="v1/configmaps",scope="shard"}"#), 1.0);
        let view = test.fleet.debug_view(3);
        assert_eq!(view["controllers"][0]["fullest"][0]["cluster"], "core/c1");
        assert_eq!(view["controllers"][0]["fullest"][0]["waiting"], 5);
        assert_eq!(view["stored"]["v1/configmaps"]["objects"], 6);
        let mut results = handle.results();
        handle.stop();
        assert!(results.next().await.is_none(), "a controller that stopped has no more results");
    })
    .await;
}
