//! Policies and their bindings as an index by cluster.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use apiserver::{LabelSelector, Partition, StoragePrefix, admission::Policy, store::ObjectKey};
use parking_lot::RwLock;
use serde_json::Value;

use crate::{
    admission_rules::Matcher,
    feeds::{Feeds, Sink},
    records::strings,
};

/// A policy, with the kind of its parameters.
pub(super) struct Entry {
    pub(super) policy: Policy,
    pub(super) matcher: Matcher,
    /// `apiVersion` and `kind`.
    pub(super) param_kind: Option<(String, String)>,
}

/// Puts a policy into force.
pub(super) struct Binding {
    pub(super) name: String,
    pub(super) policy: String,
    pub(super) matcher: Matcher,
    pub(super) denies: bool,
    pub(super) warns: bool,
    pub(super) params: Option<ParamRef>,
}

/// Which objects are the parameters.
pub(super) struct ParamRef {
    pub(super) name: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) selector: LabelSelector,
    pub(super) denies_missing: bool,
}

#[derive(Default)]
struct Cluster {
    policies: BTreeMap<String, Arc<Entry>>,
    bindings: BTreeMap<String, Arc<Binding>>,
}

/// All policies and bindings.
#[derive(Default)]
pub(crate) struct Policies(RwLock<HashMap<Partition, Cluster>>);

/// Where policies are stored.
pub(super) fn prefix() -> StoragePrefix {
    StoragePrefix::new("admissionregistration.k8s.io", "validatingadmissionpolicies")
}

impl Policies {
    /// Makes the index follow the store.
    pub(crate) fn follow(self: &Arc<Self>, feeds: &Feeds) {
        feeds.add(prefix(), Arc::new(PolicyFeed(self.clone())));
        let bindings =
            StoragePrefix::new("admissionregistration.k8s.io", "validatingadmissionpolicybindings");
        feeds.add(bindings, Arc::new(BindingFeed(self.clone())));
    }

    /// Each policy of a cluster with each of its bindings, in the order of their names.
    pub(super) fn of(&self, cluster: &Partition) -> Vec<(Arc<Entry>, Arc<Binding>)> {
        let all = self.0.read();
        let Some(cluster) = all.get(cluster) else { return Vec::new() };
        let in_force = cluster.policies.iter().flat_map(|(name, entry)| {
            let bindings = cluster.bindings.values().filter(move |binding| binding.policy == *name);
            bindings.map(move |binding| (entry.clone(), binding.clone()))
        });
        in_force.collect()
    }

    fn change(&self, cluster: &Partition, change: impl FnOnce(&mut Cluster)) {
        let mut all = self.0.write();
        let slot = all.entry(cluster.clone()).or_default();
        change(slot);
        if slot.policies.is_empty() && slot.bindings.is_empty() {
            all.remove(cluster);
        }
    }
}

impl Entry {
    fn read(object: &Value) -> Self {
        let spec = &object["spec"];
        let text = |field: &str| spec["paramKind"][field].as_str().map(str::to_owned);
        Self {
            policy: Policy::read(object),
            matcher: Matcher::of_policy(&spec["matchConstraints"]),
            param_kind: text("apiVersion").zip(text("kind")),
        }
    }
}

impl Binding {
    fn read(object: &Value) -> Self {
        let spec = &object["spec"];
        let actions = strings(&spec["validationActions"]);
        Self {
            name: object["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
            policy: spec["policyName"].as_str().unwrap_or_default().to_owned(),
            matcher: Matcher::of_binding(&spec["matchResources"]),
            denies: actions.contains(&"Deny"),
            warns: actions.contains(&"Warn"),
            params: spec["paramRef"].is_object().then(|| ParamRef::read(&spec["paramRef"])),
        }
    }
}

impl ParamRef {
    fn read(value: &Value) -> Self {
        let text = |field: &str| value[field].as_str().filter(|t| !t.is_empty()).map(str::to_owned);
        Self {
            name: text("name"),
            namespace: text("namespace"),
            selector: LabelSelector::from_value(&value["selector"]).unwrap_or_default(),
            denies_missing: value["parameterNotFoundAction"].as_str() != Some("Allow"),
        }
    }
}

struct PolicyFeed(Arc<Policies>);

impl Sink for PolicyFeed {
    fn upsert(&self, key: &ObjectKey, object: &Value) {
        let entry = Arc::new(Entry::read(object));
        self.0.change(key.partition(), |cluster| {
            cluster.policies.insert(key.name().to_owned(), entry);
        });
    }

    fn remove(&self, key: &ObjectKey) {
        self.0.change(key.partition(), |cluster| {
            cluster.policies.remove(key.name());
        });
    }

    fn clear(&self) {
        self.0.0.write().values_mut().for_each(|cluster| cluster.policies.clear());
    }
}

struct BindingFeed(Arc<Policies>);

impl Sink for BindingFeed {
    fn upsert(&self, key: &ObjectKey, object: &Value) {
        let binding = Arc::new(Binding::read(object));
        self.0.change(key.partition(), |cluster| {
            cluster.bindings.insert(key.name().to_owned(), binding);
        });
    }

    fn remove(&self, key: &ObjectKey) {
        self.0.change(key.partition(), |cluster| {
            cluster.bindings.remove(key.name());
        });
    }

    fn clear(&self) {
        self.0.0.write().values_mut().for_each(|cluster| cluster.bindings.clear());
    }
}
