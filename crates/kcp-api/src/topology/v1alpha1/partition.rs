//! Partition: some of the shards.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde::{Deserialize, Serialize};

use crate::object::kind;

kind! {
    /// Some of the shards, for endpoint slices that serve a region.
    pub struct Partition: "Partition" = "partitions" in "topology.kcp.io" "v1alpha1" {
        spec: PartitionSpec,
    }
}

/// Which shards.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PartitionSpec {
    /// Shards by label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}
