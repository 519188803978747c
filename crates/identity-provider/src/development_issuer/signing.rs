//! One key a realm: ES256, since a P-256 key is made in microseconds and every Kubernetes API server accepts it.

use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode,
    jwk::{Jwk, PublicKeyUse},
};
use serde_json::{Map, Value};

/// The signing key of a realm.
pub(super) struct SigningKey {
    kid: String,
    key: EncodingKey,
    public: DecodingKey,
    jwk: Value,
}

impl SigningKey {
    pub(super) fn generate(kid: String) -> Result<Self, String> {
        let failed = |cause: String| format!("no signing key could be made: {cause}");
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)
            .map_err(|e| failed(e.to_string()))?;
        let key =
            EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).map_err(|e| failed(e.to_string()))?;
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).map_err(|e| failed(e.to_string()))?;
        jwk.common.key_id = Some(kid.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        let public = DecodingKey::from_jwk(&jwk).map_err(|e| failed(e.to_string()))?;
        let jwk = serde_json::to_value(&jwk).map_err(|e| failed(e.to_string()))?;
        Ok(Self { kid, key, public, jwk })
    }

    pub(super) fn sign(&self, claims: &Value) -> Result<String, String> {
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(Algorithm::ES256) };
        encode(&header, claims, &self.key).map_err(|e| format!("token could not be signed: {e}"))
    }

    /// The claims of a token of ours that is good at `now` (seconds).
    pub(super) fn verify(&self, token: &str, now: i64) -> Option<Map<String, Value>> {
        let mut validation = Validation::new(Algorithm::ES256);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let claims = decode::<Map<String, Value>>(token, &self.public, &validation).ok()?.claims;
        claims.get("exp").and_then(Value::as_i64).is_some_and(|exp| now < exp).then_some(claims)
    }

    pub(super) fn jwk(&self) -> &Value {
        &self.jwk
    }
}
