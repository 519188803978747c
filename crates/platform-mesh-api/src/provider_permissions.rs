//! ProviderPermissions: who may do what with an export's resources.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Condition, Extra,
    definition::Definition,
    kind::{kind, null_default},
    names::PROVIDERS_GROUP,
    schema::{Schema, conditions, integer64, list, map_of, object, string},
};

kind!(
    /// Says which relations an export's resources have beyond the usual ones. No controller of this project acts on it yet.
    ProviderPermissions, "ProviderPermissions", "providerpermissions" in PROVIDERS_GROUP,
    ProviderPermissionsSpec, ProviderPermissionsStatus
);

/// Permissions and roles for the resources of one export.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ProviderPermissionsSpec {
    /// The export that this is about.
    #[serde(deserialize_with = "null_default")]
    pub api_export: ExportOfPermissions,
    /// Who may do what, by resource: `<group>.<resource>`, or `<singular>.<group>` as upstream's generator reads it.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub permissions: BTreeMap<String, ResourcePermissions>,
    /// Roles that people may be given.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<ResourceRoles>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The export, in the workspace of this object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ExportOfPermissions {
    /// The export by name.
    #[serde(rename = "ref", deserialize_with = "null_default")]
    pub export: ExportName,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// An APIExport by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ExportName {
    /// Name of the export.
    #[serde(deserialize_with = "null_default")]
    pub name: String,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Relation expressions of one resource.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourcePermissions {
    /// Permissions of the usual verbs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_permissions: Option<DefaultPermissions>,
    /// Further permissions: name to relation expression.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub additional_permissions: BTreeMap<String, String>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Relation expressions of the usual verbs; empty or absent means the platform's own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DefaultPermissions {
    /// Who may get.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub get: Option<String>,
    /// Who may update.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update: Option<String>,
    /// Who may delete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete: Option<String>,
    /// Who may patch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch: Option<String>,
    /// Who may watch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watch: Option<String>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Roles for one resource.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourceRoles {
    /// Resource that the roles are for, spelt as the keys of `permissions`.
    #[serde(deserialize_with = "null_default")]
    pub group_resource: String,
    /// The roles.
    #[serde(deserialize_with = "null_default")]
    pub roles: Vec<ResourceRole>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A role that people may be given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourceRole {
    /// Name of the relation.
    #[serde(deserialize_with = "null_default")]
    pub id: String,
    /// What people see.
    #[serde(deserialize_with = "null_default")]
    pub display_name: String,
    /// A sentence for people.
    #[serde(deserialize_with = "null_default")]
    pub description: String,
    /// Relation expression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ProviderPermissionsStatus {
    /// What was found, step by step, and `Ready`.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Generation of the spec that the status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The manifest of ProviderPermissions.
pub const PROVIDER_PERMISSIONS: Definition = Definition {
    group: PROVIDERS_GROUP,
    revision: "v260703",
    spec: || {
        object([
            (
                "apiExport",
                object([(
                    "ref",
                    object([("name", string().doc("Name of the export."))]).required(&["name"]),
                )])
                .required(&["ref"])
                .doc("The export that this is about."),
            ),
            ("permissions", map_of(permission()).doc("Who may do what, by resource.")),
            ("roles", list(role()).doc("Roles that people may be given.")),
        ])
        .required(&["apiExport"])
        .doc("Who may do what with an export's resources.")
    },
    status: || {
        object([
            ("conditions", conditions()),
            ("observedGeneration", integer64().doc("Generation of the spec that the status speaks of.")),
        ])
        .doc("What was read.")
    },
    ..Definition::core(
        "ProviderPermissions",
        "providerpermissions",
        "Who may do what with an export's resources.",
    )
};

fn permission() -> Schema {
    let expression = || string().doc("Relation expression.");
    object([
        ("additionalPermissions", map_of(expression()).doc("Further permissions by name.")),
        (
            "defaultPermissions",
            object([
                ("delete", expression()),
                ("get", expression()),
                ("patch", expression()),
                ("update", expression()),
                ("watch", expression()),
            ])
            .doc("Permissions of the usual verbs."),
        ),
    ])
}

fn role() -> Schema {
    let entry = object([
        ("id", string().doc("Name of the relation.")),
        ("displayName", string().doc("What people see.")),
        ("description", string().doc("A sentence for people.")),
        ("definition", string().doc("Relation expression.")),
    ])
    .required(&["description", "displayName", "id"]);
    object([
        ("groupResource", string().doc("Resource that the roles are for.")),
        ("roles", list(entry).doc("The roles.")),
    ])
    .required(&["groupResource", "roles"])
}
