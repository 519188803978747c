//! Everything that a person asks first, as JSON: scopes, kinds, what is stale and why, which clusters fill the queues.

use std::sync::{Arc, Weak};

use serde_json::{Value, json};

use super::Inspect;
use crate::Fleet;

impl Fleet {
    /// Scopes and kinds with their last event, resource version and fault, and for each controller its queue with the `top` fullest
    /// clusters. For a debug endpoint: it names clusters, which metrics do not.
    pub fn debug_view(&self, top: usize) -> Value {
        let health = self.health();
        let kinds: Vec<Value> = health
            .kinds
            .iter()
            .map(|kind| {
                json!({
                    "kind": kind.kind, "provider": kind.provider.as_str(), "scope": kind.scope.as_str(),
                    "synced": kind.synced, "lists": kind.lists, "fault": kind.fault,
                    "resourceVersion": kind.version, "lastEventSeconds": kind.silent_for.map(|silent| silent.as_secs()),
                })
            })
            .collect();
        let stores = self.all_stores();
        let stored: serde_json::Map<String, Value> = stores
            .iter()
            .map(|store| {
                (store.label().to_string(), json!({"objects": store.len(), "compactBytes": store.bytes()}))
            })
            .collect();
        let waiting: Vec<&str> = health.waiting_for.iter().map(crate::ProviderName::as_str).collect();
        json!({
            "clusters": health.clusters, "waitingFor": waiting, "degraded": health.degraded,
            "kinds": kinds, "stored": stored,
            "controllers": self.inspected().iter().map(|one| one.view(top)).collect::<Vec<_>>(),
        })
    }

    pub(crate) fn inspect(&self, one: Weak<dyn Inspect>) {
        let mut inspected = self.0.inspected.lock();
        inspected.retain(|other| other.strong_count() > 0);
        inspected.push(one);
    }

    fn inspected(&self) -> Vec<Arc<dyn Inspect>> {
        self.0.inspected.lock().iter().filter_map(Weak::upgrade).collect()
    }
}
