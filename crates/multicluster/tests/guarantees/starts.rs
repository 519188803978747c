//! Many clusters at once, and a process that dies at any point.

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use multicluster::{
    Action, Controller, Cx, Fleet, FleetLimits,
    testing::{FakeServer, StaticProvider},
};
use parking_lot::Mutex;
use runtime::{Fault, FaultRule, Ids};

use crate::{Fail, Test, map, seconds};

#[tokio::test(start_paused = true)]
async fn f15_lists_run_a_few_at_a_time_and_synced_scopes_do_not_wait_for_the_others() {
    let test = Test::with(FleetLimits { list_parallelism: 2, ..FleetLimits::default() });
    let shards: Vec<FakeServer> = (0..10).map(|_| FakeServer::new()).collect();
    let begun = Arc::new(Mutex::new(0));
    for (at, shard) in shards.iter().enumerate() {
        shard.put(&format!("c{at}"), map("a", "1"), "configmaps");
        // Every list takes ten seconds; the rule counts those that began.
        let begun = begun.clone();
        let counts = move |parts: &http::request::Parts| {
            let lists = parts.uri.query().is_some_and(|query| query.contains("limit="));
            *begun.lock() += usize::from(lists);
            lists
        };
        shard.faults().add(FaultRule::new(Fault::Delay(Duration::from_secs(10))).when(counts));
    }
    test.control();
    for (at, shard) in shards.iter().enumerate() {
        test.provider.scope_up(&format!("s{at}"), shard, "");
        test.provider.up(&format!("c{at}"), &format!("s{at}"), &[], shard, "");
    }
    test.run(async {
        seconds(12).await;
        assert_eq!(*begun.lock(), 4, "two lists are done, two are under way");
        assert_eq!(test.take().len(), 2, "reconciles of synced scopes run");
        seconds(45).await;
        assert_eq!(test.take().len(), 8);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn f15_nothing_runs_before_every_kind_of_its_scope_is_synced() {
    let test = Test::new();
    test.server.put("c1", map("a", "1"), "configmaps");
    test.server.faults().add(FaultRule::new(Fault::Status(503)).path("/secrets"));
    let secrets = test.fleet.store::<Secret>();
    Controller::<ConfigMap>::new("reads", &test.fleet).owns::<Secret>().reads(&secrets).run(
        crate::note,
        |_, _, _| Action::backoff(),
        test.seen.clone().into(),
    );
    test.provider.start("shard", &test.server, &["c1"]);
    test.run(async {
        seconds(120).await;
        assert_eq!(test.take(), Vec::<String>::new());
        assert!(matches!(test.fleet.health().check(), runtime::CheckState::Waiting(_)));
        test.server.faults().clear();
        test.sees("c1 default/a 1").await;
    })
    .await;
}

/// Copies each map's value into a Secret of its name: one write, guarded.
async fn copy(source: Arc<ConfigMap>, cx: Cx<()>) -> Result<Action, Fail> {
    let value = source.data.as_ref().and_then(|data| data.get("v")).cloned().unwrap_or_default();
    let name = source.metadata.name.clone().unwrap_or_default();
    let secrets = cx.cluster().api::<Secret>();
    let wanted: Secret = serde_json::from_value(serde_json::json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"namespace": "default", "name": name}, "stringData": {"v": value}}))
    .map_err(|_| Fail::NotYet)?;
    let there = secrets.get_opt(Some("default"), &name).await?;
    if there.is_some_and(|there| there.string_data == wanted.string_data) {
        return Ok(Action::await_change());
    }
    secrets.apply("copy", &wanted).await?;
    Ok(Action::await_change())
}

#[tokio::test(start_paused = true)]
async fn f19_a_process_that_dies_at_any_point_starts_again_and_finishes_everything_once() {
    let dice = Ids::seeded(19);
    let server = FakeServer::new();
    let clusters: Vec<String> = (0..8).map(|at| format!("c{at}")).collect();
    for cluster in &clusters {
        server.put(cluster, map("a", "1"), "configmaps");
    }
    server.faults().add(FaultRule::new(Fault::LostAnswer).path("/secrets/").chance(0.2));
    for life in 0..60 {
        let provider = StaticProvider::new("core");
        let fleet = Fleet::builder().provider(provider.clone()).build().unwrap();
        Controller::<ConfigMap>::new("copy", &fleet).run(copy, |_, _, _| Action::backoff(), Arc::new(()));
        provider.start("shard", &server, &clusters.iter().map(String::as_str).collect::<Vec<_>>());
        let cluster = &clusters[dice.below(8) as usize];
        server.put(cluster, map("a", &format!("life {life}")), "configmaps");
        // Dropped where it stands: nothing is drained.
        let run = fleet.run_until(std::future::pending());
        let _ = tokio::time::timeout(Duration::from_millis(dice.below(40)), run).await;
    }
    server.faults().clear();
    let provider = StaticProvider::new("core");
    let fleet = Fleet::builder().provider(provider.clone()).build().unwrap();
    let mut handle =
        Controller::<ConfigMap>::new("copy", &fleet).run(copy, |_, _, _| Action::backoff(), Arc::new(()));
    provider.start("shard", &server, &clusters.iter().map(String::as_str).collect::<Vec<_>>());
    let story = async {
        seconds(5).await;
        handle.settled().await;
        let writes = server.count("PATCH");
        for cluster in &clusters {
            let map = server.get(cluster, "", "configmaps", Some("default"), "a").unwrap();
            let secret = server.get(cluster, "", "secrets", Some("default"), "a").unwrap();
            assert_eq!(map["data"]["v"], secret["stringData"]["v"], "{cluster}");
        }
        seconds(600).await;
        assert_eq!(server.count("PATCH"), writes, "no write in steady state");
    };
    tokio::select! {
        ended = fleet.run_until(std::future::pending()) => panic!("fleet ended: {ended:?}"),
        () = story => {}
    }
}
