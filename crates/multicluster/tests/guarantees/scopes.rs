//! Clusters and scopes that come, go, move and come back.

use std::time::Duration;

use futures::{FutureExt as _, StreamExt as _};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use multicluster::{
    Action, Cluster, ClusterKey, Controller, Cx, FleetChange, FleetEvent, FleetLimits, Gone, Lookup, ScopeId,
    testing::FakeServer,
};
use runtime::{Fault, FaultRule};

use crate::{Test, map, metric, quiet, seconds};

#[tokio::test(start_paused = true)]
async fn f01_a_scope_that_does_not_answer_yet_is_tried_until_it_does_and_disturbs_nobody() {
    for code in [404, 503] {
        let (test, other) = (Test::new(), FakeServer::new());
        test.server.put("c1", map("a", "one"), "configmaps");
        other.put("c2", map("a", "two"), "configmaps");
        test.control();
        test.provider.start("one", &test.server, &["c1"]);
        test.run(async {
            test.sees("c1 default/a one").await;
            let (epoch, requests) = (test.fleet.clusters()[0].epoch(), test.server.requests().len());
            other.faults().add(FaultRule::new(Fault::Status(code)));
            test.provider.scope_up("two", &other, "");
            test.provider.up("c2", "two", &[], &other, "");
            seconds(5).await;
            test.server.put("c1", map("a", "changed"), "configmaps");
            test.sees("c1 default/a changed").await;
            assert!(other.requests().is_empty() && test.fleet.health().kinds[1].fault.is_some());
            other.faults().clear();
            test.sees("c2 default/a two").await;
            let first = test.fleet.cluster(&ClusterKey::new("core", "c1")).engaged().unwrap();
            assert_eq!((first.epoch(), test.server.requests().len()), (epoch, requests), "{code}");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn f02_running_reconciles_of_a_closed_scope_are_told_then_aborted_and_nothing_refers_to_it() {
    let test = Test::new();
    test.server.put("c1", map("a", "1"), "configmaps");
    test.server.put("c1", map("b", "1"), "configmaps");
    let log = crate::Seen::default();
    let noted = log.clone();
    Controller::<ConfigMap>::new("hangs", &test.fleet).grace(Duration::from_secs(5)).run(
        move |_: std::sync::Arc<ConfigMap>, cx: Cx<()>| {
            let log = noted.clone();
            async move {
                let _ended = Noted(log.clone());
                cx.cancelled().cancelled().await;
                log.lock().push("told".into());
                std::future::pending::<Result<Action, kube::Error>>().await
            }
        },
        |_, _, _| Action::backoff(),
        std::sync::Arc::new(()),
    );
    test.provider.start("shard", &test.server, &[]);
    test.provider.up("c1", "shard", &["root:one"], &test.server, "");
    let mut events = test.fleet.events();
    test.run(async {
        quiet().await;
        test.provider.scope_down("shard");
        seconds(4).await;
        assert_eq!(*log.lock(), ["told", "told"]);
        seconds(2).await;
        assert_eq!(*log.lock(), ["told", "told", "dropped", "dropped"]);
        assert!(test.fleet.resolve("root:one").is_none());
        let view = test.fleet.debug_view(5).to_string();
        assert!(!view.contains("shard") && !view.contains("c1"), "{view}");
        assert_eq!(metric(&test.fleet, r#"multicluster_reconcile_inflight{controller="hangs"}"#), Some(0.0));
        let ends = std::iter::from_fn(|| events.next().now_or_never().flatten());
        assert_eq!(
            ends.filter(|change| matches!(change, FleetChange::Disengaged(..))).count(),
            0,
            "unread epochs are left out"
        );
    })
    .await;
}

struct Noted(crate::Seen);

impl Drop for Noted {
    fn drop(&mut self) {
        self.0.lock().push("dropped".into());
    }
}

#[tokio::test(start_paused = true)]
async fn f03_a_scope_that_is_reported_again_disturbs_nothing() {
    let test = Test::new();
    test.server.put("c1", map("a", "1"), "configmaps");
    test.control();
    test.provider.start("shard", &test.server, &["c1"]);
    test.run(async {
        test.sees("c1 default/a 1").await;
        test.take();
        let epoch = test.fleet.clusters()[0].epoch();
        test.provider.start("shard", &test.server, &["c1"]);
        seconds(5).await;
        assert_eq!(test.fleet.clusters()[0].epoch(), epoch);
        assert_eq!((test.server.count("limit="), test.take()), (1, vec![]), "no list and no run again");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn f04_what_a_provider_cannot_read_degrades_and_tears_nothing_down() {
    let test = Test::new();
    test.server.put("c1", map("a", "1"), "configmaps");
    test.control();
    test.provider.start("shard", &test.server, &["c1"]);
    test.run(async {
        test.sees("c1 default/a 1").await;
        let epoch = test.fleet.clusters()[0].epoch();
        test.provider.fail("get of `slices` was refused with 403");
        test.provider.send(FleetEvent::Degraded { scope: Some("shard".into()), reason: "list: 403".into() });
        seconds(600).await;
        assert_eq!(test.fleet.clusters()[0].epoch(), epoch);
        let degraded = test.fleet.health().degraded;
        assert!(degraded.len() == 2 && degraded.iter().all(|reason| reason.contains("403")), "{degraded:?}");
        test.server.put("c1", map("a", "2"), "configmaps");
        test.sees("c1 default/a 2").await;
        test.provider.send(FleetEvent::Recovered { scope: Some("shard".into()) });
        test.provider.send(FleetEvent::Recovered { scope: None });
        quiet().await;
        assert_eq!(test.fleet.health().degraded, Vec::<String>::new());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn f08_clusters_outlive_a_providers_stream_for_the_grace_and_end_after_it() {
    let test = Test::new();
    test.server.put("c1", map("a", "1"), "configmaps");
    test.server.put("c2", map("a", "1"), "configmaps");
    test.control();
    test.provider.start("shard", &test.server, &["c1", "c2"]);
    test.run(async {
        test.sees("c2 default/a 1").await;
        let first = test.fleet.cluster(&ClusterKey::new("core", "c1")).engaged().unwrap();
        test.provider.end();
        seconds(50).await;
        assert_eq!(test.fleet.clusters().len(), 2, "kept for the grace");
        // It is back in time: what it does not repeat is gone, the rest never noticed.
        test.provider.start("shard", &test.server, &["c1"]);
        quiet().await;
        seconds(120).await;
        assert_eq!(first.is_gone(), None);
        assert!(matches!(test.fleet.cluster(&ClusterKey::new("core", "c2")), Lookup::Gone(Gone::Removed)));
        // It ends and asks nobody: silence is no report.
        test.provider.end();
        seconds(59).await;
        assert_eq!(first.is_gone(), None);
        seconds(3).await;
        assert_eq!(first.is_gone(), Some(Gone::ProviderStopped));
        assert_eq!((test.fleet.clusters().len(), test.fleet.store::<ConfigMap>().len()), (0, 0));
        test.take();
        test.provider.start("shard", &test.server, &["c1"]);
        test.sees("c1 default/a 1").await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn f10_a_path_points_to_the_younger_cluster_and_its_keys_stay_with_their_own() {
    let test = Test::new();
    test.server.put("old", map("a", "old"), "configmaps");
    test.server.put("new", map("a", "new"), "configmaps");
    test.control();
    test.provider.start("shard", &test.server, &[]);
    test.run(async {
        test.provider.up("old", "shard", &["root:acme"], &test.server, "");
        test.sees("old default/a old").await;
        test.provider.up("new", "shard", &["root:acme"], &test.server, "");
        test.sees("new default/a new").await;
        assert_eq!(test.fleet.resolve("root:acme").unwrap().id().as_str(), "new");
        test.take();
        test.server.put("old", map("a", "later"), "configmaps");
        test.sees("old default/a later").await;
        test.provider.down("old", "shard");
        quiet().await;
        assert_eq!(test.fleet.resolve("root:acme").unwrap().id().as_str(), "new");
        test.provider.up("new", "shard", &["root:renamed"], &test.server, "");
        quiet().await;
        assert!(test.fleet.resolve("root:acme").is_none());
        assert_eq!(test.fleet.resolve("root:renamed").unwrap().id().as_str(), "new");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn f13_a_scope_in_which_everything_is_refused_lets_go_only_where_that_is_asked_for() {
    for after in [None, Some(Duration::from_secs(180))] {
        let test = Test::with(FleetLimits { forbidden_after: after, ..FleetLimits::default() });
        test.server.put("c1", map("a", "1"), "configmaps");
        let secrets = test.fleet.store::<Secret>();
        test.control();
        test.provider.start("shard", &test.server, &["c1"]);
        test.run(async {
            test.sees("c1 default/a 1").await;
            secrets.ready().await;
            let cluster = test.fleet.clusters().remove(0);
            // One kind alone is no reason, however long.
            test.server.faults().add(FaultRule::new(Fault::Cut(0)).path("secrets?watch=true").times(1));
            test.server.faults().add(FaultRule::new(Fault::Status(403)).path("/secrets"));
            test.server.compact();
            seconds(900).await;
            assert_eq!(cluster.is_gone(), None);
            test.server.faults().add(FaultRule::new(Fault::Status(403)).path("/configmaps"));
            test.server.compact();
            seconds(1200).await;
            assert_eq!(cluster.is_gone(), after.map(|_| Gone::Forbidden), "{after:?}");
            test.server.faults().clear();
            seconds(700).await;
            test.take();
            test.server.put("c1", map("a", "2"), "configmaps");
            test.sees("c1 default/a 2").await;
        })
        .await;
    }
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
