//! Group topology.kcp.io: shards in groups.

pub mod v1alpha1; // the only version
