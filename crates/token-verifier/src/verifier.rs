//! A token in, claims out.

use std::sync::Arc;

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde_json::{Map, Value};

use crate::{Fetch, Issuer, TokenError, keys::KeySet, peek::TOKEN_MAX};

/// The claims of a verified token.
pub type Claims = Map<String, Value>;

/// The asymmetric algorithms that Kubernetes accepts from OpenID Connect issuers.
const ALGORITHMS: [Algorithm; 8] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

/// Verifies the tokens of one issuer. Shared by reference; keeps the issuer's keys.
pub struct Verifier {
    issuer: Issuer,
    keys: KeySet,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl Verifier {
    /// A verifier that has fetched nothing yet.
    pub fn new(issuer: Issuer, fetch: Arc<dyn Fetch>) -> Self {
        Self { issuer, keys: KeySet::new(fetch) }
    }

    /// Whose tokens it verifies.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// The claims of `token` if it is genuine, from this issuer, for one of its audiences, and good at `now`.
    ///
    /// # Errors
    /// A [`TokenError`]; only [`TokenError::Unavailable`] may go away by itself.
    ///
    /// # Cancellation
    /// Dropping the future leaves the known keys as they were.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        if self.issuer.audiences.is_empty() {
            return Err(TokenError::Configuration("no audience is configured, so no token can match".into()));
        }
        if token.len() > TOKEN_MAX {
            return Err(TokenError::Malformed(format!("longer than {TOKEN_MAX} bytes")));
        }
        let header = decode_header(token).map_err(|e| TokenError::Malformed(e.to_string()))?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(TokenError::Algorithm(format!("{:?}", header.alg)));
        }
        let claims = self.genuine(token, header.alg, header.kid.as_deref()).await?;
        self.check_issuer(&claims)?;
        self.check_audience(&claims)?;
        check_time(&claims, now)?;
        Ok(claims)
    }

    async fn genuine(
        &self,
        token: &str,
        algorithm: Algorithm,
        kid: Option<&str>,
    ) -> Result<Claims, TokenError> {
        let mut validation = Validation::new(algorithm);
        // Issuer, audience and time are checked below against an injected clock, with errors that say what differs.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        for key in self.keys.candidates(&self.issuer, kid).await? {
            if let Ok(data) = decode::<Claims>(token, &key, &validation) {
                return Ok(data.claims);
            }
        }
        Err(TokenError::Signature)
    }

    fn check_issuer(&self, claims: &Claims) -> Result<(), TokenError> {
        let found = claims.get("iss").and_then(Value::as_str).ok_or(TokenError::Claim("iss"))?;
        if found == self.issuer.url {
            return Ok(());
        }
        Err(TokenError::Issuer { found: found.to_owned(), expected: self.issuer.url.clone() })
    }

    fn check_audience(&self, claims: &Claims) -> Result<(), TokenError> {
        let found: Vec<String> = match claims.get("aud") {
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => return Err(TokenError::Claim("aud")),
        };
        if found.iter().any(|audience| self.issuer.audiences.contains(audience)) {
            return Ok(());
        }
        Err(TokenError::Audience { found, expected: self.issuer.audiences.clone() })
    }
}

fn check_time(claims: &Claims, now: Timestamp) -> Result<(), TokenError> {
    let now = now.as_second();
    let seconds = |name: &'static str| match claims.get(name) {
        None => Ok(None),
        Some(value) => value
            .as_i64()
            .or_else(|| value.as_f64().map(|f| f as i64))
            .map(Some)
            .ok_or(TokenError::Claim(name)),
    };
    let expires = seconds("exp")?.ok_or(TokenError::Claim("exp"))?;
    if now >= expires {
        return Err(TokenError::Expired { seconds_ago: now.saturating_sub(expires) });
    }
    match seconds("nbf")? {
        Some(from) if now < from => Err(TokenError::NotYetValid { seconds_ahead: from - now }),
        _ => Ok(()),
    }
}
