//! Tokens of service accounts: RS256, issued per logical cluster, and good only while account and secret exist.

use std::sync::Arc;

use apiserver::{Partition, UserInfo};
use async_trait::async_trait;
use base64::Engine as _;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use runtime::{Clock, Ids};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{AuthenticationError, TokenAuthenticator};
use crate::identity::EXTRA_CLUSTER_NAME;

/// Issuer and default audience of service account tokens.
pub const ISSUER: &str = "https://kcp.default.svc";
/// Issuer of tokens kept in secrets.
const LEGACY_ISSUER: &str = "kubernetes/serviceaccount";
/// Longest token life that is granted, in seconds (2^32, as Kubernetes limits it).
const SECONDS_MAX: i64 = 1 << 32;
/// Shortest token life that may be asked for, in seconds.
pub const SECONDS_MIN: i64 = 600;

/// Why the key of service account tokens cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ServiceAccountKeyError {
    /// The key cannot be made.
    #[error("a signing key for service account tokens cannot be made: {0}")]
    Generate(String),
    /// The PEM text is no RSA key.
    #[error("the signing key of service account tokens is not an RSA key in PEM: {0}")]
    Parse(String),
}

/// The key that signs service account tokens.
#[derive(Clone)]
pub struct ServiceAccountKey {
    encoding: EncodingKey,
    decoding: DecodingKey,
    key_id: String,
    private_pem: Arc<str>,
    public_pem: Arc<str>,
}

impl std::fmt::Debug for ServiceAccountKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceAccountKey").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

impl ServiceAccountKey {
    /// A fresh RSA key of 2048 bits. Takes some hundred milliseconds of one core.
    ///
    /// # Errors
    /// [`ServiceAccountKeyError`] if the cryptographic library refuses.
    pub fn generate() -> Result<Self, ServiceAccountKeyError> {
        let pair = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048)
            .map_err(|error| ServiceAccountKeyError::Generate(error.to_string()))?;
        Self::new(&pair)
    }

    /// A key from its PEM text.
    ///
    /// # Errors
    /// [`ServiceAccountKeyError::Parse`] if it is no RSA key.
    pub fn from_pem(pem: &str) -> Result<Self, ServiceAccountKeyError> {
        let pair = rcgen::KeyPair::from_pem_and_sign_algo(pem, &rcgen::PKCS_RSA_SHA256)
            .map_err(|error| ServiceAccountKeyError::Parse(error.to_string()))?;
        Self::new(&pair)
    }

    fn new(pair: &rcgen::KeyPair) -> Result<Self, ServiceAccountKeyError> {
        let parse = |error: jsonwebtoken::errors::Error| ServiceAccountKeyError::Parse(error.to_string());
        let (private_pem, public_pem) = (pair.serialize_pem(), pair.public_key_pem());
        let digest = Sha256::digest(public_pem.as_bytes());
        Ok(Self {
            encoding: EncodingKey::from_rsa_pem(private_pem.as_bytes()).map_err(parse)?,
            decoding: DecodingKey::from_rsa_pem(public_pem.as_bytes()).map_err(parse)?,
            key_id: base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest),
            private_pem: private_pem.into(),
            public_pem: public_pem.into(),
        })
    }

    /// The private key, PEM.
    pub fn private_pem(&self) -> &str {
        &self.private_pem
    }

    /// The public key, PEM.
    pub fn public_pem(&self) -> &str {
        &self.public_pem
    }
}

/// What a token is asked for.
#[derive(Clone, Debug)]
pub struct TokenRequest<'a> {
    /// The logical cluster of the account.
    pub cluster: &'a str,
    /// Namespace of the account.
    pub namespace: &'a str,
    /// Name of the account.
    pub name: &'a str,
    /// UID of the account.
    pub uid: &'a str,
    /// Audiences; empty means the issuer.
    pub audiences: Vec<String>,
    /// Life in seconds.
    pub seconds: i64,
    /// A secret the token is bound to: name and UID.
    pub secret: Option<(&'a str, &'a str)>,
}

/// An issued token with its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedToken {
    /// The token.
    pub token: String,
    /// RFC 3339, seconds.
    pub expires: String,
}

/// Looks up what a token depends on.
pub trait ServiceAccountGetter: Send + Sync {
    /// UID of a service account that exists and is not being deleted.
    fn account_uid(&self, cluster: &Partition, namespace: &str, name: &str) -> Option<String>;
    /// UID of a secret that exists and is not being deleted.
    fn secret_uid(&self, cluster: &Partition, namespace: &str, name: &str) -> Option<String>;
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    #[serde(default)]
    iss: String,
    #[serde(default)]
    sub: String,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    aud: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    #[serde(flatten)]
    private: serde_json::Map<String, Value>,
}

/// Issues and checks service account tokens.
pub struct ServiceAccountTokens {
    key: ServiceAccountKey,
    getter: Arc<dyn ServiceAccountGetter>,
    clock: Clock,
    ids: Ids,
}

impl ServiceAccountTokens {
    /// Tokens signed by `key`, checked against what `getter` finds.
    pub fn new(
        key: ServiceAccountKey,
        getter: Arc<dyn ServiceAccountGetter>,
        clock: Clock,
        ids: Ids,
    ) -> Self {
        Self { key, getter, clock, ids }
    }

    /// Issues a token as subresource `serviceaccounts/token` gives it.
    ///
    /// # Errors
    /// [`ServiceAccountKeyError`] if signing fails.
    pub fn issue(&self, request: &TokenRequest<'_>) -> Result<IssuedToken, ServiceAccountKeyError> {
        let now = self.clock.now().as_second();
        let expires = now + request.seconds.clamp(1, SECONDS_MAX);
        let mut kubernetes = json!({
            "clusterName": request.cluster,
            "namespace": request.namespace,
            "serviceaccount": {"name": request.name, "uid": request.uid},
        });
        if let Some((name, uid)) = request.secret {
            kubernetes["secret"] = json!({"name": name, "uid": uid});
        }
        let audiences =
            if request.audiences.is_empty() { vec![ISSUER.to_owned()] } else { request.audiences.clone() };
        let claims = Claims {
            iss: ISSUER.to_owned(),
            sub: format!("system:serviceaccount:{}:{}", request.namespace, request.name),
            aud: audiences.into(),
            exp: Some(expires),
            iat: Some(now),
            nbf: Some(now),
            jti: Some(self.ids.uid()),
            private: serde_json::Map::from_iter([("kubernetes.io".to_owned(), kubernetes)]),
        };
        let expires = jiff::Timestamp::from_second(expires)
            .map_err(|error| ServiceAccountKeyError::Generate(error.to_string()))?;
        Ok(IssuedToken { token: self.sign(&claims)?, expires: expires.to_string() })
    }

    /// The token of a secret of type `kubernetes.io/service-account-token`; it has no end.
    ///
    /// # Errors
    /// [`ServiceAccountKeyError`] if signing fails.
    pub fn issue_for_secret(&self, request: &TokenRequest<'_>) -> Result<String, ServiceAccountKeyError> {
        let secret = request.secret.map(|(name, _)| name).unwrap_or_default();
        let claim = |name: &str| format!("kubernetes.io/serviceaccount/{name}");
        let private = [
            (claim("clusterName"), request.cluster),
            (claim("namespace"), request.namespace),
            (claim("secret.name"), secret),
            (claim("service-account.name"), request.name),
            (claim("service-account.uid"), request.uid),
        ];
        let claims = Claims {
            iss: LEGACY_ISSUER.to_owned(),
            sub: format!("system:serviceaccount:{}:{}", request.namespace, request.name),
            aud: Value::Null,
            exp: None,
            iat: None,
            nbf: None,
            jti: None,
            private: private.into_iter().map(|(key, value)| (key, Value::from(value))).collect(),
        };
        self.sign(&claims)
    }

    fn sign(&self, claims: &Claims) -> Result<String, ServiceAccountKeyError> {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(self.key.key_id.clone());
        jsonwebtoken::encode(&header, claims, &self.key.encoding)
            .map_err(|error| ServiceAccountKeyError::Generate(error.to_string()))
    }

    fn check(&self, token: &str) -> Result<Option<UserInfo>, AuthenticationError> {
        let invalid = |why: &str| AuthenticationError::InvalidToken(why.to_owned());
        let Some(issuer) = peek_claims(token).and_then(|claims| claims["iss"].as_str().map(str::to_owned))
        else {
            return Ok(None);
        };
        if issuer != ISSUER && issuer != LEGACY_ISSUER {
            return Ok(None);
        }
        let mut validation = Validation::new(Algorithm::RS256);
        // Times are checked against the injected clock, audiences below.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let claims = jsonwebtoken::decode::<Claims>(token, &self.key.decoding, &validation)
            .map_err(|error| AuthenticationError::InvalidToken(error.to_string()))?
            .claims;
        let now = self.clock.now().as_second();
        if claims.exp.is_some_and(|exp| exp <= now) || (claims.exp.is_none() && issuer == ISSUER) {
            return Err(invalid("the token has expired"));
        }
        if claims.nbf.is_some_and(|nbf| nbf > now + 60) {
            return Err(invalid("the token is not valid yet"));
        }
        let about =
            if issuer == ISSUER { About::read(&claims.private) } else { About::read_legacy(&claims.private) };
        let about = about.ok_or_else(|| invalid("the token names no service account"))?;
        if issuer == ISSUER && !names_audience(&claims.aud) {
            return Err(invalid("the token is for another audience"));
        }
        let cluster = Partition::from(about.cluster.as_str());
        let uid = self.getter.account_uid(&cluster, &about.namespace, &about.name);
        if uid.as_deref() != Some(about.uid.as_str()) {
            return Err(invalid("the service account is gone"));
        }
        if let Some((secret, secret_uid)) = &about.secret {
            let found = self.getter.secret_uid(&cluster, &about.namespace, secret);
            if found.is_none() || secret_uid.as_ref().is_some_and(|uid| found.as_ref() != Some(uid)) {
                return Err(invalid("the secret of the token is gone"));
            }
        }
        let mut user = UserInfo {
            name: format!("system:serviceaccount:{}:{}", about.namespace, about.name),
            uid: about.uid,
            groups: vec![
                "system:serviceaccounts".into(),
                format!("system:serviceaccounts:{}", about.namespace),
            ],
            ..UserInfo::default()
        };
        user.extra.insert(EXTRA_CLUSTER_NAME.to_owned(), vec![about.cluster]);
        if let Some(jti) = claims.jti {
            user.extra
                .insert("authentication.kubernetes.io/credential-id".to_owned(), vec![format!("JTI={jti}")]);
        }
        Ok(Some(user))
    }
}

#[async_trait]
impl TokenAuthenticator for ServiceAccountTokens {
    async fn authenticate(
        &self,
        token: &str,
        _cluster: Option<&Partition>,
    ) -> Result<Option<UserInfo>, AuthenticationError> {
        self.check(token)
    }
}

/// The logical cluster a service account token names, before anybody verified it: for URLs without a cluster.
pub fn unverified_cluster(token: &str) -> Option<String> {
    let claims = peek_claims(token)?;
    claims["kubernetes.io"]["clusterName"]
        .as_str()
        .or_else(|| claims["kubernetes.io/serviceaccount/clusterName"].as_str())
        .map(str::to_owned)
}

fn peek_claims(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1)?;
    let bytes =
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn names_audience(audiences: &Value) -> bool {
    match audiences {
        Value::String(audience) => audience == ISSUER,
        Value::Array(audiences) => audiences.iter().any(|audience| audience == ISSUER),
        _ => false,
    }
}

struct About {
    cluster: String,
    namespace: String,
    name: String,
    uid: String,
    secret: Option<(String, Option<String>)>,
}

impl About {
    fn read(private: &serde_json::Map<String, Value>) -> Option<Self> {
        let claim = private.get("kubernetes.io")?;
        let text = |value: &Value| value.as_str().filter(|s| !s.is_empty()).map(str::to_owned);
        Some(Self {
            cluster: text(&claim["clusterName"])?,
            namespace: text(&claim["namespace"])?,
            name: text(&claim["serviceaccount"]["name"])?,
            uid: text(&claim["serviceaccount"]["uid"])?,
            secret: text(&claim["secret"]["name"]).map(|name| (name, text(&claim["secret"]["uid"]))),
        })
    }

    fn read_legacy(private: &serde_json::Map<String, Value>) -> Option<Self> {
        let text = |name: &str| {
            let value = private.get(&format!("kubernetes.io/serviceaccount/{name}"))?.as_str()?;
            (!value.is_empty()).then(|| value.to_owned())
        };
        Some(Self {
            cluster: text("clusterName")?,
            namespace: text("namespace")?,
            name: text("service-account.name")?,
            uid: text("service-account.uid")?,
            secret: Some((text("secret.name")?, None)),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::LazyLock, time::Duration};

    use super::*;

    static KEY: LazyLock<ServiceAccountKey> = LazyLock::new(|| ServiceAccountKey::generate().unwrap());

    struct One;
    impl ServiceAccountGetter for One {
        fn account_uid(&self, cluster: &Partition, _namespace: &str, name: &str) -> Option<String> {
            (cluster.as_str() == "abc" && name == "rest").then(|| "u1".to_owned())
        }
        fn secret_uid(&self, _cluster: &Partition, _namespace: &str, name: &str) -> Option<String> {
            (name == "kept").then(|| "s1".to_owned())
        }
    }

    fn request<'a>() -> TokenRequest<'a> {
        TokenRequest {
            cluster: "abc",
            namespace: "default",
            name: "rest",
            uid: "u1",
            audiences: vec![],
            seconds: 600,
            secret: None,
        }
    }

    fn tokens(clock: &Clock) -> ServiceAccountTokens {
        runtime::install_crypto();
        ServiceAccountTokens::new(KEY.clone(), Arc::new(One), clock.clone(), Ids::seeded(1))
    }

    #[test]
    fn auz_03_service_account_token_carries_its_home_and_ends_on_time() {
        let clock = Clock::manual(jiff::Timestamp::UNIX_EPOCH);
        let tokens = tokens(&clock);
        let token = tokens.issue(&request()).unwrap().token;
        let user = tokens.check(&token).unwrap().unwrap();
        assert_eq!(user.name, "system:serviceaccount:default:rest");
        assert_eq!(user.extra[EXTRA_CLUSTER_NAME], ["abc"]);
        assert_eq!(unverified_cluster(&token).as_deref(), Some("abc"));
        clock.advance(Duration::from_secs(601));
        assert!(tokens.check(&token).is_err());
    }

    #[test]
    fn auz_03_token_dies_with_its_account_its_secret_or_a_changed_byte() {
        let clock = Clock::manual(jiff::Timestamp::UNIX_EPOCH);
        let tokens = tokens(&clock);
        let other = TokenRequest { name: "gone", ..request() };
        assert!(tokens.check(&tokens.issue(&other).unwrap().token).is_err());
        let kept = TokenRequest { secret: Some(("kept", "s1")), ..request() };
        let legacy = tokens.issue_for_secret(&kept).unwrap();
        assert!(tokens.check(&legacy).unwrap().is_some());
        let lost = TokenRequest { secret: Some(("lost", "s1")), ..request() };
        assert!(tokens.check(&tokens.issue_for_secret(&lost).unwrap()).is_err());
        let foreign = TokenRequest { audiences: vec!["other".into()], ..request() };
        assert!(tokens.check(&tokens.issue(&foreign).unwrap().token).is_err());
        let mut forged = legacy.clone();
        forged.pop();
        assert!(tokens.check(&forged).is_err());
        assert_eq!(tokens.check("opaque"), Ok(None));
    }
}
