//! A small random fleet: scopes that come, lag, lose history and go; clusters that appear, move, flap and end; reconciles that take their time,
//! fail, panic or ask to come back. The invariants of every guarantee are checked while it runs and at rest.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures::{FutureExt as _, StreamExt as _};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt as _;
use multicluster::{
    Action, Concurrency, Controller, Cx, Epoch, Exponential, Fleet, FleetChange, FleetLimits, Lists,
    testing::{FakeServer, StaticProvider},
};
use parking_lot::Mutex;
use runtime::{Fault, FaultRule, Ids};
use serde_json::{Value, json};

use super::{Digest, dice::Dice, paused};

#[derive(Debug, thiserror::Error)]
#[error("fails by the dice")]
struct Failed;

#[derive(Default)]
struct Seen {
    digest: Digest,
    running: BTreeSet<(Epoch, String)>,
    /// The value that the last successful reconcile of a key was given.
    last: BTreeMap<(Epoch, String), String>,
    epochs: BTreeMap<Epoch, bool>,
    wrong: Option<String>,
}

struct App {
    seen: Mutex<Seen>,
    dice: Mutex<Dice>,
}

fn object(name: &str, value: u64) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "default", "name": name}, "data": {"v": value.to_string()}})
}

async fn reconcile(map: Arc<ConfigMap>, cx: Cx<App>) -> Result<Action, Failed> {
    let value = map.data.as_ref().and_then(|data| data.get("v")).cloned().unwrap_or_default();
    let key = (cx.cluster().epoch(), map.name_any());
    let running = Running::enter(&cx, key.clone(), &value);
    let (pause, fate) = {
        let mut dice = cx.app().dice.lock();
        (dice.below(3000), dice.below(12))
    };
    tokio::time::sleep(Duration::from_millis(pause)).await;
    let action = match fate {
        0 => Err(Failed),
        1 => panic!("by the dice"),
        2 => Ok(Action::requeue(Duration::from_secs(7))),
        3 => Ok(Action::backoff()),
        _ => Ok(Action::await_change()),
    };
    if action.is_ok() {
        cx.app().seen.lock().last.insert(key, value);
    }
    drop(running);
    action
}

/// A reconcile that runs, whatever ends it.
struct Running {
    app: Arc<App>,
    key: (Epoch, String),
}

impl Running {
    fn enter(cx: &Cx<App>, key: (Epoch, String), value: &str) -> Self {
        let mut seen = cx.app().seen.lock();
        seen.digest.note(&format!("run {} {} {value} {}", cx.cluster().key(), key.1, cx.attempt()));
        if !seen.running.insert(key.clone()) {
            seen.wrong.get_or_insert(format!("{key:?} runs twice at once"));
        }
        drop(seen);
        Running { app: cx.app().clone(), key }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.app.seen.lock().running.remove(&self.key);
    }
}

struct World {
    dice: Dice,
    servers: Vec<FakeServer>,
    open: Vec<bool>,
    /// The scopes that say they serve a cluster, in the order in which they said so.
    words: BTreeMap<String, Vec<usize>>,
    provider: StaticProvider,
    fleet: Fleet,
    app: Arc<App>,
    value: u64,
}

/// One schedule.
pub fn run(seed: u64) -> Result<u64, String> {
    paused(async {
        let mut world = World::new(seed);
        let fleet = world.fleet.clone();
        let story = async {
            world.play().await?;
            world.rest().await
        };
        tokio::select! {
            biased;
            ended = fleet.run_until(std::future::pending()) => Err(format!("fleet ended: {ended:?}")),
            told = story => told,
        }
    })
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let provider = StaticProvider::new("core");
        let lists = if dice.once_in(3) { Lists::Streaming } else { Lists::Paged };
        let fleet = Fleet::builder()
            .provider(provider.clone())
            .ids(Ids::seeded(seed))
            .limits(FleetLimits { lists, list_parallelism: 2, ..FleetLimits::default() })
            .build()
            .unwrap();
        if dice.once_in(2) {
            fleet.compact_store::<ConfigMap>();
        }
        let app = Arc::new(App { seen: Mutex::default(), dice: Mutex::new(Dice::new(seed ^ 0x5eed)) });
        Controller::<ConfigMap>::new("world", &fleet)
            .concurrency(Concurrency::total(3).per_cluster(2).per_scope(2))
            .backoff(Exponential { first: Duration::from_millis(500), max: Duration::from_secs(4) })
            .grace(Duration::from_secs(1))
            .run(reconcile, |_, _, _| Action::backoff(), app.clone());
        let count = 1 + dice.below(3) as usize;
        let servers = (0..count).map(|_| FakeServer::new()).collect();
        World {
            dice,
            servers,
            open: vec![false; count],
            words: BTreeMap::new(),
            provider,
            fleet,
            app,
            value: 0,
        }
    }

    async fn play(&mut self) -> Result<(), String> {
        let mut events = self.fleet.events();
        for scope in 0..self.servers.len() {
            self.open(scope);
        }
        for _ in 0..30 + self.dice.below(50) {
            self.step().await;
            self.hear(&mut events)?;
        }
        for server in &self.servers {
            server.faults().clear();
            server.lag("", Duration::ZERO);
        }
        tokio::time::sleep(Duration::from_secs(400)).await;
        self.hear(&mut events)
    }

    fn open(&mut self, scope: usize) {
        self.provider.scope_up(&format!("s{scope}"), &self.servers[scope], "");
        self.open[scope] = true;
    }

    async fn step(&mut self) {
        let scope = self.dice.below(self.servers.len() as u64) as usize;
        let cluster = format!("c{}", self.dice.below(4));
        let name = format!("o{}", self.dice.below(3));
        let server = self.servers[scope].clone();
        match self.dice.below(20) {
            0..=6 => {
                self.value += 1;
                server.put(&cluster, object(&name, self.value), "configmaps");
            }
            7 => server.remove(&cluster, "", "configmaps", Some("default"), &name),
            8..=10 if self.open[scope] => {
                self.provider.up(&cluster, &format!("s{scope}"), &[], &server, "");
                let words = self.words.entry(cluster).or_default();
                if !words.contains(&scope) {
                    words.push(scope);
                }
            }
            11 => {
                self.provider.down(&cluster, &format!("s{scope}"));
                self.words.entry(cluster).or_default().retain(|other| *other != scope);
            }
            12 if self.dice.once_in(2) => {
                if self.open[scope] {
                    self.provider.scope_down(&format!("s{scope}"));
                    self.words.values_mut().for_each(|words| words.retain(|other| *other != scope));
                    self.open[scope] = false;
                } else {
                    self.open(scope);
                }
            }
            13 => server.compact(),
            14 => server.faults().add(FaultRule::new(Fault::Cut(self.dice.below(3) as usize)).times(1)),
            15 => {
                let code = [401, 403, 404, 410, 429, 500, 503][self.dice.below(7) as usize];
                server.faults().add(FaultRule::new(Fault::Status(code)).times(2));
            }
            16 => server.faults().add(FaultRule::new(Fault::Silence(1)).path("watch=true").times(1)),
            17 => server.lag("", Duration::from_millis(self.dice.below(2000))),
            _ => tokio::time::sleep(Duration::from_millis(self.dice.below(4000))).await,
        }
        tokio::task::yield_now().await;
    }

    /// Each epoch begins once and ends once.
    fn hear(&mut self, events: &mut multicluster::FleetChanges) -> Result<(), String> {
        let mut seen = self.app.seen.lock();
        while let Some(Some(change)) = events.next().now_or_never() {
            let (epoch, engaged) = match &change {
                FleetChange::Engaged(cluster) => (cluster.epoch(), true),
                FleetChange::Disengaged(cluster, why) => {
                    seen.digest.note(&format!("end {} {}", cluster.key(), why.name()));
                    (cluster.epoch(), false)
                }
            };
            let before = seen.epochs.insert(epoch, engaged);
            if before != (!engaged).then_some(true) {
                return Err(format!("epoch {epoch}: {before:?} then {engaged}"));
            }
        }
        seen.wrong.take().map_or(Ok(()), Err)
    }

    /// At rest: the store is what the servers hold, every object ran with its last value, nothing waits and nothing is remembered.
    async fn rest(&mut self) -> Result<u64, String> {
        let store = self.fleet.store::<ConfigMap>();
        let mut waited = 0;
        // A key may have been told to come back by the dice over and over; at some time they all settle.
        loop {
            tokio::time::sleep(Duration::from_secs(30)).await;
            waited += 1;
            let view = self.fleet.debug_view(1);
            let depth = view["controllers"][0]["depth"]
                .as_object()
                .map(|all| all.values().filter_map(Value::as_u64).sum::<u64>());
            if depth == Some(0)
                && view["controllers"][0]["running"] == 0
                && view["controllers"][0]["delayed"] == 0
            {
                break;
            }
            if waited > 400 {
                return Err(format!("never at rest: {view}"));
            }
        }
        let owners: BTreeMap<&String, usize> =
            self.words.iter().filter_map(|(cluster, words)| Some((cluster, *words.last()?))).collect();
        let engaged: BTreeSet<String> =
            self.fleet.clusters().iter().map(|cluster| cluster.id().to_string()).collect();
        let expected: BTreeSet<String> = owners.keys().map(|name| (*name).clone()).collect();
        if engaged != expected {
            return Err(format!("engaged are {engaged:?}, reported {expected:?}"));
        }
        let mut seen = self.app.seen.lock();
        for cluster in self.fleet.clusters() {
            let server = &self.servers[owners[&cluster.id().to_string()]];
            for name in ["o0", "o1", "o2"] {
                let there = server.get(cluster.id().as_str(), "", "configmaps", Some("default"), name);
                let value = there.map(|object| object["data"]["v"].as_str().unwrap_or_default().to_owned());
                let stored = store.of(&cluster).get_in("default", name);
                let stored = stored.and_then(|map| map.data.as_ref().and_then(|data| data.get("v")).cloned());
                if stored != value {
                    return Err(format!("{} {name}: stored {stored:?}, served {value:?}", cluster.key()));
                }
                let ran = seen.last.get(&(cluster.epoch(), name.to_owned()));
                if value.is_some() && ran != value.as_ref() {
                    return Err(format!("{} {name}: ran with {ran:?}, is {value:?}", cluster.key()));
                }
                seen.digest.note(&format!("{} {name} {value:?}", cluster.key()));
            }
        }
        let objects = |server: &FakeServer| {
            let names = ["c0", "c1", "c2", "c3"]
                .into_iter()
                .flat_map(|cluster| ["o0", "o1", "o2"].map(|name| (cluster, name)));
            names
                .filter(|(cluster, name)| {
                    server.get(cluster, "", "configmaps", Some("default"), name).is_some()
                })
                .count() as u64
        };
        let open = self.servers.iter().zip(&self.open).filter(|(_, open)| **open);
        let served: u64 = open.map(|(server, _)| objects(server)).sum();
        if store.len() != served {
            return Err(format!("{} objects stored, {served} served by open scopes", store.len()));
        }
        Ok(seen.digest.0)
    }
}
