//! Stores and engagements against a naive model: no server, no sockets, no tasks; what a watch would see is told by hand.
//!
//! Two scopes with the same clusters. Objects are written and deleted, watches break, lists begin, break off and end, clusters come, go and
//! move, scopes close and open. The model keeps plain lists and searches them.

use std::{collections::BTreeMap, sync::Arc};

use futures::{FutureExt as _, StreamExt as _};
use k8s_openapi::{api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::ResourceExt as _;
use multicluster::{
    ClusterId, Epoch, Fleet, FleetStore, Index, Seen, StoreEvent, StoreEvents, testing::HandFed,
};

use crate::dice::Dice;

const CLUSTERS: [&str; 3] = ["a", "b", "c"];
const NAMES: [&str; 5] = ["one", "two", "three", "four", "five"];
const SIDES: usize = 2;

/// An object as both sides of the comparison know it: cluster, name, version.
type Object = (&'static str, &'static str, u64);

/// Plain lists.
#[derive(Default)]
struct Model {
    /// What the server of each scope holds.
    server: [Vec<Object>; SIDES],
    /// What the store was told of each scope, and whether the list that is being read held it.
    told: [Vec<(Object, bool)>; SIDES],
    /// Which scope said that it serves which cluster, in the order of arrival.
    words: Vec<(&'static str, usize)>,
}

impl Model {
    fn owner(&self, cluster: &str) -> Option<usize> {
        self.words.iter().rev().find(|(word, _)| *word == cluster).map(|(_, side)| *side)
    }

    fn apply(&mut self, side: usize, object: Object, listed: bool) {
        self.told[side].retain(|(known, _)| (known.0, known.1) != (object.0, object.1));
        self.told[side].push((object, listed));
    }

    fn forget(&mut self, side: usize, cluster: &str, name: &str) {
        self.told[side].retain(|(known, _)| (known.0, known.1) != (cluster, name));
    }

    fn visible(&self) -> BTreeMap<(String, String), u64> {
        let mut seen = BTreeMap::new();
        for cluster in CLUSTERS {
            let Some(side) = self.owner(cluster) else { continue };
            for ((of, name, version), _) in &self.told[side] {
                if *of == cluster {
                    seen.insert((cluster.to_owned(), (*name).to_owned()), *version);
                }
            }
        }
        seen
    }
}

struct Open {
    scope: HandFed<ConfigMap>,
    connected: bool,
}

struct World {
    fleet: Fleet,
    store: FleetStore<ConfigMap>,
    even: Index<ConfigMap, bool>,
}

fn is_even(map: &ConfigMap) -> Vec<bool> {
    vec![version_of(map).is_multiple_of(2)]
}

fn version_of(map: &ConfigMap) -> u64 {
    map.resource_version().and_then(|version| version.parse().ok()).unwrap_or_default()
}

fn meta((cluster, name, version): Object) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some("default".to_owned()),
        resource_version: Some(version.to_string()),
        annotations: (!cluster.is_empty()).then(|| [("cluster".to_owned(), cluster.to_owned())].into()),
        ..ObjectMeta::default()
    }
}

fn map(object: Object) -> Box<ConfigMap> {
    Box::new(ConfigMap { metadata: meta(object), ..ConfigMap::default() })
}

impl World {
    fn new(compact: bool) -> Self {
        let fleet = Fleet::empty();
        let store = if compact { fleet.compact_store() } else { fleet.store() };
        let even = fleet.index(&store, is_even);
        World { fleet, store, even }
    }

    fn open(&self, side: usize) -> Open {
        let by_annotation = |meta: &ObjectMeta| {
            meta.annotations.as_ref()?.get("cluster").map(|name| ClusterId::from(name.as_str()))
        };
        let id = ["first", "second"][side];
        let scope = HandFed::open(&self.fleet, &self.store, "kcp", id, Arc::new(by_annotation));
        Open { scope, connected: false }
    }

    fn check(&self, model: &Model, at: &str) {
        let visible = model.visible();
        let found: BTreeMap<(String, String), u64> = self
            .store
            .all()
            .into_iter()
            .map(|(cluster, map)| ((cluster.id().to_string(), map.name_any()), version_of(&map)))
            .collect();
        assert_eq!(found, visible, "{at}: all");
        let told: usize = model.told.iter().map(Vec::len).sum();
        assert_eq!(self.store.len(), told as u64, "{at}: count");
        for even in [true, false] {
            let mut indexed: Vec<(String, String)> = self
                .store
                .by(&self.even, &even)
                .into_iter()
                .map(|(key, map)| (key.id.to_string(), map.name_any()))
                .collect();
            indexed.sort();
            let wanted = visible.iter().filter(|(_, version)| version.is_multiple_of(2) == even);
            let wanted: Vec<(String, String)> = wanted.map(|(at, _)| at.clone()).collect();
            assert_eq!(indexed, wanted, "{at}: index {even}");
        }
        for cluster in self.fleet.clusters() {
            let view = self.store.of(&cluster);
            for name in NAMES {
                let wanted = visible.get(&(cluster.id().to_string(), name.to_owned()));
                let got = view.get_in("default", name).map(|map| version_of(&map));
                assert_eq!(got.as_ref(), wanted, "{at}: {cluster:?} {name}");
            }
        }
    }
}

/// What a subscriber knows from events alone.
struct Subscriber {
    events: StoreEvents<ConfigMap>,
    known: BTreeMap<(String, Epoch, String), u64>,
}

impl Subscriber {
    /// Reads everything that waits; says how much that was.
    fn read(&mut self) -> usize {
        let mut count = 0;
        while let Some(Some(event)) = self.events.next().now_or_never() {
            count += 1;
            match event {
                StoreEvent::Applied(cluster, map) => {
                    let at = (cluster.id().to_string(), cluster.epoch(), map.name_any());
                    self.known.insert(at, version_of(&map));
                }
                StoreEvent::Deleted(cluster, map) => {
                    self.known.remove(&(cluster.id().to_string(), cluster.epoch(), map.name_any()));
                }
                StoreEvent::ClusterDropped(cluster) => {
                    self.known.retain(|(_, epoch, _), _| *epoch != cluster.epoch());
                }
            }
        }
        count
    }

    fn check(&mut self, model: &Model, at: &str) {
        self.read();
        let known: BTreeMap<(String, String), u64> = self
            .known
            .iter()
            .map(|((cluster, _, name), version)| ((cluster.clone(), name.clone()), *version))
            .collect();
        assert_eq!(known.len(), self.known.len(), "{at}: a subscriber knows a cluster twice");
        assert_eq!(known, model.visible(), "{at}: what a subscriber knows");
    }
}

struct Schedule<'a> {
    world: &'a World,
    dice: Dice,
    model: Model,
    open: [Option<Open>; SIDES],
    version: u64,
}

impl Schedule<'_> {
    fn tell(&mut self, side: usize, seen: Seen<ConfigMap>) {
        if let Some(open) = &mut self.open[side] {
            open.scope.tell(seen);
        }
    }

    fn any<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.dice.below(all.len() as u64) as usize]
    }

    fn step(&mut self, subscriber: &mut Subscriber) {
        let side = self.dice.below(SIDES as u64) as usize;
        let (cluster, name) = (self.any(&CLUSTERS), self.any(&NAMES));
        let connected = self.open[side].as_ref().is_some_and(|open| open.connected);
        match self.dice.below(16) {
            0..=4 => self.write(side, (cluster, name, 0), connected),
            5 | 6 => self.delete(side, cluster, name, connected),
            7 | 8 => self.list(side),
            9 if connected => {
                self.tell(side, Seen::Fault { reason: "cut".into(), code: 0 });
                self.set_connected(side, false);
            }
            10 if connected => self.repeat(side, subscriber),
            11 if connected => self.tell(side, Seen::Applied(map(("", name, 1)))),
            12 if connected => {
                let version = self.next_version();
                let meta = Some(Box::new(meta((cluster, name, version))));
                self.tell(side, Seen::Unreadable { meta, why: "no map".into() });
                self.model.server[side].retain(|known| (known.0, known.1) != (cluster, name));
                self.model.forget(side, cluster, name);
            }
            13 if self.open[side].is_some() => {
                self.open[side].iter().for_each(|open| open.scope.up(cluster));
                if !self.model.words.contains(&(cluster, side)) {
                    self.model.words.push((cluster, side));
                }
            }
            14 => {
                self.open[side].iter().for_each(|open| open.scope.down(cluster));
                self.model.words.retain(|word| *word != (cluster, side));
            }
            _ if self.dice.once_in(6) => self.toggle(side),
            _ => {}
        }
    }

    fn next_version(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    fn set_connected(&mut self, side: usize, connected: bool) {
        if let Some(open) = &mut self.open[side] {
            open.connected = connected;
        }
    }

    fn write(&mut self, side: usize, (cluster, name, _): Object, connected: bool) {
        let object = (cluster, name, self.next_version());
        self.model.server[side].retain(|known| (known.0, known.1) != (cluster, name));
        self.model.server[side].push(object);
        if connected {
            self.tell(side, Seen::Applied(map(object)));
            self.model.apply(side, object, false);
        }
    }

    fn delete(&mut self, side: usize, cluster: &'static str, name: &'static str, connected: bool) {
        self.model.server[side].retain(|known| (known.0, known.1) != (cluster, name));
        if connected {
            let version = self.next_version();
            self.tell(side, Seen::Deleted(Box::new(meta((cluster, name, version)))));
            self.model.forget(side, cluster, name);
        }
    }

    /// A complete list, or one that breaks off somewhere.
    fn list(&mut self, side: usize) {
        if self.open[side].is_none() {
            return;
        }
        self.tell(side, Seen::ListBegin);
        self.model.told[side].iter_mut().for_each(|(_, listed)| *listed = false);
        let mut left = self.model.server[side].clone();
        let breaks_at = self.dice.once_in(3).then(|| self.dice.below(left.len() as u64 + 1) as usize);
        let mut count = 0;
        while !left.is_empty() && breaks_at != Some(count) {
            let object = left.swap_remove(self.dice.below(left.len() as u64) as usize);
            self.tell(side, Seen::Applied(map(object)));
            self.model.apply(side, object, true);
            count += 1;
        }
        if breaks_at.is_some() {
            self.tell(side, Seen::Fault { reason: "page lost".into(), code: 500 });
            self.set_connected(side, false);
            return;
        }
        self.tell(side, Seen::ListEnd);
        self.model.told[side].retain(|(_, listed)| *listed);
        self.tell(side, Seen::Healthy);
        self.set_connected(side, true);
    }

    /// What the store has already, once more: nobody hears of it.
    fn repeat(&mut self, side: usize, subscriber: &mut Subscriber) {
        if self.model.told[side].is_empty() {
            return;
        }
        let at = self.dice.below(self.model.told[side].len() as u64) as usize;
        let object = self.model.told[side][at].0;
        subscriber.read();
        self.tell(side, Seen::Applied(map(object)));
        assert_eq!(subscriber.read(), 0, "an unchanged object was told to a subscriber");
    }

    fn toggle(&mut self, side: usize) {
        match self.open[side].take() {
            None => self.open[side] = Some(self.world.open(side)),
            Some(open) => {
                open.scope.close();
                self.model.words.retain(|(_, of)| *of != side);
                self.model.told[side].clear();
            }
        }
    }

    fn end(mut self) {
        for side in 0..SIDES {
            if self.open[side].is_some() {
                self.toggle(side);
            }
        }
        assert!(self.world.store.is_empty(), "something is left of closed scopes");
        assert!(self.world.fleet.clusters().is_empty());
    }
}

fn run(world: &World, seed: u64) {
    let open = [Some(world.open(0)), Some(world.open(1))];
    let mut schedule = Schedule { world, dice: Dice::new(seed), model: Model::default(), open, version: 0 };
    let late = schedule.dice.below(20);
    let mut first = Subscriber { events: schedule.world.store.subscribe(), known: BTreeMap::new() };
    let mut second = None;
    for step in 0..40 {
        schedule.step(&mut first);
        if step == late {
            let events = schedule.world.store.subscribe();
            second = Some(Subscriber { events, known: BTreeMap::new() });
        }
        if step % 13 == 12 {
            let at = format!("seed {seed}, step {step}");
            schedule.world.check(&schedule.model, &at);
            first.check(&schedule.model, &at);
            if let Some(second) = &mut second {
                second.check(&schedule.model, &at);
            }
        }
    }
    schedule.end();
}

/// F5 and F7: at every moment the store is the union of what its scopes told, and shows each cluster as its owner does.
#[test]
fn f05_stores_agree_with_a_naive_model_on_twenty_thousand_schedules() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _inside = runtime.enter();
    let worlds = [World::new(false), World::new(true)];
    for seed in 0..20_000 {
        run(&worlds[(seed % 2) as usize], seed);
    }
}
