//! APIBinding as kcp stores it.

use serde::{Deserialize, Serialize};

use super::{PermissionClaim, PermissionClaimSelector};
use crate::apis::v1alpha1::{BindingPhase, BindingReference, BoundApiResource, ClaimState};
use crate::condition::Condition;
use crate::object::{is_default, kind, null_default};

kind! {
    /// An API in use in this workspace, and the consumer's answers to the provider's claims.
    pub struct ApiBinding: "APIBinding" = "apibindings" in "apis.kcp.io" "v1alpha2" {
        spec: ApiBindingSpec,
        status: ApiBindingStatus,
    }
}

/// Which export is bound and which of its claims are answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ApiBindingSpec {
    /// The export; it never changes.
    pub reference: BindingReference,
    /// The consumer's answers, keyed by group, resource and identity.
    #[serde(
        rename = "permissionClaims",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub permission_claims: Vec<AcceptablePermissionClaim>,
}

/// A claim, the scope in which the consumer answers it, and the answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AcceptablePermissionClaim {
    /// API group; empty is core.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Plural resource name.
    pub resource: String,
    /// Verbs granted; `*` stands for all. A set, never empty.
    #[serde(deserialize_with = "null_default")]
    pub verbs: Vec<String>,
    /// Identity of the export that provides the resource; empty for built-in ones.
    #[serde(
        rename = "identityHash",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub identity_hash: String,
    /// Without meaning in a binding; the schema has it.
    #[serde(rename = "defaultSelector", default, skip_serializing_if = "Option::is_none")]
    pub default_selector: Option<PermissionClaimSelector>,
    /// Objects granted; it never changes inside an entry.
    pub selector: PermissionClaimSelector,
    /// Accepted or rejected.
    pub state: ClaimState,
}

/// A claim in force and its scope.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScopedPermissionClaim {
    /// API group; empty is core.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Plural resource name.
    pub resource: String,
    /// Verbs granted; `*` stands for all.
    #[serde(deserialize_with = "null_default")]
    pub verbs: Vec<String>,
    /// Identity of the export that provides the resource; empty for built-in ones.
    #[serde(
        rename = "identityHash",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub identity_hash: String,
    /// Without meaning in a binding; the schema has it.
    #[serde(rename = "defaultSelector", default, skip_serializing_if = "Option::is_none")]
    pub default_selector: Option<PermissionClaimSelector>,
    /// Objects granted.
    pub selector: PermissionClaimSelector,
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
    /// Claims in force, keyed by group, resource and identity.
    #[serde(
        rename = "appliedPermissionClaims",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub applied_permission_claims: Vec<ScopedPermissionClaim>,
    /// Claims that the export asks.
    #[serde(
        rename = "exportPermissionClaims",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub export_permission_claims: Vec<PermissionClaim>,
}
