//! APIExportEndpointSlice: where the virtual workspaces of an export are reached.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde::{Deserialize, Serialize};

use super::ExportBindingReference;
use crate::condition::Condition;
use crate::object::{is_false, kind, null_default};

kind! {
    /// The URLs at which a provider reaches its consumers. An empty list means: no consumer yet, wait.
    pub struct ApiExportEndpointSlice: "APIExportEndpointSlice" = "apiexportendpointslices" in "apis.kcp.io" "v1alpha1" {
        spec: ApiExportEndpointSliceSpec,
        status: ApiExportEndpointSliceStatus,
    }
}

/// Which export, seen from which shards.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ApiExportEndpointSliceSpec {
    /// The export; it never changes.
    pub export: ExportBindingReference,
    /// Name of a Partition in the same cluster that limits the shards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
}

/// The URLs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ApiExportEndpointSliceStatus {
    /// APIExportValid, PartitionValid.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// One URL per shard that has at least one binding, keyed by URL.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<ApiExportEndpoint>,
    /// The partition's label selector as text.
    #[serde(rename = "shardSelector", default, skip_serializing_if = "Option::is_none")]
    pub shard_selector: Option<String>,
}

/// One URL of a virtual workspace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ApiExportEndpoint {
    /// Base URL, to which clients append `/clusters/<name or *>`.
    pub url: String,
    /// Shards behind the URL; absent means by URL prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shards: Option<EndpointShards>,
}

/// Shards behind an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EndpointShards {
    /// Every shard; excludes `selector`.
    #[serde(
        rename = "matchAll",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "is_false"
    )]
    pub match_all: bool,
    /// Shards by label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}
