//! APIExportPolicy: who may bind an export.

use serde::{Deserialize, Serialize};

use crate::{
    Condition, Extra,
    definition::Definition,
    kind::{kind, null_default},
    schema::{conditions, list, object, string},
};

kind!(
    /// Says which accounts may bind an APIExport.
    ApiExportPolicy, "APIExportPolicy", "apiexportpolicies", ApiExportPolicySpec, ApiExportPolicyStatus
);

/// The export, and path expressions of who may bind it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ApiExportPolicySpec {
    /// The export.
    #[serde(deserialize_with = "null_default")]
    pub api_export_ref: ApiExportRef,
    /// `:root:orgs:acme:team` (this account), `:root:orgs:acme:*` (it and all below), `:root:orgs:*` (everybody).
    #[serde(deserialize_with = "null_default")]
    pub allow_path_expressions: Vec<String>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// An APIExport by workspace path and name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ApiExportRef {
    /// Name of the export.
    #[serde(deserialize_with = "null_default")]
    pub name: String,
    /// Path of the workspace that holds it.
    #[serde(deserialize_with = "null_default")]
    pub cluster_path: String,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ApiExportPolicyStatus {
    /// Expressions whose tuples were written, to know which to delete later.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub managed_allow_expressions: Vec<String>,
    /// One condition for each step, and `Ready`.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The manifest of APIExportPolicy.
pub const API_EXPORT_POLICY: Definition = Definition {
    revision: "v260313",
    spec: || {
        object([
            (
                "apiExportRef",
                object([
                    ("name", string().doc("Name of the export.")),
                    ("clusterPath", string().doc("Path of the workspace that holds it.")),
                ])
                .required(&["clusterPath", "name"])
                .doc("The export."),
            ),
            (
                "allowPathExpressions",
                list(string()).min_items(1).doc("Who may bind it, as path expressions."),
            ),
        ])
        .required(&["allowPathExpressions", "apiExportRef"])
        .doc("The export, and who may bind it.")
    },
    status: || {
        object([
            ("managedAllowExpressions", list(string()).doc("Expressions whose tuples were written.")),
            ("conditions", conditions()),
        ])
        .doc("What was written.")
    },
    ..Definition::core("APIExportPolicy", "apiexportpolicies", "Who may bind an APIExport.")
};
