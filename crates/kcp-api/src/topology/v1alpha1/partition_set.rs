//! PartitionSet: partitions made from the shards' labels.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde::{Deserialize, Serialize};

use crate::condition::Condition;
use crate::object::{kind, null_default};

kind! {
    /// Partitions made from the shards' labels, one per combination of dimension values.
    pub struct PartitionSet: "PartitionSet" = "partitionsets" in "topology.kcp.io" "v1alpha1" {
        spec: PartitionSetSpec,
        status: PartitionSetStatus,
    }
}

/// How shards are grouped.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PartitionSetSpec {
    /// Label keys whose values tell partitions apart.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub dimensions: Vec<String>,
    /// Shards that take part, at most ten labels and ten expressions.
    #[serde(rename = "shardSelector", default, skip_serializing_if = "Option::is_none")]
    pub shard_selector: Option<LabelSelector>,
}

/// State of a set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PartitionSetStatus {
    /// Number of partitions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<i64>,
    /// PartitionSetValid, PartitionsReady.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}
