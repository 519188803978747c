//! Controllers over dynamic kinds, mappings across clusters and providers, indexes, finalizers, events. Paused time.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{ResourceExt as _, api::DynamicObject};
use multicluster::{
    Action, ClusterKey, Concurrency, Controller, Cx, Fleet, FleetStore, Note, ObjectKey, dynamic_kind,
    finalize,
    testing::{FakeServer, StaticProvider},
};
use parking_lot::Mutex;
use runtime::Stop;
use serde_json::{Value, json};

async fn run(fleet: &Fleet, story: impl Future<Output = ()>) {
    let stop = Stop::new();
    let run = fleet.run_until(stop.cancelled());
    tokio::pin!(run);
    tokio::select! {
        ended = &mut run => panic!("fleet ended: {ended:?}"),
        () = story => {}
    }
    stop.stop();
    run.await.unwrap();
}

async fn soon() {
    tokio::time::sleep(Duration::from_secs(2)).await;
}

fn object(kind: &str, name: &str, extra: Value) -> Value {
    let mut object =
        json!({"apiVersion": "v1", "kind": kind, "metadata": {"namespace": "default", "name": name}});
    json_patch::merge(&mut object, &extra);
    object
}

#[tokio::test(start_paused = true)]
async fn a_mapping_may_name_objects_of_another_provider_and_an_index_finds_them_everywhere() {
    let (core, system) = (FakeServer::new(), FakeServer::new());
    let (one, two) = (StaticProvider::new("core"), StaticProvider::new("system"));
    let fleet = Fleet::builder().provider(one.clone()).provider(two.clone()).build().unwrap();
    core.put("c1", object("ConfigMap", "a", json!({"data": {"color": "red"}})), "configmaps");
    core.put("c2", object("ConfigMap", "b", json!({"data": {"color": "red"}})), "configmaps");

    type App = (FleetStore<Secret>, Mutex<Vec<String>>);
    let secrets = fleet.store_in::<Secret>("system");
    let app: Arc<App> = Arc::new((secrets.clone(), Mutex::default()));
    let reconcile = async |map: Arc<ConfigMap>, cx: Cx<App>| {
        let home = cx.fleet().cluster(&ClusterKey::new("system", "home")).engaged();
        let known = home.is_some_and(|home| cx.0.of(&home).get_in("default", &map.name_any()).is_some());
        cx.1.lock().push(format!("{} {} {known}", cx.cluster().key(), map.name_any()));
        Ok::<_, kube::Error>(Action::await_change())
    };
    Controller::<ConfigMap>::new("maps", &fleet).provider("core").concurrency(Concurrency::total(4)).run(
        reconcile,
        |_, _, _| Action::backoff(),
        app.clone(),
    );
    let core_maps = fleet.store_in::<ConfigMap>("core");
    let by_color = fleet.index(&core_maps, |map| {
        map.data.iter().flat_map(|data| data.get("color").cloned()).collect::<Vec<_>>()
    });
    // A second controller joins, which hears of Secrets of one provider and runs ConfigMaps of the other.
    let to_map = |_: &multicluster::Cluster, secret: &Arc<Secret>| {
        Some(ObjectKey::namespaced("default", secret.name_any()).in_cluster(&ClusterKey::new("core", "c1")))
    };
    one.start("core", &core, &["c1", "c2"]);
    two.start("system", &system, &["home"]);
    run(&fleet, async {
        soon().await;
        assert_eq!(core.count("/secrets"), 0, "a kind of one provider is not watched at another");
        let mut found: Vec<String> =
            core_maps.by(&by_color, &"red".into()).iter().map(|(key, _)| key.to_string()).collect();
        found.sort();
        assert_eq!(found, ["core/c1", "core/c2"]);
        core.put("c2", object("ConfigMap", "b", json!({"data": {"color": "blue"}})), "configmaps");
        soon().await;
        assert_eq!(core_maps.by(&by_color, &"red".into()).len(), 1);
        assert_eq!(core_maps.by(&by_color, &"blue".into())[0].0.to_string(), "core/c2");

        let heard = Arc::new(Mutex::new(Vec::new()));
        let note = heard.clone();
        Controller::<ConfigMap>::new("mapped", &fleet)
            .clusters(|cluster| cluster.key().provider.as_str() == "core")
            .watches::<Secret, _>(to_map)
            .run(
                move |map: Arc<ConfigMap>, _: Cx<()>| {
                    note.lock().push(map.name_any());
                    async { Ok::<_, kube::Error>(Action::await_change()) }
                },
                |_, _, _| Action::backoff(),
                Arc::new(()),
            );
        soon().await;
        heard.lock().clear();
        system.put("home", object("Secret", "a", json!({})), "secrets");
        soon().await;
        assert_eq!(*heard.lock(), ["a"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn dynamic_kinds_are_reconciled_and_their_owners_found() {
    let (server, provider) = (FakeServer::new(), StaticProvider::new("core"));
    let widget = dynamic_kind("test.io", "v1", "Widget", "widgets");
    let raw =
        json!({"apiVersion": "test.io/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 3}});
    server.put("c1", raw, "widgets");
    let owner = json!({"metadata": {"ownerReferences": [
        {"apiVersion": "test.io/v2", "kind": "Widget", "name": "w", "uid": "u", "controller": true}]}});
    let fleet = Fleet::builder().provider(provider.clone()).build().unwrap();
    let runs = Arc::new(Mutex::new(Vec::new()));
    let noted = runs.clone();
    let mut handle =
        Controller::<DynamicObject>::new_with("widgets", &fleet, widget.clone()).owns::<ConfigMap>().run(
            move |object: Arc<DynamicObject>, cx: Cx<()>| {
                noted.lock().push((
                    object.types.clone().unwrap().kind,
                    object.data["spec"]["size"].as_i64(),
                    cx.attempt(),
                ));
                async { Ok::<_, kube::Error>(Action::await_change()) }
            },
            |_, _, _| Action::backoff(),
            Arc::new(()),
        );
    provider.start("shard", &server, &["c1"]);
    run(&fleet, async {
        soon().await;
        handle.settled().await;
        // The owned object has a namespace, its owner has none.
        server.put("c1", object("ConfigMap", "m", owner), "configmaps");
        soon().await;
        assert_eq!(*runs.lock(), vec![("Widget".to_owned(), Some(3), 0); 2]);
        handle.stop();
        server.remove("c1", "", "configmaps", Some("default"), "m");
        soon().await;
        assert_eq!(runs.lock().len(), 2, "a controller that was stopped hears nothing");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn finalizers_bracket_the_life_of_an_object_and_events_are_counted() {
    let (server, provider) = (FakeServer::new(), StaticProvider::new("core"));
    server.put("c1", object("ConfigMap", "a", json!({})), "configmaps");
    let fleet = Fleet::builder().provider(provider.clone()).build().unwrap();
    let log = Arc::new(Mutex::new(Vec::new()));
    let noted = log.clone();
    let reconcile = move |map: Arc<ConfigMap>, cx: Cx<()>| {
        let log = noted.clone();
        async move {
            let api = cx.cluster().namespaced::<ConfigMap>("default");
            let (apply, cleanup) = (log.clone(), log.clone());
            finalize(
                &api,
                "test.io/f",
                map.as_ref(),
                || async {
                    apply.lock().push("apply");
                    cx.event(map.as_ref(), &(), Note::normal("Applied", "Apply", "it is there")).await;
                    Ok::<_, kube::Error>(Action::await_change())
                },
                || async {
                    cleanup.lock().push("cleanup");
                    Ok(Action::await_change())
                },
            )
            .await
        }
    };
    Controller::<ConfigMap>::new("maps", &fleet).run(reconcile, |_, _, _| Action::backoff(), Arc::new(()));
    provider.start("shard", &server, &["c1"]);
    run(&fleet, async {
        soon().await;
        let mut held = server.get("c1", "", "configmaps", Some("default"), "a").unwrap();
        assert_eq!(held["metadata"]["finalizers"], json!(["test.io/f"]));
        held["data"] = json!({"x": "y"});
        server.put("c1", held, "configmaps");
        soon().await;
        assert_eq!(*log.lock(), ["apply", "apply"]);
        let events =
            server.requests().into_iter().filter(|request| request.contains("/events")).collect::<Vec<_>>();
        assert_eq!(
            events.iter().map(|event| event.split_once(' ').unwrap().0).collect::<Vec<_>>(),
            ["POST", "PATCH"]
        );
        let maps = fleet.clusters()[0].namespaced::<ConfigMap>("default");
        maps.delete("a", &Default::default()).await.unwrap();
        soon().await;
        assert_eq!(log.lock().last(), Some(&"cleanup"));
        assert!(server.get("c1", "", "configmaps", Some("default"), "a").is_none());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_object_that_says_too_much_is_cut_short_and_counted() {
    let (server, provider) = (FakeServer::new(), StaticProvider::new("core"));
    server.put("c1", object("ConfigMap", "a", json!({})), "configmaps");
    let fleet = Fleet::builder().provider(provider.clone()).build().unwrap();
    let reconcile = async |map: Arc<ConfigMap>, cx: Cx<()>| {
        for at in 0..40 {
            cx.event(map.as_ref(), &(), Note::warning("Noise", "Say", format!("thing {at}"))).await;
        }
        Ok::<_, kube::Error>(Action::await_change())
    };
    Controller::<ConfigMap>::new("loud", &fleet).run(reconcile, |_, _, _| Action::backoff(), Arc::new(()));
    provider.start("shard", &server, &["c1"]);
    run(&fleet, async {
        soon().await;
        assert_eq!(server.count("/events"), 25);
        let text = fleet.registry().text();
        assert!(text.contains(r#"multicluster_events_dropped_total{reason="event_limit"} 15"#), "{text}");
    })
    .await;
}

/// A dashboard made for controller-runtime finds its figures, with its labels.
#[tokio::test(start_paused = true)]
async fn mcr_figures_have_controller_runtimes_names_where_that_is_asked_for() {
    for asked in [true, false] {
        let (server, provider) = (FakeServer::new(), StaticProvider::new("core"));
        let builder = Fleet::builder().provider(provider.clone());
        let fleet = if asked { builder.compat_metrics() } else { builder }.build().unwrap();
        for name in ["good", "bad", "ugly"] {
            server.put("c1", object("ConfigMap", name, json!({})), "configmaps");
        }
        let reconcile = async |map: Arc<ConfigMap>, _: Cx<()>| match map.name_any().as_str() {
            "good" => Ok(Action::await_change()),
            "bad" => Err(kube::Error::Service("no".into())),
            other => panic!("{other}"),
        };
        let controller = Controller::<ConfigMap>::new("maps", &fleet).concurrency(Concurrency::total(7));
        controller.run(reconcile, |_, _, _| Action::requeue(Duration::from_secs(3600)), Arc::new(()));
        provider.start("shard", &server, &["c1"]);
        run(&fleet, soon()).await;
        let text = fleet.registry().text();
        let shown = |line: &str| text.lines().any(|known| known == line);
        let label = "{controller=\"maps\"}";
        for line in [
            "controller_runtime_reconcile_total{controller=\"maps\",result=\"success\"} 1".to_owned(),
            format!("controller_runtime_max_concurrent_reconciles{label} 7"),
            format!("controller_runtime_active_workers{label} 0"),
            "workqueue_depth{name=\"maps\",controller=\"maps\"} 0".to_owned(),
        ] {
            assert_eq!(shown(&line), asked || cfg!(feature = "compat-metrics"), "`{line}` in {text}");
        }
        if asked {
            let count = |name: &str| {
                let line = text.lines().find(|line| line.starts_with(&format!("{name}{label}"))).unwrap();
                line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
            };
            assert!(count("controller_runtime_reconcile_errors_total") >= 2);
            assert!(count("controller_runtime_reconcile_panics_total") >= 1);
            assert!(count("controller_runtime_reconcile_time_seconds_count") >= 3);
        }
    }
}
