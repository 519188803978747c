//! Kubernetes events, counted instead of repeated.

use std::{collections::HashMap, time::Duration};

use k8s_openapi::{
    api::{
        core::v1::ObjectReference,
        events::v1::{Event, EventSeries},
    },
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, Resource,
    api::{ObjectMeta, Patch, PatchParams, PostParams},
};
use parking_lot::Mutex;
use serde_json::json;
use tokio::time::Instant;

use crate::{Cx, Epoch};

/// What an event says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// `Normal` or `Warning`.
    pub type_: &'static str,
    /// Why, one word in CamelCase.
    pub reason: String,
    /// What was done, one word in CamelCase.
    pub action: String,
    /// For people, at most 1 kB.
    pub text: String,
}

impl Note {
    /// Something went as it should.
    pub fn normal(reason: &str, action: &str, text: impl Into<String>) -> Self {
        Note { type_: "Normal", reason: reason.into(), action: action.into(), text: text.into() }
    }

    /// Something did not.
    pub fn warning(reason: &str, action: &str, text: impl Into<String>) -> Self {
        Note { type_: "Warning", reason: reason.into(), action: action.into(), text: text.into() }
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    epoch: Epoch,
    controller: &'static str,
    object: String,
    reason: String,
    action: String,
    text: String,
}

struct Series {
    name: String,
    count: i32,
    last: Instant,
}

/// Series that are remembered; the oldest half goes when there are more.
const KEPT: usize = 4096;
/// Requests about one object at once, and the time after which it may have one more: client-go's limits.
const BURST: f64 = 25.0;
const REFILL: Duration = Duration::from_secs(300);
/// Kubernetes ends a series after six minutes of silence.
const SERIES: Duration = Duration::from_secs(360);

/// What one object may still say.
struct Bucket {
    tokens: f64,
    at: Instant,
}

/// One object of one controller.
type Source = (Epoch, &'static str, String);

#[derive(Default)]
struct Lately {
    series: HashMap<Key, Series>,
    sources: HashMap<Source, Bucket>,
}

/// What was published lately, in bounded memory.
#[derive(Default)]
pub(crate) struct Recorded(Mutex<Lately>);

impl Recorded {
    /// Whether an object may say one more thing now.
    fn allows(&self, key: &Key) -> bool {
        let (mut lately, now) = (self.0.lock(), Instant::now());
        halve(&mut lately.sources, |bucket| bucket.at);
        let source = (key.epoch, key.controller, key.object.clone());
        let bucket = lately.sources.entry(source).or_insert(Bucket { tokens: BURST, at: now });
        let refilled = (now - bucket.at).as_secs_f64() / REFILL.as_secs_f64();
        bucket.tokens = (bucket.tokens + refilled).min(BURST);
        bucket.at = now;
        let allowed = bucket.tokens >= 1.0;
        if allowed {
            bucket.tokens -= 1.0;
        }
        allowed
    }

    /// The event that a note repeats, with how often it was said by now.
    fn repeats(&self, key: &Key) -> Option<(String, i32)> {
        let mut lately = self.0.lock();
        let live = lately.series.get_mut(key).filter(|series| series.last.elapsed() < SERIES)?;
        live.count = live.count.saturating_add(1);
        live.last = Instant::now();
        Some((live.name.clone(), live.count))
    }

    fn remember(&self, key: Key, name: String) {
        let mut lately = self.0.lock();
        halve(&mut lately.series, |series| series.last);
        lately.series.insert(key, Series { name, count: 1, last: Instant::now() });
    }
}

/// The older half of a full table goes.
fn halve<K: Eq + std::hash::Hash, V>(table: &mut HashMap<K, V>, age: impl Fn(&V) -> Instant) {
    if table.len() < KEPT {
        return;
    }
    let mut ages: Vec<Instant> = table.values().map(&age).collect();
    let (_, middle, _) = ages.select_nth_unstable(KEPT / 2);
    let middle = *middle;
    let mut spare = KEPT / 2;
    table.retain(|_, value| {
        // Many may be of one instant; the count decides then.
        let keep = age(value) >= middle && spare > 0;
        spare -= usize::from(keep);
        keep
    });
}

impl<C> Cx<C> {
    /// Publishes an event about an object of this cluster. The same note again within six minutes is counted, not repeated; an object that
    /// says more than 25 things at once, or later one in five minutes, is cut short. Faults are logged only: an event is never worth a retry.
    pub async fn event<K: Resource>(&self, object: &K, dt: &K::DynamicType, note: Note) {
        let reference = object.object_ref(dt);
        let namespace = reference.namespace.clone().unwrap_or_else(|| "default".to_owned());
        let key = Key {
            epoch: self.cluster.epoch(),
            controller: self.controller,
            object: reference.uid.clone().or_else(|| reference.name.clone()).unwrap_or_default(),
            reason: note.reason.clone(),
            action: note.action.clone(),
            text: note.text.clone(),
        };
        let api: Api<Event> = self.cluster.namespaced(&namespace);
        let now = MicroTime(self.clock().now());
        if !self.fleet.recorded().allows(&key) {
            self.fleet.metrics().dropped("event_limit");
            return;
        }
        let published = match self.fleet.recorded().repeats(&key) {
            Some((name, count)) => {
                let series = EventSeries { count, last_observed_time: now };
                let patch = json!({ "apiVersion": "events.k8s.io/v1", "kind": "Event", "series": series });
                api.patch(&name, &PatchParams::default(), &Patch::Merge(&patch)).await.map(|_| ())
            }
            None => self.first(&api, reference, &namespace, note, now, key).await,
        };
        if let Err(error) = published {
            let cluster = self.cluster.key();
            tracing::debug!(controller = self.controller, %cluster, object = %self.object, %error, "event was not published");
        }
    }

    async fn first(
        &self,
        api: &Api<Event>,
        reference: ObjectReference,
        namespace: &str,
        note: Note,
        now: MicroTime,
        key: Key,
    ) -> Result<(), kube::Error> {
        let name =
            format!("{}.{}", reference.name.as_deref().unwrap_or("object"), self.fleet.ids().base36(16));
        let mut text = note.text;
        if let Some((end, _)) = text.char_indices().nth(1000) {
            text.truncate(end);
        }
        let event = Event {
            metadata: ObjectMeta {
                name: Some(name.clone()),
                namespace: Some(namespace.to_owned()),
                ..ObjectMeta::default()
            },
            event_time: Some(now),
            type_: Some(note.type_.to_owned()),
            reason: Some(note.reason),
            action: Some(note.action),
            note: Some(text),
            regarding: Some(reference),
            reporting_controller: Some(self.controller.to_owned()),
            reporting_instance: Some(self.controller.to_owned()),
            ..Event::default()
        };
        api.create(&PostParams::default(), &event).await?;
        self.fleet.recorded().remember(key, name);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(object: usize) -> Key {
        let text = String::new;
        Key {
            epoch: Epoch(1),
            controller: "c",
            object: object.to_string(),
            reason: text(),
            action: text(),
            text: text(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_object_says_a_burst_then_one_thing_in_five_minutes_in_bounded_memory() {
        let recorded = Recorded::default();
        let said = (0..100).filter(|_| recorded.allows(&key(0))).count();
        assert_eq!(said, 25);
        tokio::time::sleep(Duration::from_secs(601)).await;
        assert_eq!((0..10).filter(|_| recorded.allows(&key(0))).count(), 2);
        for object in 0..3 * KEPT {
            assert!(recorded.allows(&key(object + 1)));
            recorded.remember(key(object), "event".into());
        }
        let lately = recorded.0.lock();
        assert!(lately.sources.len() <= KEPT && lately.series.len() <= KEPT);
    }
}
