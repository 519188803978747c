//! AuthenticationConfiguration: the file that a server reads who it trusts from.

use kcp_api::tenancy::v1alpha1::JwtAuthenticator;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::read::{GROUP, ReadError, check_jwt_fields, read_file, to_text, typed};

/// Issuers that a whole server trusts. Their users are valid in every workspace.
///
/// ```
/// use oidc_config::AuthenticationConfiguration;
///
/// let error = AuthenticationConfiguration::read(br#"
/// apiVersion: apiserver.config.k8s.io/v1
/// kind: AuthenticationConfiguration
/// jwt:
/// - issuer: {url: https://portal.example.org, audience: [kubectl]}
///   claimMappings: {username: {claim: email, prefix: ""}}
/// "#).unwrap_err();
/// assert_eq!(error.to_string(), "configuration cannot be read at `jwt[0].issuer.audience`: unknown field");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthenticationConfiguration {
    /// `apiserver.config.k8s.io/v1`, `v1beta1` or `v1alpha1`; all mean the same.
    #[serde(rename = "apiVersion")]
    pub api_version: String,
    /// `AuthenticationConfiguration`.
    pub kind: String,
    /// One entry for each issuer; a server takes at most 64.
    #[serde(default, deserialize_with = "null_default")]
    pub jwt: Vec<JwtAuthenticator>,
    /// Whether requests without a token get in, and where; none: what the server's flags say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anonymous: Option<AnonymousAuthentication>,
}

/// Whether requests without a token are those of user `system:anonymous`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnonymousAuthentication {
    /// Whether they are at all.
    pub enabled: bool,
    /// Where they are, if not everywhere.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<AnonymousCondition>,
}

/// A place for requests without a token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnonymousCondition {
    /// Path of the request, exactly: `/livez`.
    pub path: String,
}

impl AuthenticationConfiguration {
    /// The kind's name.
    pub const KIND: &str = "AuthenticationConfiguration";

    /// A configuration of these issuers.
    pub fn new(jwt: Vec<JwtAuthenticator>) -> Self {
        Self { api_version: format!("{GROUP}/v1"), kind: Self::KIND.to_owned(), jwt, anonymous: None }
    }

    /// Reads YAML or JSON as a server does: a field that it does not know is refused.
    ///
    /// # Errors
    /// Text that is too large or cannot be read, another kind, a field of another type, an unknown field.
    pub fn read(text: &[u8]) -> Result<Self, ReadError> {
        let value = read_file(text, Self::KIND)?;
        let typed = typed(&value)?;
        check_jwt_fields(value.get("jwt").unwrap_or(&Value::Null))?;
        Ok(typed)
    }

    /// The file's text: indented JSON, which is YAML, with fields in a fixed order. Equal values give equal bytes.
    pub fn to_text(&self) -> String {
        to_text(self)
    }
}

/// Reads an explicit `null` as nothing, as Go does.
pub(crate) fn null_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}
