//! 2,000 clusters of 10 objects; a tenth of them comes and goes, watches are cut at random, for five virtual minutes.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt as _;
use multicluster::{
    Action, Concurrency, Controller, Cx, Fleet,
    testing::{FakeServer, StaticProvider},
};
use parking_lot::Mutex;
use runtime::{Fault, FaultRule, Ids};
use serde_json::json;

use super::{Digest, dice::Dice, paused};

const CLUSTERS: u64 = 2_000;
const OBJECTS: u64 = 10;
const SHARDS: u64 = 4;

fn put(server: &FakeServer, cluster: u64, object: u64, value: u64) {
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "default", "name": format!("o{object}")},
        "data": {"v": value.to_string()}});
    server.put(&format!("c{cluster}"), object, "configmaps");
}

pub fn run(seed: u64) -> Result<u64, String> {
    paused(async {
        let mut dice = Dice::new(seed);
        let servers: Vec<FakeServer> = (0..SHARDS).map(|_| FakeServer::new()).collect();
        let of = |cluster: u64| &servers[(cluster % SHARDS) as usize];
        for cluster in 0..CLUSTERS {
            for object in 0..OBJECTS {
                put(of(cluster), cluster, object, 0);
            }
        }
        let provider = StaticProvider::new("core");
        let fleet = Fleet::builder().provider(provider.clone()).ids(Ids::seeded(seed)).build().unwrap();
        let digest = Arc::new(Mutex::new(Digest::default()));
        let noted = digest.clone();
        Controller::<ConfigMap>::new("churn", &fleet).concurrency(Concurrency::total(64)).run(
            move |map: Arc<ConfigMap>, cx: Cx<()>| {
                noted.lock().note(&format!("{} {}", cx.cluster().key(), map.name_any()));
                async {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    Ok::<_, kube::Error>(Action::await_change())
                }
            },
            |_, _, _| Action::backoff(),
            Arc::new(()),
        );
        for (at, server) in servers.iter().enumerate() {
            provider.scope_up(&format!("s{at}"), server, "");
        }
        let mut up: BTreeSet<u64> = BTreeSet::new();
        let raise = |cluster: u64| {
            provider.up(&format!("c{cluster}"), &format!("s{}", cluster % SHARDS), &[], of(cluster), "")
        };
        for cluster in 0..CLUSTERS {
            raise(cluster);
            up.insert(cluster);
        }
        let story = async {
            // Every second: two thirds of a tenth within five minutes turn over, some objects change, some watches break.
            for second in 0..300 {
                for _ in 0..CLUSTERS / 10 / 150 {
                    let cluster = dice.below(CLUSTERS);
                    if up.remove(&cluster) {
                        provider.down(&format!("c{cluster}"), &format!("s{}", cluster % SHARDS));
                    } else {
                        up.insert(cluster);
                        raise(cluster);
                    }
                }
                for _ in 0..50 {
                    let (cluster, object) = (dice.below(CLUSTERS), dice.below(OBJECTS));
                    match dice.below(5) {
                        0 => of(cluster).remove(
                            &format!("c{cluster}"),
                            "",
                            "configmaps",
                            Some("default"),
                            &format!("o{object}"),
                        ),
                        _ => put(of(cluster), cluster, object, second + 1),
                    }
                }
                let server = &servers[dice.below(SHARDS) as usize];
                match dice.below(20) {
                    0 => server
                        .faults()
                        .add(FaultRule::new(Fault::Cut(dice.below(40) as usize)).path("watch=true").times(1)),
                    1 => server.compact(),
                    2 => server.faults().add(FaultRule::new(Fault::Status(503)).times(2)),
                    3 => server.faults().add(FaultRule::new(Fault::Silence(5)).path("watch=true").times(1)),
                    _ => {}
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            servers.iter().for_each(|server| server.faults().clear());
            // Cuts that wait inside open watches act at the next events, and one that is silent is noticed after 45 seconds.
            tokio::time::sleep(Duration::from_secs(600)).await;
            at_rest(&fleet, &servers, &up)
        };
        tokio::select! {
            biased;
            ended = fleet.run_until(std::future::pending()) => Err(format!("fleet ended: {ended:?}")),
            told = story => told.map(|()| digest.lock().0),
        }
    })
}

fn at_rest(fleet: &Fleet, servers: &[FakeServer], up: &BTreeSet<u64>) -> Result<(), String> {
    let store = fleet.store::<ConfigMap>();
    let engaged = fleet.clusters().len();
    if engaged != up.len() {
        return Err(format!("{engaged} clusters engaged, {} reported", up.len()));
    }
    for cluster in fleet.clusters() {
        let number: u64 = cluster.id().as_str()[1..].parse().unwrap_or_default();
        let server = &servers[(number % SHARDS) as usize];
        for object in 0..OBJECTS {
            let name = format!("o{object}");
            let there = server.get(cluster.id().as_str(), "", "configmaps", Some("default"), &name);
            let there = there.map(|object| object["data"]["v"].as_str().unwrap_or_default().to_owned());
            let stored = store.of(&cluster).get_in("default", &name);
            let stored = stored.and_then(|map| map.data.as_ref().and_then(|data| data.get("v")).cloned());
            if stored != there {
                return Err(format!("{} {name}: stored {stored:?}, served {there:?}", cluster.key()));
            }
        }
    }
    Ok(())
}
