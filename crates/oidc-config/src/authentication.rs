//! AuthenticationConfiguration: the file that a server reads who it trusts from.

use kcp_api::tenancy::v1alpha1::JwtAuthenticator;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Group of both configuration files.
pub(crate) const GROUP: &str = "apiserver.config.k8s.io";

/// Issuers that a whole server trusts. Their users are valid in every workspace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuthenticationConfiguration {
    /// `apiserver.config.k8s.io/v1`, `v1beta1` or `v1alpha1`; all mean the same.
    #[serde(rename = "apiVersion")]
    pub api_version: String,
    /// `AuthenticationConfiguration`.
    pub kind: String,
    /// One entry for each issuer.
    pub jwt: Vec<JwtAuthenticator>,
}

/// Why a text is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not YAML, or not of this shape.
    #[error("configuration cannot be read: {0}")]
    Shape(String),
    /// Another kind or group.
    #[error("expected kind `{expected}` in `{GROUP}`, found `{found}`")]
    Kind {
        /// What was wanted.
        expected: &'static str,
        /// What was found: version and kind.
        found: String,
    },
}

impl AuthenticationConfiguration {
    const KIND: &'static str = "AuthenticationConfiguration";

    /// A configuration of these issuers.
    pub fn new(jwt: Vec<JwtAuthenticator>) -> Self {
        Self { api_version: format!("{GROUP}/v1"), kind: Self::KIND.to_owned(), jwt }
    }

    /// Reads YAML or JSON.
    ///
    /// # Errors
    /// Another shape, kind or version.
    pub fn read(text: &str) -> Result<Self, ReadError> {
        let read: Self = read(text)?;
        check_kind(&read.api_version, &read.kind, Self::KIND)?;
        Ok(read)
    }

    /// The file's text: indented JSON, which is YAML, with fields in a fixed order.
    pub fn to_text(&self) -> String {
        to_text(self)
    }
}

pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, ReadError> {
    serde_saphyr::from_str(text).map_err(|error| ReadError::Shape(error.to_string()))
}

pub(crate) fn check_kind(api_version: &str, kind: &str, expected: &'static str) -> Result<(), ReadError> {
    let version = api_version.strip_prefix(GROUP).and_then(|rest| rest.strip_prefix('/'));
    if kind != expected || !version.is_some_and(|version| ["v1", "v1beta1", "v1alpha1"].contains(&version)) {
        return Err(ReadError::Kind { expected, found: format!("{api_version} {kind}") });
    }
    Ok(())
}

pub(crate) fn to_text<T: Serialize>(value: &T) -> String {
    // All keys are texts, so this cannot fail.
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}
