//! A reference to a Secret, as several kinds carry it.

use serde::{Deserialize, Serialize};

use crate::{
    Extra,
    schema::{Schema, object, string},
};

/// A Secret by namespace and name. Replaced as a whole by server-side apply.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SecretRef {
    /// Name of the Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Namespace of the Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

impl SecretRef {
    /// A Secret in a namespace.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), namespace: Some(namespace.into()), extra: Extra::new() }
    }
}

pub(crate) fn secret_ref() -> Schema {
    object([
        ("name", string().doc("Name of the Secret.")),
        ("namespace", string().doc("Namespace of the Secret.")),
    ])
    .atomic_map()
}
