//! Group core.kcp.io: logical clusters and shards.

pub mod v1alpha1; // the only version
