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
/// Kubernetes ends a series after six minutes of silence.
const SERIES: Duration = Duration::from_secs(360);

/// Series that were published lately.
#[derive(Default)]
pub(crate) struct Recorded(Mutex<HashMap<Key, Series>>);

impl<C> Cx<C> {
    /// Publishes an event about an object of this cluster. Faults are logged only: an event is never worth a retry.
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
        let known = {
            let mut recorded = self.fleet.recorded().0.lock();
            if recorded.len() > KEPT {
                recorded.retain(|_, series| series.last.elapsed() < SERIES / 2);
            }
            let live = recorded.get_mut(&key).filter(|series| series.last.elapsed() < SERIES);
            live.map(|series| {
                series.count += 1;
                series.last = Instant::now();
                (series.name.clone(), series.count)
            })
        };
        let published = match known {
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
        self.fleet.recorded().0.lock().insert(key, Series { name, count: 1, last: Instant::now() });
        Ok(())
    }
}
