//! The workspace tree as an index: path to cluster name and back, with what every request must know of a cluster.
//!
//! Fed by the stored LogicalClusters; a look-up is one hash look-up and takes a read lock.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use apiserver::{Partition, StoragePrefix, store::ObjectKey};
use kcp_api::keys;
use parking_lot::RwLock;
use serde_json::Value;

use crate::{
    feeds::{Feeds, Sink},
    urls::Target,
};

/// Phase of a logical cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Phase {
    /// Chosen, not yet set up.
    #[default]
    Scheduling,
    /// Initializers work on it.
    Initializing,
    /// In use.
    Ready,
    /// Temporarily unusable.
    Unavailable,
    /// Switched off by annotation.
    Inactive,
    /// Terminators work on it.
    Terminating,
    /// Its content is being deleted.
    Deleting,
}

impl Phase {
    /// Reads `status.phase`; empty or unknown means Scheduling.
    pub fn parse(text: &str) -> Self {
        match text {
            "Initializing" => Phase::Initializing,
            "Ready" => Phase::Ready,
            "Unavailable" => Phase::Unavailable,
            "Inactive" => Phase::Inactive,
            "Terminating" => Phase::Terminating,
            "Deleting" => Phase::Deleting,
            _ => Phase::Scheduling,
        }
    }

    /// As written in `status.phase`.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Scheduling => "Scheduling",
            Phase::Initializing => "Initializing",
            Phase::Ready => "Ready",
            Phase::Unavailable => "Unavailable",
            Phase::Inactive => "Inactive",
            Phase::Terminating => "Terminating",
            Phase::Deleting => "Deleting",
        }
    }

    /// Whether a caller with access may use the content.
    pub fn has_content(self) -> bool {
        !matches!(self, Phase::Scheduling | Phase::Unavailable)
    }
}

/// What the request pipeline knows of one logical cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterEntry {
    /// The cluster's opaque name.
    pub name: Partition,
    /// Canonical path; equal to the name where there is no workspace.
    pub path: Arc<str>,
    /// Current phase.
    pub phase: Phase,
    /// `<type path>:<type name>` of annotation `internal.tenancy.kcp.io/type`.
    pub workspace_type: Arc<str>,
    /// Annotation `authorization.kcp.io/required-groups`.
    pub required_groups: Option<Arc<str>>,
    /// Whether a deletion has begun.
    pub deleting: bool,
    /// Remaining initializers.
    pub initializers: Arc<[String]>,
    /// Remaining terminators.
    pub terminators: Arc<[String]>,
}

/// The index. Cheap to share by reference; all methods take `&self`.
#[derive(Debug, Default)]
pub struct Tree {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    clusters: HashMap<Partition, Arc<ClusterEntry>>,
    by_path: HashMap<Arc<str>, Partition>,
    /// Equal strings are stored once: a thousand workspaces share a handful of types.
    words: BTreeSet<Arc<str>>,
}

impl Tree {
    /// Registers with the feeds.
    pub fn follow(self: &Arc<Self>, feeds: &Feeds) {
        feeds.add(StoragePrefix::new("core.kcp.io", "logicalclusters"), Arc::new(Follower(self.clone())));
    }

    /// The cluster a URL names: by name first, then by path.
    pub fn resolve(&self, target: &Target) -> Option<Partition> {
        match target {
            Target::Wildcard => None,
            Target::System(name) => Some(Partition::from(name.as_str())),
            Target::Named(text) => {
                let inner = self.inner.read();
                let by_name = Partition::from(text.as_str());
                if inner.clusters.contains_key(&by_name) {
                    return Some(by_name);
                }
                inner.by_path.get(text.as_str()).cloned()
            }
        }
    }

    /// The cluster at a path or with a name.
    pub fn find(&self, path_or_name: &str) -> Option<Arc<ClusterEntry>> {
        let inner = self.inner.read();
        inner
            .by_path
            .get(path_or_name)
            .and_then(|name| inner.clusters.get(name))
            .or_else(|| inner.clusters.get(&Partition::from(path_or_name)))
            .cloned()
    }

    /// The entry of a cluster by its name.
    pub fn cluster(&self, name: &Partition) -> Option<Arc<ClusterEntry>> {
        self.inner.read().clusters.get(name).cloned()
    }

    /// Canonical path of a cluster, the name itself where the cluster is unknown.
    pub fn path_of(&self, name: &Partition) -> Arc<str> {
        self.cluster(name).map_or_else(|| Arc::from(name.as_str()), |entry| entry.path.clone())
    }

    /// Number of clusters.
    pub fn len(&self) -> usize {
        self.inner.read().clusters.len()
    }

    /// Whether there is no cluster yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Names of all clusters, in no order.
    pub fn names(&self) -> Vec<Partition> {
        self.inner.read().clusters.keys().cloned().collect()
    }

    /// Takes over a stored LogicalCluster.
    pub fn upsert(&self, cluster: &Partition, object: &Value) {
        let annotation = |key: &str| object["metadata"]["annotations"][key].as_str();
        let list = |field: &str| -> Arc<[String]> {
            object["status"][field]
                .as_array()
                .map(|items| items.iter().filter_map(Value::as_str).map(str::to_owned).collect())
                .unwrap_or_default()
        };
        let mut inner = self.inner.write();
        let path = inner.word(annotation(keys::PATH).unwrap_or(cluster.as_str()));
        let workspace_type = inner.word(annotation(keys::WORKSPACE_TYPE).unwrap_or_default());
        let required_groups =
            annotation(keys::REQUIRED_GROUPS).filter(|g| !g.is_empty()).map(|g| inner.word(g));
        let entry = Arc::new(ClusterEntry {
            name: cluster.clone(),
            path: path.clone(),
            phase: Phase::parse(object["status"]["phase"].as_str().unwrap_or_default()),
            workspace_type,
            required_groups,
            deleting: object["metadata"]["deletionTimestamp"].is_string(),
            initializers: list("initializers"),
            terminators: list("terminators"),
        });
        if let Some(old) = inner.clusters.insert(cluster.clone(), entry)
            && old.path != path
        {
            inner.forget_path(&old);
        }
        inner.by_path.insert(path, cluster.clone());
    }

    /// Forgets a cluster whose LogicalCluster is gone.
    pub fn remove(&self, cluster: &Partition) {
        let mut inner = self.inner.write();
        if let Some(old) = inner.clusters.remove(cluster) {
            inner.forget_path(&old);
        }
    }
}

struct Follower(Arc<Tree>);

impl Sink for Follower {
    fn upsert(&self, key: &ObjectKey, object: &Value) {
        self.0.upsert(key.partition(), object);
    }

    fn remove(&self, key: &ObjectKey) {
        self.0.remove(key.partition());
    }

    fn clear(&self) {
        *self.0.inner.write() = Inner::default();
    }
}

impl Inner {
    fn word(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.words.get(text) {
            return known.clone();
        }
        let word: Arc<str> = Arc::from(text);
        // Paths are unique and would only grow the set; types and groups repeat.
        if !self.by_path.contains_key(&word) && text.len() < 256 && self.words.len() < 4096 {
            self.words.insert(word.clone());
        }
        word
    }

    fn forget_path(&mut self, entry: &ClusterEntry) {
        if self.by_path.get(&entry.path) == Some(&entry.name) {
            self.by_path.remove(&entry.path);
        }
        self.words.remove(&entry.path);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn logical_cluster(path: &str, phase: &str) -> Value {
        json!({
            "metadata": {"name": "cluster", "annotations": {
                "kcp.io/path": path, "internal.tenancy.kcp.io/type": "root:universal"}},
            "status": {"phase": phase, "initializers": ["root:security"]},
        })
    }

    #[test]
    fn ann_02_path_and_name_lead_to_the_same_cluster_until_it_is_gone() {
        let tree = Tree::default();
        let cluster = Partition::from("2abc");
        tree.upsert(&cluster, &logical_cluster("root:orgs", "Initializing"));
        let by_path = tree.resolve(&Target::Named("root:orgs".into()));
        assert_eq!(by_path, tree.resolve(&Target::Named("2abc".into())));
        assert_eq!(by_path, Some(cluster.clone()));
        let entry = tree.find("root:orgs").unwrap();
        assert_eq!((entry.phase, entry.initializers.len()), (Phase::Initializing, 1));
        tree.remove(&cluster);
        assert_eq!(tree.resolve(&Target::Named("root:orgs".into())), None);
        assert_eq!(tree.find("2abc"), None);
    }

    #[test]
    fn wsp_08_a_successor_at_the_same_path_is_not_forgotten_with_its_predecessor() {
        let tree = Tree::default();
        let (old, new) = (Partition::from("old1"), Partition::from("new1"));
        tree.upsert(&old, &logical_cluster("root:a", "Deleting"));
        tree.upsert(&new, &logical_cluster("root:a", "Ready"));
        tree.remove(&old);
        assert_eq!(tree.resolve(&Target::Named("root:a".into())), Some(new));
    }
}
