//! Webhook configurations as an index by cluster, in the order in which Kubernetes asks: by configuration name.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use apiserver::{LabelSelector, Partition, StoragePrefix, store::ObjectKey};
use parking_lot::RwLock;
use serde_json::Value;

use crate::feeds::{Feeds, Sink};

/// Which of the two kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// May change the object.
    Mutating,
    /// May refuse it.
    Validating,
}

/// What a webhook that does not answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailurePolicy {
    /// Nothing.
    Ignore,
    /// A refusal.
    Fail,
}

/// One rule: operations on resources.
#[derive(Clone, Debug, Default)]
pub(super) struct Rule {
    pub(super) operations: Vec<String>,
    pub(super) groups: Vec<String>,
    pub(super) versions: Vec<String>,
    pub(super) resources: Vec<String>,
    pub(super) scope: String,
}

/// One webhook of a configuration.
#[derive(Clone, Debug)]
pub(super) struct Webhook {
    pub(super) name: String,
    /// `None` for a service reference, which nothing here resolves.
    pub(super) url: Option<String>,
    /// PEM, decoded from `caBundle`.
    pub(super) authority: Option<Vec<u8>>,
    pub(super) rules: Vec<Rule>,
    /// `matchPolicy: Equivalent`: other versions of the resource count as well.
    pub(super) is_equivalent: bool,
    pub(super) failure_policy: FailurePolicy,
    pub(super) timeout: Duration,
    pub(super) is_dry_run_safe: bool,
    pub(super) namespace_selector: LabelSelector,
    pub(super) object_selector: LabelSelector,
    pub(super) has_match_conditions: bool,
}

impl Webhook {
    fn read(value: &Value) -> Option<Self> {
        use base64::Engine as _;
        let client = &value["clientConfig"];
        let bundle = client["caBundle"].as_str().filter(|b| !b.is_empty());
        let rules = value["rules"].as_array().into_iter().flatten();
        let selector = |field: &str| LabelSelector::from_value(&value[field]).unwrap_or_default();
        Some(Self {
            name: value["name"].as_str()?.to_owned(),
            url: client["url"].as_str().map(str::to_owned),
            authority: bundle.and_then(|b| base64::engine::general_purpose::STANDARD.decode(b).ok()),
            rules: rules.map(Rule::read).collect(),
            is_equivalent: value["matchPolicy"].as_str() != Some("Exact"),
            failure_policy: match value["failurePolicy"].as_str() {
                Some("Ignore") => FailurePolicy::Ignore,
                _ => FailurePolicy::Fail,
            },
            timeout: Duration::from_secs(value["timeoutSeconds"].as_u64().unwrap_or(10).clamp(1, 30)),
            is_dry_run_safe: matches!(value["sideEffects"].as_str(), Some("None" | "NoneOnDryRun")),
            namespace_selector: selector("namespaceSelector"),
            object_selector: selector("objectSelector"),
            has_match_conditions: value["matchConditions"].as_array().is_some_and(|c| !c.is_empty()),
        })
    }
}

impl Rule {
    fn read(value: &Value) -> Self {
        let texts = |field: &str| -> Vec<String> {
            value[field]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect()
        };
        Self {
            operations: texts("operations"),
            groups: texts("apiGroups"),
            versions: texts("apiVersions"),
            resources: texts("resources"),
            scope: value["scope"].as_str().unwrap_or("*").to_owned(),
        }
    }
}

type ByName = BTreeMap<String, Arc<[Webhook]>>;

/// All webhook configurations.
#[derive(Default)]
pub struct Configurations {
    mutating: RwLock<HashMap<Partition, ByName>>,
    validating: RwLock<HashMap<Partition, ByName>>,
}

impl Configurations {
    /// Makes the index follow the stored configurations.
    pub fn follow(self: &Arc<Self>, feeds: &Feeds) {
        for (kind, resource) in [
            (Kind::Mutating, "mutatingwebhookconfigurations"),
            (Kind::Validating, "validatingwebhookconfigurations"),
        ] {
            let prefix = StoragePrefix::new("admissionregistration.k8s.io", resource);
            feeds.add(prefix, Arc::new(Follower { index: self.clone(), kind }));
        }
    }

    fn map(&self, kind: Kind) -> &RwLock<HashMap<Partition, ByName>> {
        match kind {
            Kind::Mutating => &self.mutating,
            Kind::Validating => &self.validating,
        }
    }

    /// The webhooks of a cluster, in the order in which they are asked.
    pub(super) fn of(&self, cluster: &Partition, kind: Kind) -> Vec<Webhook> {
        let all = self.map(kind).read();
        all.get(cluster)
            .into_iter()
            .flat_map(BTreeMap::values)
            .flat_map(|list| list.iter().cloned())
            .collect()
    }
}

struct Follower {
    index: Arc<Configurations>,
    kind: Kind,
}

impl Sink for Follower {
    fn upsert(&self, key: &ObjectKey, object: &Value) {
        let webhooks =
            object["webhooks"].as_array().into_iter().flatten().filter_map(Webhook::read).collect();
        let mut all = self.index.map(self.kind).write();
        all.entry(key.partition().clone()).or_default().insert(key.name().to_owned(), webhooks);
    }

    fn remove(&self, key: &ObjectKey) {
        let mut all = self.index.map(self.kind).write();
        if let Some(of_cluster) = all.get_mut(key.partition()) {
            of_cluster.remove(key.name());
            if of_cluster.is_empty() {
                all.remove(key.partition());
            }
        }
    }

    fn clear(&self) {
        self.index.map(self.kind).write().clear();
    }
}
