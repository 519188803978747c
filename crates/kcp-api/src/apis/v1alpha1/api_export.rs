//! APIExport as v1alpha1 spells it; served by kcp, never stored.

use k8s_openapi::api::core::v1::SecretReference;
use serde::{Deserialize, Serialize};

use crate::condition::Condition;
use crate::object::{is_false, kind, null_default};

kind! {
    /// An API that a provider publishes, in the version without verbs and selectors.
    pub struct ApiExport: "APIExport" = "apiexports" in "apis.kcp.io" "v1alpha1" {
        spec: ApiExportSpec,
        status: ApiExportStatus,
    }
}

/// What is published and what is asked in return.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ApiExportSpec {
    /// Names of APIResourceSchemas in the same logical cluster; a set.
    #[serde(
        rename = "latestResourceSchemas",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub latest_resource_schemas: Vec<String>,
    /// Where the identity key is; kcp fills it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// Upper bound of what consumers may do with the API.
    #[serde(rename = "maximalPermissionPolicy", default, skip_serializing_if = "Option::is_none")]
    pub maximal_permission_policy: Option<MaximalPermissionPolicy>,
    /// Resources of the consumer that the provider asks for, keyed by group and resource.
    #[serde(
        rename = "permissionClaims",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub permission_claims: Vec<PermissionClaim>,
}

/// Where the identity key of an export is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// A Secret with the key under `key`.
    #[serde(rename = "secretRef", default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretReference>,
}

/// Upper bound of what consumers may do with an API.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MaximalPermissionPolicy {
    /// RBAC in the export's own logical cluster decides, subjects prefixed `apis.kcp.io:binding:`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalPolicy>,
}

/// Marker: the policy is the export cluster's own RBAC.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LocalPolicy {}

/// A resource of the consumer that the provider asks for, in v1alpha1 terms.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PermissionClaim {
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
}

/// Objects by name, namespace or both.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResourceSelector {
    /// Object name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// What kcp knows about an export.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ApiExportStatus {
    /// Lower-case hex SHA-256 of the identity key; never changes once set.
    #[serde(
        rename = "identityHash",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub identity_hash: String,
    /// IdentityValid, and VirtualWorkspaceURLsReady behind a deprecated gate.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// URLs of the virtual workspace; deprecated, endpoint slices carry them.
    #[serde(
        rename = "virtualWorkspaces",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub virtual_workspaces: Vec<VirtualWorkspace>,
}

/// One URL of a virtual workspace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VirtualWorkspace {
    /// URL, one per shard.
    pub url: String,
}
