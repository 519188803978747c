//! APIBinding as v1alpha1 spells it; served by kcp, never stored.

use serde::{Deserialize, Serialize};

use super::{PermissionClaim, ResourceSelector};
use crate::condition::Condition;
use crate::object::{is_default, is_false, kind, null_default};
use crate::open_enum::open_enum;

kind! {
    /// An API in use, in the version without verbs and selectors.
    pub struct ApiBinding: "APIBinding" = "apibindings" in "apis.kcp.io" "v1alpha1" {
        spec: ApiBindingSpec,
        status: ApiBindingStatus,
    }
}

/// Which export is bound and which of its claims are answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ApiBindingSpec {
    /// The export; it never changes.
    pub reference: BindingReference,
    /// The consumer's answers to claims.
    #[serde(
        rename = "permissionClaims",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub permission_claims: Vec<AcceptablePermissionClaim>,
}

/// What a binding points to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BindingReference {
    /// An APIExport; kcp's admission requires it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<ExportBindingReference>,
}

/// An APIExport by path and name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExportBindingReference {
    /// Workspace path or cluster name; unset means the own logical cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Name of the APIExport.
    pub name: String,
}

/// A claim and the consumer's answer to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AcceptablePermissionClaim {
    /// API group; empty is core.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Plural resource name.
    pub resource: String,
    /// All objects; excludes `resource_selector`.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "is_false")]
    pub all: bool,
    /// Named objects. kcp never gave this an effect: it behaves as `all`.
    #[serde(
        rename = "resourceSelector",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub resource_selector: Vec<ResourceSelector>,
    /// Identity of the export that provides the resource; empty for built-in ones.
    #[serde(
        rename = "identityHash",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub identity_hash: String,
    /// Accepted or rejected.
    pub state: ClaimState,
}

open_enum! {
    /// A consumer's answer to a claim.
    pub enum ClaimState {
        /// The provider gets what the claim asks.
        Accepted = "Accepted",
        /// The provider gets nothing; the entry documents it.
        Rejected = "Rejected",
    }
    default Rejected
}

/// What kcp made of a binding.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ApiBindingStatus {
    /// Name of the logical cluster that holds the export.
    #[serde(
        rename = "apiExportClusterName",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub api_export_cluster_name: String,
    /// Resources that the binding serves, keyed by group and resource.
    #[serde(
        rename = "boundResources",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub bound_resources: Vec<BoundApiResource>,
    /// Progress.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "is_default")]
    pub phase: BindingPhase,
    /// Ready, APIExportValid, InitialBindingCompleted and more.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Claims in force.
    #[serde(
        rename = "appliedPermissionClaims",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub applied_permission_claims: Vec<PermissionClaim>,
    /// Claims that the export asks.
    #[serde(
        rename = "exportPermissionClaims",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub export_permission_claims: Vec<PermissionClaim>,
}

/// A resource that a binding serves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BoundApiResource {
    /// API group; empty is core.
    pub group: String,
    /// Plural resource name.
    pub resource: String,
    /// The schema behind it.
    pub schema: BoundApiResourceSchema,
    /// Versions that objects were ever stored in; a set.
    #[serde(
        rename = "storageVersions",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub storage_versions: Vec<String>,
}

/// The schema behind a bound resource.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BoundApiResourceSchema {
    /// Name of the APIResourceSchema.
    pub name: String,
    /// UID of the APIResourceSchema.
    #[serde(rename = "UID")]
    pub uid: String,
    /// Identity of the export; part of the storage prefix of instances.
    #[serde(rename = "identityHash")]
    pub identity_hash: String,
}

open_enum! {
    /// Progress of a binding; it never goes back to the empty word.
    pub enum BindingPhase {
        /// Nothing has happened yet.
        New = "",
        /// Schemas are being made ready.
        Binding = "Binding",
        /// The API is served.
        Bound = "Bound",
    }
    default New
}
