//! What the fleet promises when clusters, scopes and watches come, go and fail. Paused time; one in-process server per shard.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{sync::Arc, time::Duration};

use futures::{FutureExt as _, StreamExt as _};
use k8s_openapi::api::core::v1::ConfigMap;
use multicluster::{
    Action, Cluster, Controller, Cx, Fleet, FleetChange, FleetEvent, Gone, Lookup, ScopeId,
    StaticThenExponential,
    testing::{FakeServer, StaticProvider},
};
use parking_lot::Mutex;
use runtime::{Fault, FaultRule, Stop};
use serde_json::{Value, json};

fn map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "default", "name": name}, "data": {"v": value}})
}

type Seen = Arc<Mutex<Vec<String>>>;

async fn note(object: Arc<ConfigMap>, cx: Cx<Seen>) -> Result<Action, kube::Error> {
    let value = object.data.as_ref().and_then(|data| data.get("v")).cloned().unwrap_or_default();
    cx.lock().push(format!("{} {} {value}", cx.cluster().id(), cx.object()));
    Ok(Action::await_change())
}

struct Test {
    server: FakeServer,
    provider: StaticProvider,
    fleet: Fleet,
    seen: Seen,
    stop: Stop,
}

impl Test {
    fn new() -> Self {
        let (server, provider) = (FakeServer::new(), StaticProvider::new("core"));
        let fleet = Fleet::builder().provider(provider.clone()).build().unwrap();
        Test { server, provider, fleet, seen: Seen::default(), stop: Stop::new() }
    }

    fn control(&self) {
        Controller::<ConfigMap>::new("note", &self.fleet).run(
            note,
            |_, _, _| Action::backoff(),
            self.seen.clone().into(),
        );
    }

    /// Runs the fleet while `story` goes on; time is paused, so waiting costs nothing.
    async fn run(&self, story: impl Future<Output = ()>) {
        let run = self.fleet.run_until(self.stop.cancelled());
        tokio::pin!(run);
        tokio::select! {
            ended = &mut run => panic!("fleet ended: {ended:?}"),
            () = story => {}
        }
        self.stop.stop();
        run.await.unwrap();
    }

    async fn sees(&self, what: &str) {
        for _ in 0..20_000 {
            if self.seen.lock().iter().any(|line| line == what) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("never saw `{what}`, but {:?}", self.seen.lock());
    }

    fn take(&self) -> Vec<String> {
        let mut seen = std::mem::take(&mut *self.seen.lock());
        seen.sort();
        seen
    }
}

async fn quiet() {
    tokio::time::sleep(Duration::from_millis(300)).await;
}

#[tokio::test(start_paused = true)]
async fn objects_of_one_name_in_many_clusters_are_many_objects_behind_one_watch() {
    let test = Test::new();
    for cluster in ["c1", "c2", "c3"] {
        test.server.put(cluster, map("a", cluster), "configmaps");
    }
    test.control();
    test.provider.start("shard", &test.server, &["c1", "c2", "c3"]);
    test.run(async {
        test.sees("c3 default/a c3").await;
        quiet().await;
        assert_eq!(test.take(), ["c1 default/a c1", "c2 default/a c2", "c3 default/a c3"]);
        test.server.remove("c2", "", "configmaps", Some("default"), "a");
        quiet().await;
        let store = test.fleet.store::<ConfigMap>();
        assert_eq!((store.len(), store.all().len()), (2, 2));
        assert_eq!(test.server.count("watch=true"), 1, "one watch for each kind and endpoint");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn engaging_costs_no_request_and_late_joiners_see_everything() {
    let test = Test::new();
    test.server.put("c1", map("a", "1"), "configmaps");
    test.provider.start("shard", &test.server, &["c1"]);
    test.run(async {
        quiet().await;
        assert_eq!(test.server.requests(), Vec::<String>::new());
        test.control();
        test.sees("c1 default/a 1").await;
        test.provider.up("c2", "shard", &["root:two"], &test.server, "");
        test.server.put("c2", map("b", "2"), "configmaps");
        test.sees("c2 default/b 2").await;
        assert_eq!(test.fleet.resolve("root:two").unwrap().id().as_str(), "c2");
        assert!(matches!(test.fleet.cluster(&multicluster::ClusterKey::new("core", "c9")), Lookup::Unknown));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn f05_expired_watch_lists_once_and_synthesizes_deletions_and_nothing_else() {
    let test = Test::new();
    test.server.put("c1", map("a", "1"), "configmaps");
    test.server.put("c1", map("b", "1"), "configmaps");
    let deleted = Seen::default();
    let told = deleted.clone();
    Controller::<ConfigMap>::new("note", &test.fleet)
        .on_deleted(move |cluster, key, _| {
            told.lock().push(format!("{} {key}", cluster.id()));
            async {}
        })
        .run(note, |_, _, _| Action::backoff(), test.seen.clone().into());
    test.provider.start("shard", &test.server, &["c1"]);
    test.run(async {
        test.sees("c1 default/b 1").await;
        quiet().await;
        test.take();
        // The watch breaks; while nobody watches, one object goes and the history with it.
        test.server.faults().add(FaultRule::new(Fault::Status(503)).path("watch=true").times(3));
        test.server.faults().add(FaultRule::new(Fault::Error).path("limit="));
        test.server.remove("c1", "", "configmaps", Some("default"), "b");
        test.server.compact();
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(test.fleet.store::<ConfigMap>().len(), 2, "what was read stays readable");
        test.server.faults().clear();
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(*deleted.lock(), ["c1 default/b"]);
        assert_eq!(test.take(), Vec::<String>::new(), "unchanged objects trigger nothing");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn f06_silent_watch_is_replaced_without_a_relist() {
    let test = Test::new();
    test.server.put("c1", map("a", "1"), "configmaps");
    test.server.faults().add(FaultRule::new(Fault::Silence(0)).path("watch=true").times(1));
    test.control();
    test.provider.start("shard", &test.server, &["c1"]);
    test.run(async {
        test.sees("c1 default/a 1").await;
        test.server.put("c1", map("a", "2"), "configmaps");
        let started = tokio::time::Instant::now();
        test.sees("c1 default/a 2").await;
        assert!(started.elapsed() <= Duration::from_secs(60), "{:?}", started.elapsed());
        assert_eq!(test.server.count("limit="), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn f07_cluster_that_moves_has_one_owner_and_late_deletes_of_the_old_scope_do_nothing() {
    let (test, other) = (Test::new(), FakeServer::new());
    test.server.put("c1", map("a", "old"), "configmaps");
    other.put("c1", map("a", "new"), "configmaps");
    test.control();
    test.provider.start("one", &test.server, &["c1"]);
    let mut events = test.fleet.events();
    test.run(async {
        test.sees("c1 default/a old").await;
        let old = test.fleet.clusters().remove(0);
        assert!(matches!(events.next().await, Some(FleetChange::Engaged(cluster)) if cluster.epoch() == old.epoch()));
        test.provider.scope_up("two", &other, "");
        test.provider.up("c1", "two", &[], &other, "");
        test.sees("c1 default/a new").await;
        test.take();
        test.provider.down("c1", "one");
        test.server.remove("c1", "", "configmaps", Some("default"), "a");
        test.server.put("c1", map("a", "late"), "configmaps");
        quiet().await;
        assert_eq!(old.is_gone(), Some(Gone::MovedScope));
        assert_eq!(test.take(), Vec::<String>::new());
        let now = test.fleet.clusters().remove(0);
        assert!(now.epoch() > old.epoch() && now.is_gone().is_none());
        let seen: Vec<String> = std::iter::from_fn(|| events.next().now_or_never().flatten())
            .map(|change| match change {
                FleetChange::Engaged(cluster) => format!("+{}", cluster.epoch()),
                FleetChange::Disengaged(cluster, why) => format!("-{} {}", cluster.epoch(), why.name()),
            })
            .collect();
        let (old, now) = (old.epoch(), now.epoch());
        assert_eq!(seen, [format!("-{old} moved_scope"), format!("+{now}")]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn f02_closed_scope_takes_its_clusters_entries_and_keys_with_it() {
    let test = Test::new();
    test.server.put("c1", map("a", "1"), "configmaps");
    test.control();
    test.provider.start("shard", &test.server, &["c1"]);
    test.run(async {
        test.sees("c1 default/a 1").await;
        let cluster: Cluster = test.fleet.clusters().remove(0);
        test.provider.send(FleetEvent::ScopeDown(ScopeId::from("shard")));
        assert_eq!(cluster.gone().await, Gone::ScopeClosed);
        quiet().await;
        assert_eq!((test.fleet.clusters().len(), test.fleet.store::<ConfigMap>().len()), (0, 0));
        assert!(matches!(test.fleet.cluster(cluster.key()), Lookup::Gone(Gone::ScopeClosed)));
        test.take();
        test.provider.start("shard", &test.server, &["c1"]);
        test.sees("c1 default/a 1").await;
        assert!(test.fleet.clusters()[0].epoch() > cluster.epoch());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn f12_refused_kind_degrades_alone_and_comes_back() {
    let test = Test::new();
    test.server.put("c1", map("a", "1"), "configmaps");
    let secrets = test.fleet.store::<k8s_openapi::api::core::v1::Secret>();
    test.server.faults().add(FaultRule::new(Fault::Status(403)).path("/secrets"));
    test.control();
    test.provider.start("shard", &test.server, &["c1"]);
    test.run(async {
        test.sees("c1 default/a 1").await;
        let health = test.fleet.health();
        let fault =
            health.kinds.iter().find(|kind| kind.kind == "v1/secrets").unwrap().fault.clone().unwrap();
        assert!(fault.contains("list of `v1/secrets` was refused with 403"), "{fault}");
        test.server.faults().clear();
        secrets.ready().await;
        assert_eq!(test.fleet.health().check(), runtime::CheckState::Ready);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn f17_object_that_names_no_cluster_is_left_out() {
    let (test, server) = (Test::new(), FakeServer::new());
    server.put("c1", map("a", "1"), "configmaps");
    test.control();
    test.provider.send(FleetEvent::Init);
    test.provider.send(FleetEvent::ScopeUp(multicluster::WatchScope {
        id: "shard".into(),
        client: multicluster::prefix_client(&server.client(), "/clusters/*"),
        redial: None,
        demux: multicluster::Demux::Meta(Arc::new(|_| None)),
    }));
    test.provider.up("c1", "shard", &[], &server, "");
    test.provider.send(FleetEvent::InitDone);
    test.run(async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!((test.take(), test.fleet.store::<ConfigMap>().len()), (vec![], 0));
        assert!(
            test.fleet
                .registry()
                .text()
                .contains(r#"multicluster_events_dropped_total{reason="no_cluster"} 1"#)
        );
    })
    .await;
}

#[derive(Debug, thiserror::Error)]
enum Fail {
    #[error("not yet")]
    NotYet,
    #[error(transparent)]
    Kube(#[from] kube::Error),
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
        while times.lock().len() < 4 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        tokio::time::sleep(Duration::from_secs(100)).await;
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

#[tokio::test(start_paused = true)]
async fn f07_every_order_of_a_move_ends_at_the_scope_that_still_serves_the_cluster() {
    // What happens in the two scopes; the order within a scope stays, every interleaving of both is tried.
    let old = ["up one", "again one", "down one"];
    let new = ["up two", "again two"];
    for order in interleavings(&old, &new) {
        let (test, other) = (Test::new(), FakeServer::new());
        test.server.put("c1", map("a", "one"), "configmaps");
        other.put("c1", map("a", "two"), "configmaps");
        test.control();
        let mut events = test.fleet.events();
        test.provider.scope_up("one", &test.server, "");
        test.provider.scope_up("two", &other, "");
        test.run(async {
            for step in &order {
                match *step {
                    "up one" | "again one" => test.provider.up("c1", "one", &[], &test.server, ""),
                    "up two" | "again two" => test.provider.up("c1", "two", &[], &other, ""),
                    _ => test.provider.down("c1", "one"),
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            quiet().await;
            assert_eq!(test.seen.lock().last().unwrap(), "c1 default/a two", "{order:?}");
            assert_eq!(test.fleet.clusters().len(), 1, "{order:?}");
            // Engagements and ends alternate, and the ends name the epoch that was engaged.
            let mut engaged = None;
            while let Some(Some(change)) = events.next().now_or_never() {
                match change {
                    FleetChange::Engaged(cluster) => {
                        assert_eq!(engaged.replace(cluster.epoch()), None, "{order:?}")
                    }
                    FleetChange::Disengaged(cluster, _) => {
                        assert_eq!(engaged.take(), Some(cluster.epoch()), "{order:?}")
                    }
                }
            }
            assert_eq!(engaged, Some(test.fleet.clusters()[0].epoch()), "{order:?}");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn f07_a_move_that_is_taken_back_returns_to_the_first_scope() {
    let (test, other) = (Test::new(), FakeServer::new());
    test.server.put("c1", map("a", "one"), "configmaps");
    other.put("c1", map("a", "two"), "configmaps");
    test.control();
    test.provider.start("one", &test.server, &["c1"]);
    test.run(async {
        test.sees("c1 default/a one").await;
        test.provider.scope_up("two", &other, "");
        test.provider.up("c1", "two", &[], &other, "");
        test.sees("c1 default/a two").await;
        test.take();
        test.provider.send(FleetEvent::ScopeDown(ScopeId::from("two")));
        test.sees("c1 default/a one").await;
    })
    .await;
}

fn interleavings(a: &[&'static str], b: &[&'static str]) -> Vec<Vec<&'static str>> {
    let (Some((first_a, rest_a)), Some((first_b, rest_b))) = (a.split_first(), b.split_first()) else {
        return vec![[a, b].concat()];
    };
    let with = |first: &'static str, rest: Vec<Vec<&'static str>>| {
        rest.into_iter().map(move |tail| [vec![first], tail].concat())
    };
    with(first_a, interleavings(rest_a, b)).chain(with(first_b, interleavings(a, rest_b))).collect()
}
