//! APIExport as kcp stores it.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelectorRequirement;
use serde::{Deserialize, Serialize};

use crate::apis::v1alpha1::{ApiExportStatus, Identity, MaximalPermissionPolicy};
use crate::object::{is_false, kind, null_default};

kind! {
    /// An API that a provider publishes. Consumers bind it with an APIBinding.
    pub struct ApiExport: "APIExport" = "apiexports" in "apis.kcp.io" "v1alpha2" {
        spec: ApiExportSpec,
        status: ApiExportStatus,
    }
}

/// What is published and what is asked in return.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ApiExportSpec {
    /// Published resources, keyed by name and group.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<ResourceSchema>,
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

/// A published resource.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResourceSchema {
    /// Plural resource name.
    pub name: String,
    /// API group; empty is core.
    pub group: String,
    /// Name of an APIResourceSchema in the same cluster, ending in `.<name>.<group or core>`.
    pub schema: String,
    /// Where instances live; absent is defaulted to custom resource storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<ResourceSchemaStorage>,
}

/// Where instances live; exactly one is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResourceSchemaStorage {
    /// Stored in the consumer's logical cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crd: Option<CrdStorage>,
    /// Served by somebody else.
    #[serde(rename = "virtual", default, skip_serializing_if = "Option::is_none")]
    pub virtual_: Option<VirtualStorage>,
}

/// Marker: instances are stored as custom resources.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CrdStorage {}

/// Instances come from a virtual resource.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VirtualStorage {
    /// The object that describes its endpoint.
    pub reference: VirtualReference,
    /// Identity of the virtual resource.
    #[serde(rename = "identityHash")]
    pub identity_hash: String,
}

/// An object in the export's own logical cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VirtualReference {
    /// API group of the object.
    #[serde(rename = "apiGroup", default, skip_serializing_if = "Option::is_none")]
    pub api_group: Option<String>,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// A resource of the consumer that the provider asks for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PermissionClaim {
    /// API group; empty is core.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Plural resource name.
    pub resource: String,
    /// Verbs asked; `*` stands for all. A set, never empty.
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
    /// Scope that default bindings of a WorkspaceType accept; absent means all objects.
    #[serde(rename = "defaultSelector", default, skip_serializing_if = "Option::is_none")]
    pub default_selector: Option<PermissionClaimSelector>,
}

/// Which objects of a claimed resource; all, or by label.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PermissionClaimSelector {
    /// Labels that an object must carry.
    #[serde(
        rename = "matchLabels",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub match_labels: BTreeMap<String, String>,
    /// Requirements that an object must meet.
    #[serde(
        rename = "matchExpressions",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub match_expressions: Vec<LabelSelectorRequirement>,
    /// Every object; excludes labels and expressions.
    #[serde(
        rename = "matchAll",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "is_false"
    )]
    pub match_all: bool,
}
