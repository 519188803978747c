//! Webhook configurations as an index by cluster, in the order in which Kubernetes asks: by configuration name.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use apiserver::{Partition, StoragePrefix, admission::Conditions, store::ObjectKey};
use parking_lot::RwLock;
use serde_json::Value;

use crate::{
    admission_rules::Matcher,
    feeds::{Feeds, Sink},
};

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

/// One webhook of a configuration.
#[derive(Clone, Debug)]
pub(super) struct Webhook {
    pub(super) name: String,
    /// `None` for a service reference, which nothing here resolves.
    pub(super) url: Option<String>,
    /// PEM, decoded from `caBundle`.
    pub(super) authority: Option<Vec<u8>>,
    pub(super) matcher: Matcher,
    pub(super) conditions: Conditions,
    pub(super) failure_policy: FailurePolicy,
    pub(super) timeout: Duration,
    pub(super) is_dry_run_safe: bool,
}

impl Webhook {
    fn read(value: &Value) -> Option<Self> {
        use base64::Engine as _;
        let client = &value["clientConfig"];
        let bundle = client["caBundle"].as_str().filter(|b| !b.is_empty());
        Some(Self {
            name: value["name"].as_str()?.to_owned(),
            url: client["url"].as_str().map(str::to_owned),
            authority: bundle.and_then(|b| base64::engine::general_purpose::STANDARD.decode(b).ok()),
            matcher: Matcher::of_webhook(value),
            conditions: Conditions::of_webhook(&value["matchConditions"]),
            failure_policy: match value["failurePolicy"].as_str() {
                Some("Ignore") => FailurePolicy::Ignore,
                _ => FailurePolicy::Fail,
            },
            timeout: Duration::from_secs(value["timeoutSeconds"].as_u64().unwrap_or(10).clamp(1, 30)),
            is_dry_run_safe: matches!(value["sideEffects"].as_str(), Some("None" | "NoneOnDryRun")),
        })
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
