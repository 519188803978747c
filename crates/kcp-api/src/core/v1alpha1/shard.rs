//! Shard: one server among those that make a kcp.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde::{Deserialize, Serialize};

use crate::condition::Condition;
use crate::object::{kind, null_default};

kind! {
    /// One server of a kcp; lives in root only.
    pub struct Shard: "Shard" = "shards" in "core.kcp.io" "v1alpha1" {
        spec: ShardSpec,
        status: ShardStatus,
    }
}

/// Where a shard is reached.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ShardSpec {
    /// URL for other parts of kcp.
    #[serde(rename = "baseURL")]
    pub base_url: String,
    /// URL for clients; admission takes the base URL where it is missing.
    #[serde(rename = "externalURL", default, skip_serializing_if = "Option::is_none")]
    pub external_url: Option<String>,
    /// URL of virtual workspaces; admission takes the base URL where it is missing.
    #[serde(rename = "virtualWorkspaceURL", default, skip_serializing_if = "Option::is_none")]
    pub virtual_workspace_url: Option<String>,
}

/// State of a shard.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ShardStatus {
    /// Resources of the shard.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub capacity: BTreeMap<String, Quantity>,
    /// Conditions.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}
