//! AuthorizationModel: what one bound API adds to the model of an organisation.

use serde::{Deserialize, Serialize};

use crate::{
    Condition, Extra, Tuple,
    definition::Definition,
    kind::{kind, null_default},
    schema::{conditions, object, string},
    store::tuples,
};

kind!(
    /// One module of an organisation's model. Lives in the workspace of the provider whose API it describes.
    AuthorizationModel, "AuthorizationModel", "authorizationmodels", AuthorizationModelSpec, AuthorizationModelStatus
);

/// The module and the store it belongs to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AuthorizationModelSpec {
    /// The Store that the module extends.
    #[serde(deserialize_with = "null_default")]
    pub store_ref: StoreRef,
    /// One module in OpenFGA's modular language.
    #[serde(deserialize_with = "null_default")]
    pub model: String,
    /// Tuples that come with the module.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub tuples: Vec<Tuple>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A Store by name and logical cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct StoreRef {
    /// Name of the Store: the organisation.
    #[serde(deserialize_with = "null_default")]
    pub name: String,
    /// Logical cluster that holds the Store: that of `root:orgs`.
    #[serde(deserialize_with = "null_default")]
    pub cluster: String,
    /// No longer read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AuthorizationModelStatus {
    /// Tuples written for this object, to know which to delete later.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub managed_tuples: Vec<Tuple>,
    /// One condition for each step, and `Ready`.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The manifest of AuthorizationModel.
pub const AUTHORIZATION_MODEL: Definition = Definition {
    revision: "v260112",
    spec: || {
        object([
            (
                "storeRef",
                object([
                    ("name", string().doc("Name of the Store.")),
                    ("cluster", string().doc("Logical cluster that holds the Store.")),
                    ("path", string().doc("No longer read.")),
                ])
                .required(&["cluster", "name"])
                .doc("The Store that the module extends."),
            ),
            ("model", string().doc("One module in OpenFGA's modular language.")),
            ("tuples", tuples().doc("Tuples that come with the module.")),
        ])
        .required(&["model", "storeRef"])
        .doc("The module and the store it belongs to.")
    },
    status: || {
        object([
            ("managedTuples", tuples().doc("Tuples written for this object.")),
            ("conditions", conditions()),
        ])
        .doc("What was written.")
    },
    ..Definition::core("AuthorizationModel", "authorizationmodels", "One module of an organisation's model.")
};
