//! What happens to a reconcile: its cluster goes, it fails, panics, hangs, or the process stops.

use std::{sync::Arc, time::Duration};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use multicluster::{Action, Controller, Cx, Exponential, ReconcileResult, StaticThenExponential};
use parking_lot::Mutex;
use runtime::{Fault, FaultRule};

use crate::{Fail, Seen, Test, map, metric, quiet, seconds};

#[tokio::test(start_paused = true)]
async fn f09_what_a_reconcile_says_after_its_cluster_went_is_dropped_and_never_retried() {
    let test = Test::new();
    test.server.put("c1", map("a", "1"), "configmaps");
    let runs = Arc::new(Mutex::new(0));
    let counted = runs.clone();
    let handle = Controller::<ConfigMap>::new("fails", &test.fleet).run(
        move |_: Arc<ConfigMap>, cx: Cx<()>| {
            *counted.lock() += 1;
            async move {
                cx.cluster().gone().await;
                Err::<Action, _>(Fail::NotYet)
            }
        },
        |_, _, _| Action::backoff(),
        Arc::new(()),
    );
    test.provider.start("shard", &test.server, &["c1"]);
    test.run(async {
        quiet().await;
        test.provider.down("c1", "shard");
        seconds(1000).await;
        assert_eq!(*runs.lock(), 1);
        assert_eq!(
            metric(&test.fleet, r#"multicluster_key_retries_total{controller="fails"}"#).unwrap_or(0.0),
            0.0
        );
        drop(handle);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn f11_a_cluster_that_comes_back_has_no_past() {
    let test = Test::new();
    test.server.put("c1", map("a", "1"), "configmaps");
    let attempts = Arc::new(Mutex::new(Vec::new()));
    let noted = attempts.clone();
    Controller::<ConfigMap>::new("fails", &test.fleet)
        .backoff(Exponential { first: Duration::from_secs(10), max: Duration::from_secs(1000) })
        .run(
            move |_: Arc<ConfigMap>, cx: Cx<()>| {
                noted.lock().push((cx.cluster().epoch(), cx.attempt(), tokio::time::Instant::now()));
                async { Err::<Action, _>(Fail::NotYet) }
            },
            |_, _, _| Action::backoff(),
            Arc::new(()),
        );
    test.provider.start("shard", &test.server, &["c1"]);
    test.run(async {
        seconds(75).await;
        let before = attempts.lock().len();
        assert_eq!(attempts.lock()[before - 1].1, 3, "{:?}", attempts.lock());
        test.provider.down("c1", "shard");
        test.provider.up("c1", "shard", &[], &test.server, "");
        quiet().await;
        let (epoch, attempt, _) = attempts.lock()[before];
        assert!(epoch > attempts.lock()[0].0);
        assert_eq!(attempt, 0, "attempts of the old epoch are gone, and so is its backoff");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn f14_a_reconcile_that_blocks_is_dropped_after_its_timeout_and_its_cluster_alone_waits() {
    let test = Test::new();
    for at in 0..10 {
        test.server.put("stuck", map(&format!("s{at}"), "1"), "configmaps");
        test.server.put("well", map(&format!("w{at}"), "1"), "configmaps");
    }
    let done = Seen::default();
    let noted = done.clone();
    let handle = Controller::<ConfigMap>::new("blocks", &test.fleet)
        .reconcile_timeout(Some(Duration::from_secs(60)))
        .run(
            move |map: Arc<ConfigMap>, cx: Cx<()>| {
                let done = noted.clone();
                async move {
                    if cx.cluster().id().as_str() == "stuck" {
                        std::future::pending::<()>().await;
                    }
                    done.lock().push(map.metadata.name.clone().unwrap());
                    Ok::<_, Fail>(Action::await_change())
                }
            },
            |_, _, _| Action::backoff(),
            Arc::new(()),
        );
    let mut results = handle.results();
    test.provider.start("shard", &test.server, &["stuck", "well"]);
    test.run(async {
        seconds(1).await;
        assert_eq!(done.lock().len(), 10, "all of the other cluster");
        assert_eq!(metric(&test.fleet, r#"multicluster_reconcile_inflight{controller="blocks"}"#), Some(2.0));
        seconds(60).await;
        let mut timed_out = 0;
        while let Some(Some(one)) = futures::FutureExt::now_or_never(results.next()) {
            timed_out += usize::from(one.result == ReconcileResult::TimedOut);
        }
        assert_eq!(timed_out, 2);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn f21_a_panic_before_the_first_await_is_counted_and_the_process_goes_on() {
    let test = Test::new();
    test.server.put("c1", map("a", "1"), "configmaps");
    test.server.put("c2", map("b", "1"), "configmaps");
    let seen = test.seen.clone();
    Controller::<ConfigMap>::new("panics", &test.fleet).run(
        move |map: Arc<ConfigMap>, cx: Cx<()>| {
            assert_ne!(cx.cluster().id().as_str(), "c1", "this cluster panics");
            seen.lock().push(map.metadata.name.clone().unwrap());
            async { Ok::<_, Fail>(Action::await_change()) }
        },
        |_, _, _| Action::backoff(),
        Arc::new(()),
    );
    test.provider.start("shard", &test.server, &["c1", "c2"]);
    test.run(async {
        test.sees("b").await;
        seconds(30).await;
        let panics = r#"multicluster_reconcile_seconds_count{controller="panics",result="panic"}"#;
        let count = metric(&test.fleet, panics).unwrap();
        assert!((4.0..20.0).contains(&count), "{count} panics in thirty seconds, with a growing pause");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn f23_a_controller_that_stops_takes_no_new_work_and_the_fleet_goes_on() {
    let test = Test::new();
    test.server.put("c1", map("a", "1"), "configmaps");
    let handle = test.control();
    test.provider.start("shard", &test.server, &["c1"]);
    test.run(async {
        test.sees("c1 default/a 1").await;
        handle.stop();
        quiet().await;
        test.take();
        test.server.put("c1", map("a", "2"), "configmaps");
        seconds(5).await;
        assert_eq!(test.take(), Vec::<String>::new());
        let cluster = test.fleet.clusters().remove(0);
        let stored = test.fleet.store::<ConfigMap>().of(&cluster).get_in("default", "a").unwrap();
        assert_eq!(stored.data.as_ref().unwrap()["v"], "2");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn f21_failures_and_panics_back_off_and_success_starts_again() {
    let test = Test::new();
    test.server.put("c1", map("a", "1"), "configmaps");
    let times = Arc::new(Mutex::new(Vec::new()));
    let noted = times.clone();
    let reconcile = move |_: Arc<ConfigMap>, cx: Cx<()>| {
        noted.lock().push((tokio::time::Instant::now(), cx.attempt()));
        let count = noted.lock().len();
        async move {
            assert_ne!(count, 2, "a panic counts as a failure");
            if count < 4 { Err(Fail::NotYet) } else { Ok(Action::await_change()) }
        }
    };
    Controller::<ConfigMap>::new("fails", &test.fleet).backoff(StaticThenExponential::default()).run(
        reconcile,
        |_, _, _| Action::backoff(),
        Arc::new(()),
    );
    test.provider.start("shard", &test.server, &["c1"]);
    test.run(async {
        tokio::time::sleep(Duration::from_secs(110)).await;
        let times = times.lock();
        let gaps: Vec<u64> = times.windows(2).map(|pair| (pair[1].0 - pair[0].0).as_secs()).collect();
        assert_eq!(gaps, [2, 2, 2]);
        assert_eq!(times.iter().map(|(_, attempt)| *attempt).collect::<Vec<_>>(), [0, 1, 2, 3]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn f22_refusals_right_after_engagement_are_retried_quickly_and_do_not_count() {
    let test = Test::new();
    test.server.put("c1", map("a", "1"), "configmaps");
    test.server.faults().add(FaultRule::new(Fault::Status(500)).path("/secrets/").times(3));
    let done = Arc::new(Mutex::new(None));
    let noted = done.clone();
    let reconcile = move |_: Arc<ConfigMap>, cx: Cx<()>| {
        let noted = noted.clone();
        async move {
            let api = cx.cluster().namespaced::<k8s_openapi::api::core::v1::Secret>("default");
            api.get_opt("x").await?;
            *noted.lock() = Some((cx.cluster().age(), cx.attempt()));
            Ok::<_, Fail>(Action::await_change())
        }
    };
    Controller::<ConfigMap>::new("early", &test.fleet).backoff(StaticThenExponential::default()).run(
        reconcile,
        |_, _, _| Action::backoff(),
        Arc::new(()),
    );
    test.provider.start("shard", &test.server, &["c1"]);
    test.run(async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let (age, attempt) = done.lock().unwrap();
        assert!(age < Duration::from_secs(2), "{age:?}");
        assert_eq!(attempt, 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn f09_reconcile_of_a_cluster_that_went_is_told_then_dropped_and_the_hook_runs_last() {
    let test = Test::new();
    test.server.put("c1", map("a", "1"), "configmaps");
    let log = Seen::default();
    let (started, told) = (log.clone(), log.clone());
    let reconcile = move |_: Arc<ConfigMap>, cx: Cx<()>| {
        let log = started.clone();
        async move {
            log.lock().push("start".into());
            cx.cancelled().cancelled().await;
            log.lock().push(format!("told {}", cx.cluster().is_gone().unwrap().name()));
            std::future::pending::<()>().await;
            Ok::<_, Fail>(Action::await_change())
        }
    };
    Controller::<ConfigMap>::new("hangs", &test.fleet)
        .on_cluster_gone(move |cluster, why| {
            told.lock().push(format!("gone {} {}", cluster.id(), why.name()));
            async {}
        })
        .run(reconcile, |_, _, _| Action::backoff(), Arc::new(()));
    test.provider.start("shard", &test.server, &["c1"]);
    test.run(async {
        quiet().await;
        test.provider.down("c1", "shard");
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(*log.lock(), ["start", "told removed"]);
        tokio::time::sleep(Duration::from_secs(25)).await;
        assert_eq!(*log.lock(), ["start", "told removed", "gone c1 removed"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn f23_shutdown_waits_for_running_reconciles_and_aborts_stuck_ones() {
    let test = Test::new();
    test.server.put("c1", map("slow", "1"), "configmaps");
    test.server.put("c2", map("stuck", "1"), "configmaps");
    let log = Seen::default();
    let noted = log.clone();
    let reconcile = move |object: Arc<ConfigMap>, _: Cx<()>| {
        let log = noted.clone();
        async move {
            let slow = object.metadata.name.as_deref() == Some("slow");
            tokio::time::sleep(Duration::from_secs(if slow { 5 } else { 1000 })).await;
            log.lock().push("done".into());
            Ok::<_, Fail>(Action::await_change())
        }
    };
    Controller::<ConfigMap>::new("slow", &test.fleet).run(
        reconcile,
        |_, _, _| Action::backoff(),
        Arc::new(()),
    );
    test.provider.start("shard", &test.server, &["c1", "c2"]);
    let started = tokio::time::Instant::now();
    test.run(quiet()).await;
    assert_eq!(*log.lock(), ["done"]);
    assert!((25..32).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
}
