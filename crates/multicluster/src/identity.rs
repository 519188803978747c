//! Who a cluster is, and which object in which cluster is meant.

use std::{fmt, sync::Arc};

use kube::Resource;

macro_rules! text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl<T: Into<Arc<str>>> From<T> for $name {
            fn from(text: T) -> Self {
                Self(text.into())
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

text! {
    /// The name of a provider, unique in a fleet: `core`, `system`, `local`.
    ProviderName
}
text! {
    /// What a provider calls one of its clusters. Opaque; for kcp it is the name of the logical cluster, never a path.
    ClusterId
}
text! {
    /// What a provider calls one of its scopes, usually a URL.
    ScopeId
}

/// One cluster in the fleet. Displays as `core/2xj8f9k3m5n7p1q4`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterKey {
    /// Who provides it.
    pub provider: ProviderName,
    /// What the provider calls it.
    pub id: ClusterId,
}

impl ClusterKey {
    /// The cluster `id` of `provider`.
    pub fn new(provider: impl Into<ProviderName>, id: impl Into<ClusterId>) -> Self {
        ClusterKey { provider: provider.into(), id: id.into() }
    }
}

impl fmt::Display for ClusterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider, self.id)
    }
}

/// One engagement of one cluster, unique in the process: a cluster that comes back is never confused with its predecessor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub(crate) u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Namespace and name of an object in a cluster. Displays as `namespace/name` or `name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// The namespace; none for objects of the cluster.
    pub namespace: Option<Arc<str>>,
    /// The name.
    pub name: Arc<str>,
}

impl ObjectKey {
    /// An object without a namespace.
    pub fn named(name: impl Into<Arc<str>>) -> Self {
        ObjectKey { namespace: None, name: name.into() }
    }

    /// An object in a namespace.
    pub fn namespaced(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        ObjectKey { namespace: Some(namespace.into()), name: name.into() }
    }

    /// The key of an object.
    pub fn of<K: Resource>(object: &K) -> Self {
        let meta = object.meta();
        ObjectKey {
            namespace: meta.namespace.as_deref().filter(|namespace| !namespace.is_empty()).map(Arc::from),
            name: meta.name.as_deref().unwrap_or_default().into(),
        }
    }

    /// This object in a cluster.
    pub fn in_cluster(self, cluster: &ClusterKey) -> ClusterObjectRef {
        ClusterObjectRef { cluster: cluster.clone(), object: self }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// One object in one cluster: what mappings give and controllers queue.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterObjectRef {
    /// The cluster.
    pub cluster: ClusterKey,
    /// The object in it.
    pub object: ObjectKey,
}

impl fmt::Display for ClusterObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.cluster, self.object)
    }
}
