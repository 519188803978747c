//! The tenant key: every stored object lives in exactly one partition.

use std::fmt;
use std::sync::Arc;

/// Opaque tenant key. What a partition means (a workspace, a test) is the host's business; equality and order are by text.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition(Arc<str>);

impl Partition {
    /// Names a partition.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The text of the key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Partition({})", self.0)
    }
}

impl From<&str> for Partition {
    fn from(name: &str) -> Self {
        Self(Arc::from(name))
    }
}

impl From<String> for Partition {
    fn from(name: String) -> Self {
        Self(Arc::from(name))
    }
}

/// Which partitions a request sees.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One tenant; every verb.
    One(Partition),
    /// Every tenant in one revision order; list and watch only.
    All,
}

impl Scope {
    /// The partition, when the scope is a single one.
    pub fn partition(&self) -> Option<&Partition> {
        match self {
            Self::One(partition) => Some(partition),
            Self::All => None,
        }
    }
}

impl From<Partition> for Scope {
    fn from(partition: Partition) -> Self {
        Self::One(partition)
    }
}
