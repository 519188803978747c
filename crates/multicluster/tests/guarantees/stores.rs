//! What stores hold: forms, subscriptions, identity across clusters, against a naive model.

use std::collections::BTreeMap;

use futures::{FutureExt as _, StreamExt as _};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{ResourceExt as _, api::DynamicObject};
use multicluster::{ClusterKey, FleetLimits, Lists, StoreEvent, dynamic_kind, testing::FakeServer};
use runtime::{Fault, FaultRule};

use crate::{Test, map, metric, quiet, seconds};

#[tokio::test(start_paused = true)]
async fn a_compact_store_reads_like_a_whole_one_and_counts_its_bytes() {
    let test = Test::new();
    let store = test.fleet.compact_store::<ConfigMap>();
    let widget = dynamic_kind("test.io", "v1", "Widget", "widgets");
    let widgets = test.fleet.compact_store_with::<DynamicObject>(widget);
    let raw = serde_json::json!({"apiVersion": "test.io/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 3}});
    test.server.put("c1", raw, "widgets");
    for cluster in ["c1", "c2"] {
        test.server.put(cluster, map("a", cluster), "configmaps");
    }
    let by_value = test
        .fleet
        .index(&store, |map| map.data.iter().flat_map(|data| data.get("v").cloned()).collect::<Vec<_>>());
    test.control();
    test.provider.start("shard", &test.server, &["c1", "c2"]);
    test.run(async {
        test.sees("c2 default/a c2").await;
        widgets.ready().await;
        let cluster = test.fleet.cluster(&ClusterKey::new("core", "c1")).engaged().unwrap();
        assert_eq!(store.of(&cluster).get_in("default", "a").unwrap().data.as_ref().unwrap()["v"], "c1");
        let widget = widgets.of(&cluster).get("w").unwrap();
        assert_eq!(
            (widget.data["spec"]["size"].as_i64(), widget.types.clone().unwrap().kind),
            (Some(3), "Widget".into())
        );
        test.server.put("c1", map("a", "changed"), "configmaps");
        test.sees("c1 default/a changed").await;
        assert_eq!(store.by(&by_value, &"changed".into()).len(), 1);
        assert_eq!(store.by(&by_value, &"c1".into()).len(), 0);
        let bytes = test.fleet.debug_view(0)["stored"]["v1/configmaps"]["compactBytes"].as_u64().unwrap();
        assert!((200..1500).contains(&bytes), "{bytes}");
        test.server.remove("c1", "", "configmaps", Some("default"), "a");
        test.server.remove("c2", "", "configmaps", Some("default"), "a");
        quiet().await;
        assert_eq!(test.fleet.debug_view(0)["stored"]["v1/configmaps"]["compactBytes"], 0);
        test.provider.send(multicluster::FleetEvent::Init);
        test.provider.send(multicluster::FleetEvent::InitDone);
        quiet().await;
        assert_eq!(metric(&test.fleet, r#"multicluster_clusters{provider="core"}"#), Some(0.0));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_late_subscriber_gets_a_snapshot_then_each_object_that_changed_once() {
    let test = Test::new();
    test.server.put("c1", map("a", "1"), "configmaps");
    test.server.put("c1", map("b", "1"), "configmaps");
    let store = test.fleet.store::<ConfigMap>();
    test.provider.start("shard", &test.server, &["c1"]);
    test.run(async {
        store.ready().await;
        let mut events = store.subscribe();
        let mut next = || match events.next().now_or_never().flatten() {
            Some(StoreEvent::Applied(cluster, map)) => {
                format!("{} {} {}", cluster.id(), map.name_any(), map.data.as_ref().unwrap()["v"])
            }
            Some(StoreEvent::Deleted(cluster, map)) => format!("{} {} gone", cluster.id(), map.name_any()),
            Some(StoreEvent::ClusterDropped(cluster)) => format!("{} dropped", cluster.id()),
            None => "nothing".into(),
        };
        let mut first = [next(), next()];
        first.sort();
        assert_eq!(first, ["c1 a 1", "c1 b 1"]);
        assert_eq!(next(), "nothing");
        for at in 2..6 {
            test.server.put("c1", map("a", &at.to_string()), "configmaps");
        }
        test.server.remove("c1", "", "configmaps", Some("default"), "b");
        quiet().await;
        assert_eq!([next(), next(), next()], ["c1 a 5", "c1 b gone", "nothing"]);
        test.server.put("c1", map("a", "6"), "configmaps");
        quiet().await;
        test.provider.down("c1", "shard");
        quiet().await;
        assert_eq!([next(), next()], ["c1 dropped", "nothing"]);
        test.provider.up("c1", "shard", &[], &test.server, "");
        quiet().await;
        assert_eq!([next(), next()], ["c1 a 6", "nothing"]);
    })
    .await;
}

/// Random writes, deletions, expiries, cuts and refusals at two scopes: at rest the store equals the servers.
#[tokio::test(start_paused = true)]
async fn f05_at_rest_the_store_equals_the_union_of_its_scopes() {
    for seed in 0..12 {
        let mut dice = crate::dice::Dice::new(seed);
        let lists = if seed % 3 == 0 { Lists::Streaming } else { Lists::Paged };
        let (test, other) = (Test::with(FleetLimits { lists, ..FleetLimits::default() }), FakeServer::new());
        let store = if seed % 2 == 0 { test.fleet.compact_store::<ConfigMap>() } else { test.fleet.store() };
        let servers = [&test.server, &other];
        test.provider.start("s0", &test.server, &["a0", "b0"]);
        test.provider.scope_up("s1", &other, "");
        for name in ["a1", "b1"] {
            test.provider.up(name, "s1", &[], &other, "");
        }
        let mut model: BTreeMap<(String, String), String> = BTreeMap::new();
        test.run(async {
            for step in 0..120 {
                let side = dice.below(2) as usize;
                let cluster = format!("{}{side}", ["a", "b"][dice.below(2) as usize]);
                let name = format!("o{}", dice.below(6));
                let server = servers[side];
                match dice.below(12) {
                    0..=5 => {
                        server.put(&cluster, map(&name, &step.to_string()), "configmaps");
                        model.insert((cluster, name), step.to_string());
                    }
                    6 | 7 => {
                        server.remove(&cluster, "", "configmaps", Some("default"), &name);
                        model.remove(&(cluster, name));
                    }
                    8 => server.compact(),
                    9 => server.faults().add(FaultRule::new(Fault::Cut(dice.below(3) as usize)).times(1)),
                    10 => server
                        .faults()
                        .add(FaultRule::new(Fault::Status([410, 429, 503][dice.below(3) as usize])).times(2)),
                    _ => tokio::time::sleep(std::time::Duration::from_millis(dice.below(3000))).await,
                }
            }
            test.server.faults().clear();
            other.faults().clear();
            seconds(400).await;
            let found: BTreeMap<(String, String), String> = store
                .all()
                .into_iter()
                .map(|(cluster, map)| {
                    ((cluster.id().to_string(), map.name_any()), map.data.as_ref().unwrap()["v"].clone())
                })
                .collect();
            assert_eq!(found, model, "seed {seed}");
            assert_eq!(store.len() as usize, model.len(), "seed {seed}");
        })
        .await;
    }
}
