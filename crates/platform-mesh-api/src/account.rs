//! Account: what a person creates to get a workspace.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Condition, Extra,
    definition::{Definition, PrinterColumn, READY_COLUMN},
    kind::{kind, null_default},
    schema::{any, conditions, date_time, integer64, list, object, string},
};

kind!(
    /// An organisation (type `org`, in `root:orgs`) or an account below one. Cluster-scoped; its name names the workspace.
    Account, "Account", "accounts", AccountSpec, AccountStatus
);

/// What kind of account is wanted, and for whom.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AccountSpec {
    /// `org`, `account`, or a further type that the platform allows. Never changes.
    #[serde(rename = "type", deserialize_with = "null_default")]
    pub kind: String,
    /// What people see; at most 255 characters.
    #[serde(deserialize_with = "null_default")]
    pub display_name: String,
    /// A sentence for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// User name of who created it; stamped by admission, never changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creator: Option<String>,
    /// Objects to be made in the workspace. Accepted and kept, acted on by nobody.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<AccountExtension>,
    /// Anything; kept as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A template of an object in the account's workspace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AccountExtension {
    /// Group and version of the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Kind of the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Template of its metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata_go_template: Option<Value>,
    /// Template of its spec.
    pub spec_go_template: Value,
    /// Condition that must be true for the object to count as ready; none: it is ready at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_condition_type: Option<String>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// How far the account has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AccountStatus {
    /// One condition for each step, and `Ready`.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Generation of the spec that the status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// When the next look out of turn is due, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_reconcile_time: Option<String>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The manifest of Account.
pub const ACCOUNT: Definition = Definition {
    revision: "v260109",
    columns: &[
        PrinterColumn { name: "Display Name", type_: "string", json_path: ".spec.displayName" },
        PrinterColumn { name: "Type", type_: "string", json_path: ".spec.type" },
        READY_COLUMN,
    ],
    spec: || {
        object([
            (
                "type",
                string().doc("Kind of account: `org`, `account`, or a further type the platform allows."),
            ),
            ("displayName", string().max_length(255).doc("What people see.")),
            ("description", string().doc("A sentence for people.")),
            ("creator", string().doc("User name of who created the account; stamped by admission.")),
            ("extensions", list(extension_schema()).doc("Objects to be made in the workspace; reserved.")),
            ("data", any().doc("Anything; kept as it is.")),
        ])
        .required(&["displayName", "type"])
        .doc("What kind of account is wanted, and for whom.")
    },
    status: || {
        object([
            ("conditions", conditions()),
            ("observedGeneration", integer64().doc("Generation of the spec that the status speaks of.")),
            ("nextReconcileTime", date_time().doc("When the next look out of turn is due.")),
        ])
        .doc("How far the account has come.")
    },
    ..Definition::core("Account", "accounts", "An organisation, or an account below one.")
};

fn extension_schema() -> crate::schema::Schema {
    object([
        ("apiVersion", string().doc("Group and version of the object.")),
        ("kind", string().doc("Kind of the object.")),
        ("metadataGoTemplate", any().doc("Template of the object's metadata.")),
        ("specGoTemplate", any().doc("Template of the object's spec.")),
        ("readyConditionType", string().doc("Condition that must be true; empty: ready at once.")),
    ])
    .required(&["specGoTemplate"])
}
