//! Key sets: fetched when the first token comes, asked again when a token names a key that is not known.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jsonwebtoken::{
    DecodingKey,
    jwk::{Jwk, PublicKeyUse},
};
use serde_json::Value;
use tokio::{sync::Mutex, time::Instant};

use crate::{Fetch, FetchError, Issuer, TokenError};

/// Shortest time between two questions to one issuer: a flood of tokens with invented key ids costs it nothing.
const ASK_INTERVAL: Duration = Duration::from_secs(1);

/// Most keys of one set; more than that is no issuer's key set.
const KEYS_MAX: usize = 256;

/// The keys of one issuer. Cheap to clone a key out of; one caller fetches for all.
pub(crate) struct KeySet {
    fetch: Arc<dyn Fetch>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    by_kid: BTreeMap<String, Arc<DecodingKey>>,
    asked: Option<Instant>,
    last_error: Option<FetchError>,
}

impl KeySet {
    pub(crate) fn new(fetch: Arc<dyn Fetch>) -> Self {
        Self { fetch, known: Mutex::new(Known::default()) }
    }

    /// The keys that may have signed a token with this key id: the one of that name, or all when it names none.
    pub(crate) async fn candidates(
        &self,
        issuer: &Issuer,
        kid: Option<&str>,
    ) -> Result<Vec<Arc<DecodingKey>>, TokenError> {
        // The lock is held over the fetch on purpose: everybody else waits for the same answer.
        let mut known = self.known.lock().await;
        let found = known.matching(kid);
        if !found.is_empty() {
            return Ok(found);
        }
        if known.asked.is_none_or(|then| then.elapsed() >= ASK_INTERVAL) {
            known.asked = Some(Instant::now());
            match self.load(issuer).await {
                Ok(keys) => {
                    known.by_kid = keys;
                    known.last_error = None;
                }
                Err(error) => {
                    tracing::warn!(issuer = %issuer.url, %error, "key set could not be fetched");
                    known.last_error = Some(error);
                }
            }
        }
        let found = known.matching(kid);
        match (&known.last_error, found.is_empty()) {
            (_, false) => Ok(found),
            (Some(error), true) => {
                Err(TokenError::Unavailable { issuer: issuer.url.clone(), source: error.clone() })
            }
            (None, true) => Err(TokenError::UnknownKey {
                issuer: issuer.url.clone(),
                kid: kid.unwrap_or_default().to_owned(),
            }),
        }
    }

    async fn load(&self, issuer: &Issuer) -> Result<BTreeMap<String, Arc<DecodingKey>>, FetchError> {
        let authority = issuer.certificate_authority.as_deref();
        let at = issuer.discovery_document();
        let document = self.fetch.get(&at, authority).await?;
        let wrong = |cause: String| FetchError::Body { url: at.clone(), cause };
        if document["issuer"].as_str() != Some(issuer.url.as_str()) {
            return Err(wrong(format!("it speaks for issuer {}, not `{}`", document["issuer"], issuer.url)));
        }
        let Some(keys_url) = document["jwks_uri"].as_str() else {
            return Err(wrong("it has no `jwks_uri`".into()));
        };
        let set = self.fetch.get(keys_url, authority).await?;
        Ok(parse(&set))
    }
}

impl Known {
    fn matching(&self, kid: Option<&str>) -> Vec<Arc<DecodingKey>> {
        match kid {
            Some(kid) => self.by_kid.get(kid).cloned().into_iter().collect(),
            None => self.by_kid.values().cloned().collect(),
        }
    }
}

/// Keys that are for encryption, of an unknown kind or malformed are passed over: issuers publish more than we use.
fn parse(set: &Value) -> BTreeMap<String, Arc<DecodingKey>> {
    let mut keys = BTreeMap::new();
    for (index, value) in set["keys"].as_array().into_iter().flatten().take(KEYS_MAX).enumerate() {
        let Ok(jwk) = serde_json::from_value::<Jwk>(value.clone()) else { continue };
        if matches!(jwk.common.public_key_use, Some(PublicKeyUse::Encryption)) {
            continue;
        }
        if let Ok(key) = DecodingKey::from_jwk(&jwk) {
            keys.insert(jwk.common.key_id.unwrap_or_else(|| format!("#{index}")), Arc::new(key));
        }
    }
    keys
}
