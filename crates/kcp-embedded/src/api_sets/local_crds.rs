//! CustomResourceDefinitions of a cluster as served resources.
//!
//! A definition is compiled when its cluster first uses it, and equal definitions of many clusters are compiled once.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use apiserver::{Partition, ServedResource, StoragePrefix, store::ObjectKey};
use parking_lot::{Mutex, RwLock};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::feeds::{Feeds, Sink};

/// Compiled definitions kept for sharing.
const COMPILED_MAX: usize = 4096;

type Compiled = Arc<Vec<Arc<ServedResource>>>;

/// The CRDs of all clusters.
pub struct LocalCrds {
    clusters: RwLock<HashMap<Partition, BTreeMap<Box<str>, Compiled>>>,
    shared: Mutex<HashMap<[u8; 32], Compiled>>,
    generation: Arc<AtomicU64>,
}

impl LocalCrds {
    /// No CRDs; `generation` moves with every change.
    pub fn new(generation: Arc<AtomicU64>) -> Self {
        Self { clusters: RwLock::default(), shared: Mutex::default(), generation }
    }

    /// Registers with the feeds.
    pub fn follow(self: &Arc<Self>, feeds: &Feeds) {
        feeds.add(prefix(), Arc::new(Follower(self.clone())));
    }

    /// A resource in a version that the cluster's own CRDs serve.
    pub fn lookup(
        &self,
        cluster: &Partition,
        group: &str,
        version: &str,
        resource: &str,
    ) -> Option<Arc<ServedResource>> {
        let clusters = self.clusters.read();
        let name = format!("{resource}.{group}");
        let versions = clusters.get(cluster)?.get(name.as_str())?;
        versions.iter().find(|served| &*served.gvk.version == version).cloned()
    }

    /// Everything the cluster's own CRDs serve.
    pub fn served(&self, cluster: &Partition) -> Vec<Arc<ServedResource>> {
        let clusters = self.clusters.read();
        clusters.get(cluster).into_iter().flat_map(BTreeMap::values).flat_map(|c| c.iter().cloned()).collect()
    }

    fn compile(&self, crd: &Value) -> Compiled {
        let digest: [u8; 32] = Sha256::digest(crd["spec"].to_string().as_bytes()).into();
        if let Some(known) = self.shared.lock().get(&digest) {
            return known.clone();
        }
        let compiled = match crate::definitions::served_resources(
            crd,
            &crate::definitions::Placement::default(),
        ) {
            Ok(served) => Arc::new(served),
            Err(error) => {
                tracing::warn!(object = crd["metadata"]["name"].as_str(), %error, "definition cannot be served");
                Arc::default()
            }
        };
        let mut shared = self.shared.lock();
        if shared.len() >= COMPILED_MAX {
            shared.retain(|_, compiled| Arc::strong_count(compiled) > 1);
        }
        shared.insert(digest, compiled.clone());
        compiled
    }
}

/// Where CRDs are stored.
pub fn prefix() -> StoragePrefix {
    StoragePrefix::new("apiextensions.k8s.io", "customresourcedefinitions")
}

/// Whether a definition is served: its names were accepted once.
fn is_established(crd: &Value) -> bool {
    crate::records::condition_is_true(crd, "Established")
}

struct Follower(Arc<LocalCrds>);

impl Sink for Follower {
    fn upsert(&self, key: &ObjectKey, object: &Value) {
        let compiled = if is_established(object) { Some(self.0.compile(object)) } else { None };
        let mut clusters = self.0.clusters.write();
        let crds = clusters.entry(key.partition().clone()).or_default();
        match compiled {
            Some(compiled) => {
                crds.insert(key.name().into(), compiled);
            }
            None => {
                crds.remove(key.name());
            }
        }
        if crds.is_empty() {
            clusters.remove(key.partition());
        }
        self.0.generation.fetch_add(1, Ordering::Release);
    }

    fn remove(&self, key: &ObjectKey) {
        let mut clusters = self.0.clusters.write();
        if let Some(crds) = clusters.get_mut(key.partition()) {
            crds.remove(key.name());
            if crds.is_empty() {
                clusters.remove(key.partition());
            }
        }
        self.0.generation.fetch_add(1, Ordering::Release);
    }

    fn clear(&self) {
        self.0.clusters.write().clear();
        self.0.generation.fetch_add(1, Ordering::Release);
    }
}
