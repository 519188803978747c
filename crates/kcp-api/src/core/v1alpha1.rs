//! core.kcp.io/v1alpha1.

mod logical_cluster; // the object that makes a logical cluster exist
mod shard; // one server among several

pub use logical_cluster::*;
pub use shard::*;
