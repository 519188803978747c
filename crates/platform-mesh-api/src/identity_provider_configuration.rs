//! IdentityProviderConfiguration: realm and clients of an organisation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Condition, Extra,
    definition::Definition,
    kind::{kind, null_default},
    schema::{boolean, conditions, list, map_of, object, string},
    secret_ref::{SecretRef, secret_ref},
};

kind!(
    /// A realm, named as the object, and its clients. Lives in `root:orgs`.
    IdentityProviderConfiguration, "IdentityProviderConfiguration", "identityproviderconfigurations",
    IdentityProviderConfigurationSpec, IdentityProviderConfigurationStatus
);

/// Clients that the realm must have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct IdentityProviderConfigurationSpec {
    /// Whether people may register themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration_allowed: Option<bool>,
    /// Clients; their names are unique.
    #[serde(deserialize_with = "null_default")]
    pub clients: Vec<IdentityProviderClient>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One client of a realm.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct IdentityProviderClient {
    /// Confidential (with a secret) or public.
    #[serde(deserialize_with = "null_default")]
    pub client_type: ClientType,
    /// Name in the identity provider, and key in the status.
    #[serde(deserialize_with = "null_default")]
    pub client_name: String,
    /// Where a login may return to.
    #[serde(deserialize_with = "null_default")]
    pub redirect_uris: Vec<String>,
    /// Where a logout may return to.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub post_logout_redirect_uris: Vec<String>,
    /// Secret that the client's credentials are written to, in the workspace of this object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Whether a client can keep a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientType {
    /// Has a secret.
    #[default]
    Confidential,
    /// Has none; proves itself by PKCE.
    Public,
    /// A value that this version does not know; kept as it came.
    #[serde(untagged)]
    Other(String),
}

/// What the identity provider has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct IdentityProviderConfigurationStatus {
    /// Clients made, by name.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub managed_clients: BTreeMap<String, ManagedClient>,
    /// One condition for each step, and `Ready`.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A client that was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ManagedClient {
    /// The client's id, as the audience of tokens carries it.
    #[serde(deserialize_with = "null_default")]
    pub client_id: String,
    /// URL under which its registration is changed and deleted.
    #[serde(deserialize_with = "null_default")]
    pub registration_client_uri: String,
    /// Secret that holds its credentials.
    #[serde(deserialize_with = "null_default")]
    pub secret_ref: SecretRef,
    /// Fields beside these, kept as they came.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The manifest of IdentityProviderConfiguration.
pub const IDENTITY_PROVIDER_CONFIGURATION: Definition = Definition {
    revision: "v260217",
    spec_required: true,
    spec: || {
        let client = object([
            (
                "clientType",
                string().one_of(&["confidential", "public"]).doc("Whether the client can keep a secret."),
            ),
            ("clientName", string().doc("Name in the identity provider.")),
            ("redirectUris", list(string()).doc("Where a login may return to.")),
            ("postLogoutRedirectUris", list(string()).doc("Where a logout may return to.")),
            ("secretRef", secret_ref().doc("Secret that the credentials are written to.")),
        ])
        .required(&["clientName", "clientType", "redirectUris"]);
        object([
            ("registrationAllowed", boolean().doc("Whether people may register themselves.")),
            ("clients", list(client).doc("Clients that the realm must have.")),
        ])
        .required(&["clients"])
        .doc("Clients that the realm must have.")
    },
    status: || {
        let managed = object([
            ("clientId", string().doc("Id of the client.")),
            ("registrationClientUri", string().doc("URL of its registration.")),
            ("secretRef", secret_ref().doc("Secret that holds its credentials.")),
        ])
        .required(&["clientId", "registrationClientUri", "secretRef"]);
        object([
            ("managedClients", map_of(managed).doc("Clients made, by name.")),
            ("conditions", conditions()),
        ])
        .doc("What the identity provider has.")
    },
    ..Definition::core(
        "IdentityProviderConfiguration",
        "identityproviderconfigurations",
        "Realm and clients of an organisation.",
    )
};
