//! What the fleet promises when clusters, scopes and watches come, go and fail: a test for each guarantee, named by its number. Paused time; one
//! in-process server per shard.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../../benches/simulate/dice.rs"]
mod dice;
#[path = "../../benches/simulate/lease_world.rs"]
mod lease_world;

mod faults; // what servers answer, and what reconciles do
mod leases; // F18
mod queues; // F14, F16
mod reconciles; // F9, F11, F21, F22, F23
mod scopes; // F1 to F4, F7, F8, F10, F13
mod starts; // F15, F19
mod store_model; // stores and engagements against a naive model
mod stores; // forms, subscriptions, identity
mod watches; // F5, F6, F12, F17, F20

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::ConfigMap;
use multicluster::{
    Action, Controller, ControllerHandle, Cx, Fleet, FleetLimits,
    testing::{FakeServer, StaticProvider},
};
use parking_lot::Mutex;
use runtime::Stop;
use serde_json::{Value, json};

pub fn map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "default", "name": name}, "data": {"v": value}})
}

pub type Seen = Arc<Mutex<Vec<String>>>;

pub async fn note(object: Arc<ConfigMap>, cx: Cx<Seen>) -> Result<Action, kube::Error> {
    let value = object.data.as_ref().and_then(|data| data.get("v")).cloned().unwrap_or_default();
    cx.lock().push(format!("{} {} {value}", cx.cluster().id(), cx.object()));
    Ok(Action::await_change())
}

pub struct Test {
    pub server: FakeServer,
    pub provider: StaticProvider,
    pub fleet: Fleet,
    pub seen: Seen,
    stop: Stop,
}

impl Test {
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self::with(FleetLimits::default())
    }

    pub fn with(limits: FleetLimits) -> Self {
        let (server, provider) = (FakeServer::new(), StaticProvider::new("core"));
        let fleet = Fleet::builder().provider(provider.clone()).limits(limits).build().unwrap();
        Test { server, provider, fleet, seen: Seen::default(), stop: Stop::new() }
    }

    /// A controller that notes `CLUSTER OBJECT VALUE` of each run.
    pub fn control(&self) -> ControllerHandle {
        Controller::<ConfigMap>::new("note", &self.fleet).run(
            note,
            |_, _, _| Action::backoff(),
            self.seen.clone().into(),
        )
    }

    /// Runs the fleet while `story` goes on; time is paused, so waiting costs nothing.
    pub async fn run(&self, story: impl Future<Output = ()>) {
        let run = self.fleet.run_until(self.stop.cancelled());
        tokio::pin!(run);
        tokio::select! {
            ended = &mut run => panic!("fleet ended: {ended:?}"),
            () = story => {}
        }
        self.stop.stop();
        run.await.unwrap();
    }

    pub async fn sees(&self, what: &str) {
        for _ in 0..20_000 {
            if self.seen.lock().iter().any(|line| line == what) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("never saw `{what}`, but {:?}", self.seen.lock());
    }

    pub fn take(&self) -> Vec<String> {
        let mut seen = std::mem::take(&mut *self.seen.lock());
        seen.sort();
        seen
    }
}

pub async fn quiet() {
    tokio::time::sleep(Duration::from_millis(300)).await;
}

#[derive(Debug, thiserror::Error)]
pub enum Fail {
    #[error("not yet")]
    NotYet,
    #[error(transparent)]
    Kube(#[from] kube::Error),
}

pub async fn seconds(count: u64) {
    tokio::time::sleep(Duration::from_secs(count)).await;
}

/// The value of a metric line that begins with `series`.
pub fn metric(fleet: &Fleet, series: &str) -> Option<f64> {
    let text = fleet.registry().text();
    let line =
        text.lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')))?;
    line.rsplit(' ').next()?.parse().ok()
}
