//! APIExports: what providers offer, under which identity.

mod identity; // the secret behind the identity, and the default endpoint slice
mod slices; // endpoint slices: where providers find their consumers

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use apiserver::{
    Partition,
    store::{ObjectKey, decode},
};
use kcp_api::keys;
use parking_lot::RwLock;
use serde_json::Value;

pub(crate) use self::{identity::controller as identity_controller, slices::controller as slice_controller};
use crate::feeds::Sink;

/// A resource that an export offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedResource {
    /// API group.
    pub group: String,
    /// Plural resource name.
    pub name: String,
    /// Name of the APIResourceSchema beside the export.
    pub schema: String,
}

/// What consumers and requests need to know of an export.
#[derive(Debug)]
pub struct ExportEntry {
    /// Its cluster and name.
    pub key: ObjectKey,
    /// `status.identityHash`, once there is one.
    pub identity: Option<Arc<str>>,
    /// What it offers.
    pub resources: Vec<ExportedResource>,
    /// What it asks for: `spec.permissionClaims`, v1alpha2.
    pub claims: Value,
    /// Whether `spec.maximalPermissionPolicy.local` bounds what consumers may do.
    pub has_local_policy: bool,
    /// Annotations that are copied to bindings.
    pub extra: BTreeMap<String, String>,
}

impl ExportEntry {
    fn read(key: &ObjectKey, object: &Value) -> Self {
        let text = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
        let resources = object["spec"]["resources"].as_array().into_iter().flatten();
        let annotations = object["metadata"]["annotations"].as_object().into_iter().flatten();
        Self {
            key: key.clone(),
            identity: object["status"]["identityHash"].as_str().filter(|h| !h.is_empty()).map(Arc::from),
            resources: resources
                .map(|r| ExportedResource {
                    group: text(r, "group"),
                    name: text(r, "name"),
                    schema: text(r, "schema"),
                })
                .collect(),
            claims: object["spec"]["permissionClaims"].clone(),
            has_local_policy: object["spec"]["maximalPermissionPolicy"]["local"].is_object(),
            extra: annotations
                .filter(|(key, _)| key.starts_with(keys::EXTRA_PREFIX))
                .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
                .collect(),
        }
    }

    /// The cluster it lives in.
    pub fn cluster(&self) -> &Partition {
        self.key.partition()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.key.name()
    }

    /// Whether it offers this resource.
    pub fn offers(&self, group: &str, resource: &str) -> bool {
        self.resources.iter().any(|r| r.group == group && r.name == resource)
    }
}

/// All exports, by object and by identity.
#[derive(Default)]
pub struct Exports {
    inner: RwLock<Inner>,
}

#[derive(Default)]
struct Inner {
    by_key: HashMap<ObjectKey, Arc<ExportEntry>>,
    by_identity: HashMap<Arc<str>, BTreeSet<ObjectKey>>,
}

impl Exports {
    /// An export by its cluster and name.
    pub fn find(&self, cluster: &Partition, name: &str) -> Option<Arc<ExportEntry>> {
        self.get(&ObjectKey::new(cluster.clone(), "", name))
    }

    /// An export by its key.
    pub fn get(&self, key: &ObjectKey) -> Option<Arc<ExportEntry>> {
        self.inner.read().by_key.get(key).cloned()
    }

    /// All exports that share an identity.
    pub fn of_identity(&self, identity: &str) -> Vec<Arc<ExportEntry>> {
        let inner = self.inner.read();
        let keys = inner.by_identity.get(identity).into_iter().flatten();
        keys.filter_map(|key| inner.by_key.get(key).cloned()).collect()
    }

    /// All exports of a cluster.
    pub fn in_cluster(&self, cluster: &Partition) -> Vec<Arc<ExportEntry>> {
        self.inner.read().by_key.values().filter(|e| e.cluster() == cluster).cloned().collect()
    }

    /// Exports that use this schema of their cluster.
    pub fn using_schema(&self, cluster: &Partition, schema: &str) -> Vec<Arc<ExportEntry>> {
        let mut found = self.in_cluster(cluster);
        found.retain(|export| export.resources.iter().any(|r| r.schema == schema));
        found
    }
}

impl Sink for Exports {
    fn upsert(&self, key: &ObjectKey, object: &Value) {
        let entry = Arc::new(ExportEntry::read(key, object));
        let mut inner = self.inner.write();
        inner.forget(key);
        if let Some(identity) = &entry.identity {
            inner.by_identity.entry(identity.clone()).or_default().insert(key.clone());
        }
        inner.by_key.insert(key.clone(), entry);
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
        let Some(old) = self.by_key.remove(key) else { return };
        if let Some(identity) = &old.identity
            && let Some(keys) = self.by_identity.get_mut(identity)
        {
            keys.remove(key);
            if keys.is_empty() {
                self.by_identity.remove(identity);
            }
        }
    }
}

/// Decodes the object of a store event.
pub(crate) fn object_of(event: &apiserver::store::Event) -> Value {
    decode(&event.object, event.revision)
}
