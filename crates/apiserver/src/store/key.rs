//! How objects are addressed and ranged over.

use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use crate::partition::{Partition, Scope};

/// Partition, namespace and name of an object under one prefix.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    partition: Partition,
    // `namespace/name`, or the bare name of cluster-wide objects; one allocation, and it sorts as etcd keys do.
    path: Arc<str>,
}

impl ObjectKey {
    /// The key of an object; `namespace` is empty for cluster-wide objects.
    pub fn new(partition: Partition, namespace: &str, name: &str) -> Self {
        let path: Arc<str> =
            if namespace.is_empty() { name.into() } else { format!("{namespace}/{name}").into() };
        Self { partition, path }
    }

    /// Reads back what [`ObjectKey::path`] printed.
    pub fn from_path(partition: Partition, path: &str) -> Self {
        Self { partition, path: path.into() }
    }

    /// The tenant.
    pub fn partition(&self) -> &Partition {
        &self.partition
    }

    /// Namespace; empty for cluster-wide objects.
    pub fn namespace(&self) -> &str {
        self.path.split_once('/').map_or("", |(namespace, _)| namespace)
    }

    /// Name.
    pub fn name(&self) -> &str {
        self.path.split_once('/').map_or(&*self.path, |(_, name)| name)
    }

    /// `namespace/name`, or the bare name.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}|{}", self.partition, self.path)
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectKey({self})")
    }
}

/// Which objects of a prefix a list or a watch sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// Partitions.
    pub scope: Scope,
    /// Only this namespace.
    pub namespace: Option<Arc<str>>,
    /// Only this name.
    pub name: Option<Arc<str>>,
}

impl Range {
    /// All objects of a scope.
    pub fn scope(scope: Scope) -> Self {
        Self { scope, namespace: None, name: None }
    }

    /// The objects of one namespace.
    pub fn in_namespace(scope: Scope, namespace: &str) -> Self {
        let namespace = (!namespace.is_empty()).then(|| namespace.into());
        Self { scope, namespace, name: None }
    }

    /// Whether the key lies in the range.
    pub fn contains(&self, key: &ObjectKey) -> bool {
        let in_scope = match &self.scope {
            Scope::All => true,
            Scope::One(partition) => partition == key.partition(),
        };
        in_scope
            && self.namespace.as_deref().is_none_or(|n| n == key.namespace())
            && self.name.as_deref().is_none_or(|n| n == key.name())
    }

    /// The contiguous stretch of keys that holds the range; keys in it still pass `contains`.
    pub(super) fn bounds(&self, after: Option<&ObjectKey>) -> (Bound<ObjectKey>, Bound<ObjectKey>) {
        let Scope::One(partition) = &self.scope else {
            return (after.cloned().map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        };
        let at = |path: &str| ObjectKey::from_path(partition.clone(), path);
        let (low, high) = match &self.namespace {
            // '0' is the character after '/'.
            Some(namespace) => (at(&format!("{namespace}/")), Bound::Excluded(at(&format!("{namespace}0")))),
            None => {
                (at(""), Bound::Excluded(ObjectKey::from_path(Partition::from(format!("{partition}\0")), "")))
            }
        };
        match after {
            Some(key) if *key >= low => (Bound::Excluded(key.clone()), high),
            _ => (Bound::Included(low), high),
        }
    }
}
