//! Tokens of an issuer that a test plays: accepted, refused, and keys that rotate.
#![allow(clippy::unwrap_used, reason = "test helpers")]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::{Value, json};
use token_verifier::{Fetch, FetchError, Issuer, TokenError, Verifier};

const URL: &str = "https://issuer.example.io/realms/acme";

struct PlayedIssuer {
    keys: Mutex<Vec<(String, EncodingKey)>>,
    down: Mutex<bool>,
    asked: AtomicUsize,
}

impl PlayedIssuer {
    fn with_key(kid: &str) -> Arc<Self> {
        let played = Self { keys: Mutex::default(), down: Mutex::new(false), asked: AtomicUsize::new(0) };
        played.add_key(kid);
        Arc::new(played)
    }

    fn add_key(&self, kid: &str) {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let key = EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap();
        self.keys.lock().unwrap().push((kid.to_owned(), key));
    }

    fn sign(&self, kid: &str, claims: &Value) -> String {
        let keys = self.keys.lock().unwrap();
        let key = &keys.iter().find(|(name, _)| name == kid).unwrap().1;
        let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::ES256) };
        encode(&header, claims, key).unwrap()
    }
}

#[async_trait]
impl Fetch for PlayedIssuer {
    async fn get(&self, url: &str, _authority: Option<&str>) -> Result<Value, FetchError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if *self.down.lock().unwrap() {
            return Err(FetchError::Status { url: url.to_owned(), status: 503 });
        }
        if url.ends_with("openid-configuration") {
            return Ok(json!({"issuer": URL, "jwks_uri": format!("{URL}/certs")}));
        }
        let keys: Vec<Value> = self
            .keys
            .lock()
            .unwrap()
            .iter()
            .map(|(kid, key)| {
                let mut jwk = Jwk::from_encoding_key(key, Algorithm::ES256).unwrap();
                jwk.common.key_id = Some(kid.clone());
                serde_json::to_value(jwk).unwrap()
            })
            .collect();
        Ok(json!({"keys": keys}))
    }
}

fn verifier(played: &Arc<PlayedIssuer>) -> Verifier {
    Verifier::new(Issuer::new(URL, ["kubectl".to_owned()]), played.clone())
}

fn claims() -> Value {
    json!({"iss": URL, "aud": "kubectl", "exp": 2_000, "sub": "1", "email": "alice@example.io"})
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[tokio::test(start_paused = true)]
async fn oidc_01_genuine_token_gives_its_claims_and_keys_are_fetched_once() {
    let played = PlayedIssuer::with_key("a");
    let verifier = verifier(&played);
    let token = played.sign("a", &claims());
    assert_eq!(verifier.verify(&token, at(1_000)).await.unwrap()["email"], "alice@example.io");
    verifier.verify(&token, at(1_001)).await.unwrap();
    assert_eq!(played.asked.load(Ordering::SeqCst), 2, "one discovery document, one key set");
}

#[tokio::test(start_paused = true)]
async fn oidc_01_other_issuer_audience_time_and_signature_are_refused() {
    let played = PlayedIssuer::with_key("a");
    let verifier = verifier(&played);
    let refused = async |change: Value, now: i64| {
        let mut claims = claims();
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        verifier.verify(&played.sign("a", &claims), at(now)).await.unwrap_err()
    };
    assert!(matches!(refused(json!({"iss": "https://other"}), 1).await, TokenError::Issuer { .. }));
    assert!(matches!(refused(json!({"aud": ["account"]}), 1).await, TokenError::Audience { .. }));
    assert!(matches!(refused(json!({}), 2_000).await, TokenError::Expired { seconds_ago: 0 }));
    assert!(matches!(refused(json!({"nbf": 1_500}), 1).await, TokenError::NotYetValid { .. }));
    assert!(matches!(refused(json!({"exp": "soon"}), 1).await, TokenError::Claim("exp")));
    let mut forged = played.sign("a", &claims());
    let at_byte = forged.len() - 10;
    let other = if forged.as_bytes()[at_byte] == b'A' { "B" } else { "A" };
    forged.replace_range(at_byte..=at_byte, other);
    assert!(matches!(verifier.verify(&forged, at(1)).await, Err(TokenError::Signature)));
    assert!(matches!(verifier.verify("garbage", at(1)).await, Err(TokenError::Malformed(_))));
}

#[tokio::test(start_paused = true)]
async fn oidc_01_unsigned_and_symmetric_tokens_are_refused() {
    let played = PlayedIssuer::with_key("a");
    let token =
        encode(&Header::new(Algorithm::HS256), &claims(), &EncodingKey::from_secret(b"guess")).unwrap();
    assert!(matches!(verifier(&played).verify(&token, at(1)).await, Err(TokenError::Algorithm(_))));
    assert!(verifier(&played).verify("eyJhbGciOiJub25lIn0.e30.", at(1)).await.is_err());
    assert_eq!(played.asked.load(Ordering::SeqCst), 0, "nothing is fetched for a token that cannot be right");
}

#[tokio::test(start_paused = true)]
async fn oidc_01_rotated_key_is_taken_at_once_and_invented_keys_cost_one_question_a_second() {
    let played = PlayedIssuer::with_key("a");
    let verifier = verifier(&played);
    verifier.verify(&played.sign("a", &claims()), at(1)).await.unwrap();
    tokio::time::advance(Duration::from_secs(1)).await;
    played.add_key("b");
    verifier.verify(&played.sign("b", &claims()), at(1)).await.unwrap();
    let asked = played.asked.load(Ordering::SeqCst);
    let stranger = PlayedIssuer::with_key("invented");
    for _ in 0..50 {
        let refused = verifier.verify(&stranger.sign("invented", &claims()), at(1)).await;
        assert!(matches!(refused, Err(TokenError::UnknownKey { .. })));
    }
    assert_eq!(played.asked.load(Ordering::SeqCst), asked);
}

#[tokio::test(start_paused = true)]
async fn oidc_01_known_keys_outlive_an_issuer_that_is_down() {
    let played = PlayedIssuer::with_key("a");
    let verifier = verifier(&played);
    *played.down.lock().unwrap() = true;
    let early = verifier.verify(&played.sign("a", &claims()), at(1)).await.unwrap_err();
    assert!(early.is_transient(), "{early}");
    *played.down.lock().unwrap() = false;
    tokio::time::advance(Duration::from_secs(1)).await;
    verifier.verify(&played.sign("a", &claims()), at(1)).await.unwrap();
    *played.down.lock().unwrap() = true;
    tokio::time::advance(Duration::from_secs(3_600)).await;
    verifier.verify(&played.sign("a", &claims()), at(1)).await.unwrap();
}

#[tokio::test]
async fn oidc_01_no_audience_accepts_nobody() {
    let played = PlayedIssuer::with_key("a");
    let open = Verifier::new(Issuer::new(URL, []), played.clone());
    let refused = open.verify(&played.sign("a", &claims()), at(1)).await;
    assert!(matches!(refused, Err(TokenError::Configuration(_))));
}
