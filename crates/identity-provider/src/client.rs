//! OpenID Connect clients: what they should be, and what the provider says they are.

use serde::{Deserialize, Serialize};

/// How a client authenticates at the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenEndpointAuth {
    /// With its secret in the `Authorization` header: a confidential client.
    #[serde(rename = "client_secret_basic")]
    ClientSecretBasic,
    /// Not at all: a public client.
    #[serde(rename = "none")]
    None,
}

/// What a client should be (RFC 7591 client metadata).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientMetadata {
    /// The provider's id; set in updates, left out in registrations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Name for people, and the key by which a client is found again.
    #[serde(default)]
    pub client_name: String,
    /// Where logins may return to; a trailing `*` matches any rest.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// OAuth grant types.
    #[serde(default)]
    pub grant_types: Vec<String>,
    /// How it authenticates.
    #[serde(default = "confidential")]
    pub token_endpoint_auth_method: TokenEndpointAuth,
    /// Where logouts may return to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub post_logout_redirect_uris: Vec<String>,
}

fn confidential() -> TokenEndpointAuth {
    TokenEndpointAuth::ClientSecretBasic
}

impl ClientMetadata {
    /// Whether the provider already holds what is wanted here. The order of lists does not count, it does not keep
    /// it; logout addresses that are left open count as held, it invents them.
    pub fn is_held_by(&self, other: &ClientMetadata) -> bool {
        let sorted = |list: &[String]| {
            let mut list = list.to_vec();
            list.sort();
            list
        };
        self.client_name == other.client_name
            && sorted(&self.redirect_uris) == sorted(&other.redirect_uris)
            && sorted(&self.grant_types) == sorted(&other.grant_types)
            && self.token_endpoint_auth_method == other.token_endpoint_auth_method
            && (self.post_logout_redirect_uris.is_empty()
                || sorted(&self.post_logout_redirect_uris) == sorted(&other.post_logout_redirect_uris))
    }
}

/// What a registration or an update answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// The provider's id.
    pub client_id: String,
    /// Secret of a confidential client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// Token for the next read, update or delete; an update rotates it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_access_token: Option<String>,
    /// Where to read, update and delete the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_client_uri: Option<String>,
    /// What the client is now.
    #[serde(flatten)]
    pub metadata: RegisteredMetadata,
}

/// The metadata fields of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisteredMetadata {
    /// Name for people.
    #[serde(default)]
    pub client_name: String,
    /// Where logins may return to.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// OAuth grant types.
    #[serde(default)]
    pub grant_types: Vec<String>,
    /// `client_secret_basic`, `none`, or another method of the provider.
    #[serde(default)]
    pub token_endpoint_auth_method: String,
    /// Where logouts may return to.
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<String>,
}

impl Registration {
    /// What the provider holds, to compare with what is wanted.
    pub fn as_metadata(&self) -> ClientMetadata {
        let held = self.metadata.clone();
        ClientMetadata {
            client_id: Some(self.client_id.clone()),
            client_name: held.client_name,
            redirect_uris: held.redirect_uris,
            grant_types: held.grant_types,
            token_endpoint_auth_method: match held.token_endpoint_auth_method.as_str() {
                "none" => TokenEndpointAuth::None,
                _ => TokenEndpointAuth::ClientSecretBasic,
            },
            post_logout_redirect_uris: held.post_logout_redirect_uris,
        }
    }
}

/// What is needed to reach a registered client again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientHandle {
    /// The provider's id.
    pub client_id: String,
    /// Where it is managed; `None` derives the provider's usual address.
    pub registration_client_uri: Option<String>,
    /// The last known registration access token; a lost one is replaced through the admin API.
    pub registration_access_token: Option<String>,
}

/// A client as the admin API lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientSummary {
    /// Key of the admin API.
    pub id: String,
    /// Id in OpenID Connect.
    pub client_id: String,
    /// Name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Secret of a confidential client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}
