//! APIBindings: which cluster bound which export, and what it serves because of that.

pub(crate) mod admission; // may this export be bound? labels, finalizer, what cannot change
mod conflicts; // two APIs that want one name
mod deletion; // instances first, then the binding
mod locks; // the naming lock on the logical cluster
mod reconciler; // from reference to served resources

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use apiserver::{Partition, store::ObjectKey};
use kcp_api::{
    apis::v1alpha2::{AcceptablePermissionClaim, PermissionClaim},
    claims::{Claims, Grants},
};
use parking_lot::RwLock;
use serde_json::Value;

pub(crate) use self::reconciler::controller;
use crate::feeds::Sink;

/// A resource that a binding brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundResource {
    /// API group.
    pub group: Arc<str>,
    /// Plural resource name.
    pub resource: Arc<str>,
    /// Name of the schema in the export's cluster.
    pub schema_name: Arc<str>,
    /// Its uid.
    pub schema_uid: Arc<str>,
    /// Identity of the export.
    pub identity: Arc<str>,
}

/// What requests need to know of a binding.
#[derive(Debug)]
pub struct BindingEntry {
    /// Its cluster and name.
    pub key: ObjectKey,
    /// `spec.reference.export`: path (empty: own cluster) and name.
    pub reference: (String, String),
    /// `status.apiExportClusterName`.
    pub export_cluster: Option<Partition>,
    /// `status.boundResources`.
    pub bound: Vec<BoundResource>,
    /// `spec.permissionClaims`: the consumer's answers.
    pub answers: Vec<AcceptablePermissionClaim>,
    /// `status.exportPermissionClaims`: what the export asks for, as last seen.
    pub asked: Vec<PermissionClaim>,
    /// What both come to.
    pub granted: Grants,
    /// Whether a deletion has begun.
    pub deleting: bool,
}

impl BindingEntry {
    fn read(key: &ObjectKey, object: &Value, words: &mut Words) -> Self {
        let (spec, status) = (&object["spec"], &object["status"]);
        let export = &spec["reference"]["export"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let bound = status["boundResources"].as_array().into_iter().flatten();
        let answers: Vec<AcceptablePermissionClaim> =
            serde_json::from_value(spec["permissionClaims"].clone()).unwrap_or_default();
        let asked: Vec<PermissionClaim> =
            serde_json::from_value(status["exportPermissionClaims"].clone()).unwrap_or_default();
        Self {
            key: key.clone(),
            reference: (text(&export["path"]), text(&export["name"])),
            export_cluster: status["apiExportClusterName"]
                .as_str()
                .filter(|c| !c.is_empty())
                .map(Partition::from),
            bound: bound
                .map(|b| BoundResource {
                    group: words.shared(&b["group"]),
                    resource: words.shared(&b["resource"]),
                    schema_name: words.shared(&b["schema"]["name"]),
                    schema_uid: words.shared(&b["schema"]["UID"]),
                    identity: words.shared(&b["schema"]["identityHash"]),
                })
                .collect(),
            granted: Claims::new(&asked, &answers).granted(),
            answers,
            asked,
            deleting: object["metadata"]["deletionTimestamp"].is_string(),
        }
    }

    /// The cluster that bound.
    pub fn cluster(&self) -> &Partition {
        self.key.partition()
    }

    /// The export it is bound to, once resolved.
    pub fn export(&self) -> Option<ObjectKey> {
        Some(ObjectKey::new(self.export_cluster.clone()?, "", &self.reference.1))
    }
}

/// Equal words are kept once: a thousand bindings share a handful of groups, schemas and identities.
#[derive(Default)]
struct Words(BTreeSet<Arc<str>>);

impl Words {
    fn shared(&mut self, value: &Value) -> Arc<str> {
        let text = value.as_str().unwrap_or_default();
        if let Some(known) = self.0.get(text) {
            return known.clone();
        }
        let word: Arc<str> = text.into();
        self.0.insert(word.clone());
        word
    }
}

/// All bindings, by cluster, by export and by the name they refer to.
#[derive(Default)]
pub struct Bindings {
    inner: RwLock<Inner>,
}

#[derive(Default)]
struct Inner {
    by_cluster: HashMap<Partition, Vec<Arc<BindingEntry>>>,
    by_export: HashMap<ObjectKey, BTreeSet<ObjectKey>>,
    by_name: HashMap<String, BTreeSet<ObjectKey>>,
    words: Words,
}

impl Bindings {
    /// The bindings of a cluster.
    pub fn of_cluster(&self, cluster: &Partition) -> Vec<Arc<BindingEntry>> {
        self.inner.read().by_cluster.get(cluster).cloned().unwrap_or_default()
    }

    /// A binding by its key.
    pub fn get(&self, key: &ObjectKey) -> Option<Arc<BindingEntry>> {
        self.inner.read().by_cluster.get(key.partition())?.iter().find(|b| b.key == *key).cloned()
    }

    /// The binding of a cluster to an export.
    pub fn to_export(&self, cluster: &Partition, export: &ObjectKey) -> Option<Arc<BindingEntry>> {
        self.inner
            .read()
            .by_cluster
            .get(cluster)?
            .iter()
            .find(|b| b.export().as_ref() == Some(export))
            .cloned()
    }

    /// The bound resource of a cluster and the binding that brings it.
    pub fn resource(
        &self,
        cluster: &Partition,
        group: &str,
        resource: &str,
    ) -> Option<(Arc<BindingEntry>, BoundResource)> {
        let inner = self.inner.read();
        inner.by_cluster.get(cluster)?.iter().find_map(|binding| {
            let found = binding.bound.iter().find(|b| &*b.group == group && &*b.resource == resource)?;
            Some((binding.clone(), found.clone()))
        })
    }

    /// Whether any cluster bound the export.
    pub fn has_consumers(&self, export: &ObjectKey) -> bool {
        self.inner.read().by_export.contains_key(export)
    }

    /// Bindings that are resolved to the export.
    pub fn of_export(&self, export: &ObjectKey) -> Vec<ObjectKey> {
        self.inner.read().by_export.get(export).into_iter().flatten().cloned().collect()
    }

    /// Bindings that refer to an export of this name, wherever it is: those that may wait for it.
    pub fn naming(&self, export_name: &str) -> Vec<ObjectKey> {
        self.inner.read().by_name.get(export_name).into_iter().flatten().cloned().collect()
    }

    /// Schema uids that bindings use under this identity.
    pub fn uids_of_identity(&self, identity: &str, group: &str, resource: &str) -> Vec<Arc<str>> {
        let inner = self.inner.read();
        let bound = inner.by_cluster.values().flatten().flat_map(|b| &b.bound);
        let fits =
            bound.filter(|b| &*b.identity == identity && &*b.group == group && &*b.resource == resource);
        let uids: BTreeSet<Arc<str>> = fits.map(|b| b.schema_uid.clone()).collect();
        uids.into_iter().collect()
    }
}

impl Sink for Bindings {
    fn upsert(&self, key: &ObjectKey, object: &Value) {
        let mut inner = self.inner.write();
        let entry = Arc::new(BindingEntry::read(key, object, &mut inner.words));
        inner.forget(key);
        if let Some(export) = entry.export() {
            inner.by_export.entry(export).or_default().insert(key.clone());
        }
        inner.by_name.entry(entry.reference.1.clone()).or_default().insert(key.clone());
        inner.by_cluster.entry(key.partition().clone()).or_default().push(entry);
    }

    fn remove(&self, key: &ObjectKey) {
        self.inner.write().forget(key);
    }

    fn clear(&self) {
        *self.inner.write() = Inner::default();
    }
}

impl Inner {
    fn forget(&mut self, key: &ObjectKey) {
        let Some(list) = self.by_cluster.get_mut(key.partition()) else { return };
        let Some(at) = list.iter().position(|b| b.key == *key) else { return };
        let old = list.swap_remove(at);
        if list.is_empty() {
            self.by_cluster.remove(key.partition());
        }
        if let Some(export) = old.export() {
            drop_from(&mut self.by_export, &export, key);
        }
        drop_from(&mut self.by_name, &old.reference.1, key);
    }
}

fn drop_from<K: std::hash::Hash + Eq>(index: &mut HashMap<K, BTreeSet<ObjectKey>>, at: &K, key: &ObjectKey) {
    if let Some(keys) = index.get_mut(at) {
        keys.remove(key);
        if keys.is_empty() {
            index.remove(at);
        }
    }
}
