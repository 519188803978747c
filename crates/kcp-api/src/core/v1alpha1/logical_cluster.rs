//! LogicalCluster: the object that makes a logical cluster exist, and its phases.

use k8s_openapi::api::authentication::v1::UserInfo;
use serde::{Deserialize, Serialize};

use crate::condition::Condition;
use crate::object::{is_default, is_false, kind, null_default};
use crate::open_enum::open_enum;

kind! {
    /// The one object named `cluster` of every logical cluster.
    pub struct LogicalCluster: "LogicalCluster" = "logicalclusters" in "core.kcp.io" "v1alpha1" {
        spec: LogicalClusterSpec,
        status: LogicalClusterStatus,
    }
}

/// Owner and life cycle of a logical cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogicalClusterSpec {
    /// Whether others than the owner and system:masters may delete it.
    #[serde(
        rename = "directlyDeletable",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "is_false"
    )]
    pub directly_deletable: bool,
    /// The Workspace it belongs to; absent for root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<LogicalClusterOwner>,
    /// Who asked for it; it never changes.
    #[serde(rename = "createdBy", default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<UserInfo>,
    /// Initializers that it started with; they never change.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub initializers: Vec<String>,
    /// Terminators wanted at deletion.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub terminators: Vec<String>,
}

/// The object that a logical cluster belongs to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogicalClusterOwner {
    /// `tenancy.kcp.io/v1alpha1` for workspaces.
    #[serde(rename = "apiVersion")]
    pub api_version: String,
    /// Plural resource name, `workspaces`.
    pub resource: String,
    /// Name of the owner.
    pub name: String,
    /// Namespace of the owner, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name of the logical cluster that holds the owner.
    pub cluster: String,
    /// UID of the owner.
    pub uid: String,
}

/// State of a logical cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogicalClusterStatus {
    /// `<shard URL>/clusters/<cluster name>`.
    #[serde(
        rename = "URL",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub url: String,
    /// Phase of the life cycle.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "is_default")]
    pub phase: LogicalClusterPhase,
    /// WorkspaceScheduled, WorkspaceInitialized, APIBindingsInitialized and more.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Initializers that have not finished.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub initializers: Vec<String>,
    /// Terminators that have not finished.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub terminators: Vec<String>,
}

open_enum! {
    /// Phase of a logical cluster, mirrored by its Workspace.
    pub enum LogicalClusterPhase {
        /// A place is being found.
        Scheduling = "Scheduling",
        /// Initializers are at work.
        Initializing = "Initializing",
        /// In use.
        Ready = "Ready",
        /// In use, but out of reach.
        Unavailable = "Unavailable",
        /// Switched off; requests are refused.
        Inactive = "Inactive",
        /// Being deleted; terminators are at work.
        Terminating = "Terminating",
        /// Being deleted; content goes.
        Deleting = "Deleting",
    }
    default Scheduling
}
