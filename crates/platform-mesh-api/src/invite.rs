//! Invite: a person asked to join an organisation.

use serde::{Deserialize, Serialize};

use crate::{
    Condition, Extra,
    definition::Definition,
    kind::{kind, null_default},
    schema::{conditions, object, string},
};

kind!(
    /// Makes a user in the organisation's realm and mails them. Gives no right.
    Invite, "Invite", "invites", InviteSpec, InviteStatus
);

/// Who is asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct InviteSpec {
    /// Mail address; it becomes the user name.
    #[serde(deserialize_with = "null_default")]
    pub email: String,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// How far the invitation has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct InviteStatus {
    /// One condition for each step, and `Ready`.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The manifest of Invite.
pub const INVITE: Definition = Definition {
    revision: "v260213",
    spec_required: true,
    spec: || {
        object([(
            "email",
            string()
                .format("email")
                .pattern(r"[a-zA-Z0-9!#$%&'*+/=?^_`{|}~.-]+@[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)*")
                .doc("Mail address; it becomes the user name."),
        )])
        .required(&["email"])
        .doc("Who is asked.")
    },
    status: || object([("conditions", conditions())]).doc("How far the invitation has come."),
    ..Definition::core("Invite", "invites", "A person asked to join an organisation.")
};
