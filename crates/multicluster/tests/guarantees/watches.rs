//! Watches that expire, go silent, are refused, or never end their list.

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use multicluster::{
    Action, Controller, FleetEvent, FleetLimits, Lists, Lookup,
    testing::{FakeServer, Streaming},
};
use runtime::{Fault, FaultRule};

use crate::{Seen, Test, map, metric, note, quiet, seconds};

#[tokio::test(start_paused = true)]
async fn f05_a_server_whose_watches_always_expire_is_not_listed_in_a_loop() {
    let test = Test::new();
    test.server.put("c1", map("a", "1"), "configmaps");
    test.server.faults().add(FaultRule::new(Fault::Status(410)).path("watch=true"));
    test.control();
    test.provider.start("shard", &test.server, &["c1"]);
    test.run(async {
        test.sees("c1 default/a 1").await;
        test.take();
        seconds(600).await;
        let lists = test.server.count("limit=");
        assert!((2..100).contains(&lists), "{lists} lists in ten minutes");
        assert_eq!(test.take(), Vec::<String>::new());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn f12_cached_objects_of_a_refused_kind_stay_readable_and_other_controllers_go_on() {
    let test = Test::new();
    test.server.put("c1", map("a", "1"), "configmaps");
    let secret = serde_json::json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": "default", "name": "s"}});
    test.server.put("c1", secret, "secrets");
    let secrets = test.fleet.store::<Secret>();
    test.control();
    test.provider.start("shard", &test.server, &["c1"]);
    test.run(async {
        test.sees("c1 default/a 1").await;
        secrets.ready().await;
        test.server.faults().add(FaultRule::new(Fault::Status(403)).path("/secrets"));
        // Everything is old: the kind is listed again, and refused.
        test.server.compact();
        seconds(120).await;
        let cluster = test.fleet.clusters().remove(0);
        assert!(secrets.of(&cluster).get_in("default", "s").is_some());
        let health = test.fleet.health();
        let kind = |name: &str| health.kinds.iter().find(|kind| kind.kind == name).unwrap();
        assert!(kind("v1/secrets").fault.as_ref().unwrap().contains("403") && kind("v1/secrets").synced);
        assert_eq!(kind("v1/configmaps").fault, None);
        assert_eq!(
            metric(&test.fleet, r#"multicluster_watch_up{kind="v1/secrets",scope="shard"}"#),
            Some(0.0)
        );
        let refused = test.server.count("/secrets");
        test.server.put("c1", map("a", "2"), "configmaps");
        test.sees("c1 default/a 2").await;
        seconds(300).await;
        assert!(test.server.count("/secrets") - refused < 60, "refusals back off to minutes");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn f20_a_streaming_list_serves_where_the_server_has_it_and_is_left_for_good_where_not() {
    for (streaming, pages, fallbacks) in
        [(Streaming::Served, 0, None), (Streaming::Endless, 1, Some(1.0)), (Streaming::Refused, 1, Some(1.0))]
    {
        let test = Test::with(FleetLimits { lists: Lists::Streaming, ..FleetLimits::default() });
        test.server.streaming(streaming);
        test.server.put("c1", map("a", "1"), "configmaps");
        test.control();
        test.provider.start("shard", &test.server, &["c1"]);
        test.run(async {
            let started = tokio::time::Instant::now();
            test.sees("c1 default/a 1").await;
            assert!(started.elapsed() <= Duration::from_secs(35), "{streaming:?} {:?}", started.elapsed());
            test.server.put("c1", map("a", "2"), "configmaps");
            test.sees("c1 default/a 2").await;
            assert_eq!(test.server.count("limit="), pages, "{streaming:?}");
            // What expired is listed again: in pages at once, where streaming was given up before.
            test.server.faults().add(FaultRule::new(Fault::Status(410)).path("watch=true").times(1));
            test.server.compact();
            seconds(60).await;
            test.server.put("c1", map("a", "3"), "configmaps");
            test.sees("c1 default/a 3").await;
            let series =
                r#"multicluster_watch_relists_total{kind="v1/configmaps",reason="streaming_fell_back"}"#;
            assert_eq!(metric(&test.fleet, series), fallbacks, "{streaming:?}");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn f20_a_streaming_list_that_breaks_forgets_what_vanished_meanwhile() {
    let test = Test::with(FleetLimits { lists: Lists::Streaming, ..FleetLimits::default() });
    test.server.put("c1", map("a", "1"), "configmaps");
    test.server.put("c1", map("b", "1"), "configmaps");
    test.control();
    test.provider.start("shard", &test.server, &["c1"]);
    test.run(async {
        test.sees("c1 default/b 1").await;
        test.server.faults().add(FaultRule::new(Fault::Cut(0)).path("sendInitialEvents").times(2));
        test.server.remove("c1", "", "configmaps", Some("default"), "b");
        test.server.compact();
        seconds(60).await;
        assert_eq!(test.fleet.store::<ConfigMap>().len(), 1);
    })
    .await;
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

#[tokio::test(start_paused = true)]
async fn f05_a_list_of_many_pages_is_read_to_its_end_and_one_that_expires_between_begins_anew() {
    let test = Test::new();
    for at in 0..1_200 {
        test.server.put("c1", map(&format!("o{at:04}"), "1"), "configmaps");
    }
    test.server.faults().add(FaultRule::new(Fault::Status(410)).path("continue=").times(1));
    let store = test.fleet.store::<ConfigMap>();
    test.provider.start("shard", &test.server, &["c1"]);
    test.run(async {
        store.ready().await;
        assert_eq!((store.len(), test.server.count("limit=")), (1_200, 4));
    })
    .await;
}
