//! Store: the relationships of one organisation.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    Condition, Extra,
    definition::{Definition, READY_COLUMN},
    kind::{kind, null_default},
    schema::{Schema, conditions, list, object, string},
};

kind!(
    /// A relationship store, its core module and the tuples it must hold. Lives in `root:orgs`; named as the organisation.
    Store, "Store", "stores", StoreSpec, StoreStatus
);

/// What the store must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct StoreSpec {
    /// The core module in OpenFGA's modular language, without a schema header.
    #[serde(deserialize_with = "null_default")]
    pub core_module: String,
    /// Tuples that must be there; a tuple taken out here is deleted.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub tuples: Vec<Tuple>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One relationship: `user` has `relation` on `object`. A plain value, comparable and without room for further fields;
/// upstream has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tuple {
    /// `type:id`.
    pub object: String,
    /// Name of the relation.
    pub relation: String,
    /// `type:id`, `type:id#relation` or `type:*`.
    pub user: String,
}

impl Tuple {
    /// A tuple in the order object, relation, user.
    pub fn new(object: impl Into<String>, relation: impl Into<String>, user: impl Into<String>) -> Self {
        Self { object: object.into(), relation: relation.into(), user: user.into() }
    }
}

/// `object#relation@user`, OpenFGA's own notation.
impl fmt::Display for Tuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}@{}", self.object, self.relation, self.user)
    }
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct StoreStatus {
    /// Id of the relationship store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store_id: Option<String>,
    /// Id of the model written last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_model_id: Option<String>,
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

/// The manifest of Store.
pub const STORE: Definition = Definition {
    revision: "v250718",
    columns: &[READY_COLUMN],
    spec: || {
        object([
            ("coreModule", string().doc("Core module in OpenFGA's modular language.")),
            ("tuples", tuples().doc("Tuples that must be there.")),
        ])
        .required(&["coreModule"])
        .doc("What the store must hold.")
    },
    status: || {
        object([
            ("storeId", string().doc("Id of the relationship store.")),
            ("authorizationModelId", string().doc("Id of the model written last.")),
            ("managedTuples", tuples().doc("Tuples written for this object.")),
            ("conditions", conditions()),
        ])
        .doc("What was written.")
    },
    ..Definition::core("Store", "stores", "The relationships of one organisation.")
};

pub(crate) fn tuples() -> Schema {
    list(
        object([
            ("object", string().doc("`type:id`.")),
            ("relation", string().doc("Name of the relation.")),
            ("user", string().doc("`type:id`, `type:id#relation` or `type:*`.")),
        ])
        .required(&["object", "relation", "user"]),
    )
}
