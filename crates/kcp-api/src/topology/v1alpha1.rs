//! topology.kcp.io/v1alpha1.

mod partition; // some of the shards
mod partition_set; // partitions made from labels

pub use partition::*;
pub use partition_set::*;
