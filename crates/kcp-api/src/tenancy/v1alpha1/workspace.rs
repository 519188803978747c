//! Workspace: a logical cluster seen from its parent.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde::{Deserialize, Serialize};

use super::WorkspaceTypeReference;
use crate::condition::Condition;
use crate::core::v1alpha1::LogicalClusterPhase;
use crate::object::{is_default, kind, null_default};

kind! {
    /// A child workspace. Its name is a DNS label of at most 63 characters.
    pub struct Workspace: "Workspace" = "workspaces" in "tenancy.kcp.io" "v1alpha1" {
        spec: WorkspaceSpec,
        status: WorkspaceStatus,
    }
}

/// What kind of workspace, where it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkspaceSpec {
    /// Type; admission fills it in, then it never changes.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub type_: Option<WorkspaceTypeReference>,
    /// Which shards may hold it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<WorkspaceLocation>,
    /// Name of its logical cluster; kcp writes it.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "String::is_empty")]
    pub cluster: String,
    /// `<external URL>/clusters/<canonical path>`; kcp writes it.
    #[serde(
        rename = "URL",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub url: String,
    /// An object that answers in place of a logical cluster; needs kcp's gate WorkspaceMounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mount: Option<Mount>,
}

/// Which shards may hold a workspace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkspaceLocation {
    /// Shards by label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

/// What a mounted workspace is backed by.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mount {
    /// The backing object; it never changes.
    #[serde(rename = "ref")]
    pub ref_: MountReference,
}

/// The object behind a mount.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MountReference {
    /// API group and version.
    #[serde(rename = "apiVersion")]
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Namespace, where the kind has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// State of a workspace, mirrored from its logical cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkspaceStatus {
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
