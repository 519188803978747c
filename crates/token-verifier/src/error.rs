//! Why a token was refused, and whether asking again helps.

use crate::FetchError;

/// Why a token was not accepted. Messages name no part of the token but its key id and issuer.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Not a signed JWT at all.
    #[error("not a signed token: {0}")]
    Malformed(String),
    /// An algorithm that OpenID Connect issuers of Kubernetes may not use.
    #[error("signature algorithm `{0}` is not accepted")]
    Algorithm(String),
    /// Another issuer's token.
    #[error("issuer is `{found}`, expected `{expected}`")]
    Issuer {
        /// The `iss` claim.
        found: String,
        /// The configured issuer URL.
        expected: String,
    },
    /// Meant for somebody else.
    #[error("audiences `{}` have none of the expected `{}`", found.join("`, `"), expected.join("`, `"))]
    Audience {
        /// The `aud` claim.
        found: Vec<String>,
        /// The configured audiences.
        expected: Vec<String>,
    },
    /// No longer good.
    #[error("expired {seconds_ago} s ago")]
    Expired {
        /// Seconds since the `exp` claim.
        seconds_ago: i64,
    },
    /// Not good yet.
    #[error("not valid before {seconds_ahead} s from now")]
    NotYetValid {
        /// Seconds until the `nbf` claim.
        seconds_ahead: i64,
    },
    /// A claim that every token needs is missing or has the wrong type.
    #[error("claim `{0}` is missing or malformed")]
    Claim(&'static str),
    /// The issuer publishes no key of this id.
    #[error("issuer `{issuer}` publishes no key `{kid}`")]
    UnknownKey {
        /// The issuer URL.
        issuer: String,
        /// The key id of the token; empty when it names none.
        kid: String,
    },
    /// The signature does not fit the key.
    #[error("signature does not fit")]
    Signature,
    /// The configuration of the issuer can never verify anything.
    #[error("issuer configuration: {0}")]
    Configuration(String),
    /// The issuer could not be asked.
    #[error("issuer `{issuer}` could not be asked: {source}")]
    Unavailable {
        /// The issuer URL.
        issuer: String,
        /// What went wrong.
        source: FetchError,
    },
}

impl TokenError {
    /// Whether the same token may be accepted later without a change on the caller's side.
    pub fn is_transient(&self) -> bool {
        matches!(self, TokenError::Unavailable { .. })
    }
}
