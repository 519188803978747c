//! WorkspaceType: what a workspace starts with, and where it may stand.

use std::collections::BTreeMap;

use k8s_openapi::api::rbac::v1::PolicyRule;
use serde::{Deserialize, Serialize};

use crate::condition::Condition;
use crate::object::{is_false, kind, null_default};
use crate::open_enum::open_enum;

kind! {
    /// A type of workspaces. The words `system` and `any` are reserved.
    pub struct WorkspaceType: "WorkspaceType" = "workspacetypes" in "tenancy.kcp.io" "v1alpha1" {
        spec: WorkspaceTypeSpec,
        status: WorkspaceTypeStatus,
    }
}

/// What workspaces of the type start with, and where they may stand.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkspaceTypeSpec {
    /// Whether the type holds new workspaces until its initializer is done.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "is_false")]
    pub initializer: bool,
    /// Whether the type holds deleted workspaces until its terminator is done.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "is_false")]
    pub terminator: bool,
    /// Types whose rules and contributions this one takes over, transitively.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extend: Option<WorkspaceTypeExtension>,
    /// Labels that a new Workspace gets where it lacks them.
    #[serde(
        rename = "additionalWorkspaceLabels",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub additional_workspace_labels: BTreeMap<String, String>,
    /// Type of children that name none; `root:universal` where it is missing.
    #[serde(rename = "defaultChildWorkspaceType", default, skip_serializing_if = "Option::is_none")]
    pub default_child_workspace_type: Option<WorkspaceTypeReference>,
    /// Types that may stand below.
    #[serde(rename = "limitAllowedChildren", default, skip_serializing_if = "Option::is_none")]
    pub limit_allowed_children: Option<WorkspaceTypeSelector>,
    /// Types that may stand above.
    #[serde(rename = "limitAllowedParents", default, skip_serializing_if = "Option::is_none")]
    pub limit_allowed_parents: Option<WorkspaceTypeSelector>,
    /// Exports that a new workspace binds, claims accepted.
    #[serde(
        rename = "defaultAPIBindings",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub default_api_bindings: Vec<ApiExportReference>,
    /// Whether default bindings follow later changes; unset means they do not.
    #[serde(rename = "defaultAPIBindingLifecycle", default, skip_serializing_if = "Option::is_none")]
    pub default_api_binding_lifecycle: Option<ApiBindingLifecycleMode>,
    /// WorkspaceAuthenticationConfigurations in the type's own logical cluster.
    #[serde(
        rename = "authenticationConfigurations",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub authentication_configurations: Vec<AuthenticationConfigurationReference>,
    /// What the initializer may do with its own identity.
    #[serde(
        rename = "initializerPermissions",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub initializer_permissions: Vec<PolicyRule>,
    /// What the terminator may do with its own identity.
    #[serde(
        rename = "terminatorPermissions",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub terminator_permissions: Vec<PolicyRule>,
}

/// A WorkspaceType by path and name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkspaceTypeReference {
    /// Name of the type.
    pub name: String,
    /// Workspace path or cluster name that holds the type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// Types that a type builds on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkspaceTypeExtension {
    /// The types; a missing path means the type's own cluster.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<WorkspaceTypeReference>,
}

/// None at all, or these types; exactly one is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkspaceTypeSelector {
    /// No type is allowed.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "is_false")]
    pub none: bool,
    /// These types are allowed.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<WorkspaceTypeReference>,
}

/// An APIExport by path and name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ApiExportReference {
    /// Workspace path or cluster name; unset means the type's own cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Name of the APIExport.
    pub export: String,
}

open_enum! {
    /// Whether default bindings follow later changes of the type and its exports.
    pub enum ApiBindingLifecycleMode {
        /// Made at creation, then left alone.
        InitializeOnly = "InitializeOnly",
        /// Missing bindings and new claims are added later, too.
        Maintain = "Maintain",
    }
    default InitializeOnly
}

/// A WorkspaceAuthenticationConfiguration by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AuthenticationConfigurationReference {
    /// Its name.
    pub name: String,
}

/// What kcp made of a type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkspaceTypeStatus {
    /// VirtualWorkspaceURLsReady and Ready.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Where initializers and terminators work.
    #[serde(
        rename = "virtualWorkspaces",
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub virtual_workspaces: Vec<WorkspaceTypeVirtualWorkspace>,
}

/// One URL of a life cycle controller.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkspaceTypeVirtualWorkspace {
    /// Base URL of the virtual workspace.
    pub url: String,
    /// Which of the two; absent from older servers.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub type_: Option<VirtualWorkspaceType>,
}

open_enum! {
    /// Which half of the life cycle a URL serves.
    pub enum VirtualWorkspaceType {
        /// Workspaces that are being initialized.
        Initializing = "initializing",
        /// Workspaces that are being terminated.
        Terminating = "terminating",
    }
}
