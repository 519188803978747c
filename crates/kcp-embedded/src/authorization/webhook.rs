//! The authorization webhook: SubjectAccessReview v1 over HTTPS, described by a kubeconfig file.
//!
//! Answers are cached for a time that may differ for grants and refusals. A webhook that cannot be asked has no
//! opinion.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use async_trait::async_trait;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;
use verdict::{Decision, MISSING_ANNOTATION, Missing, Stage, Verdict};

use super::{Action, AuthorizationAttributes, Authorizer};
use crate::webhook_client::{WebhookClient, WebhookClientError};

/// Extra key by which the reviewed user carries the logical cluster.
pub const EXTRA_CLUSTER: &str = "authorization.kcp.io/cluster-name";
/// Older spelling of [`EXTRA_CLUSTER`], read by webhooks that predate it.
pub const EXTRA_CLUSTER_DEPRECATED: &str = "authorization.kubernetes.io/cluster-name";

const CACHE_ENTRIES_MAX: usize = 4096;
/// A question larger than this is not cached: callers choose part of its content.
const CACHED_QUESTION_BYTES_MAX: usize = 10_000;
const ATTEMPTS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// How long answers are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheTtls {
    /// For grants (`--authorization-webhook-cache-authorized-ttl`).
    pub allowed: Duration,
    /// For refusals (`--authorization-webhook-cache-unauthorized-ttl`).
    pub denied: Duration,
}

impl Default for CacheTtls {
    fn default() -> Self {
        Self { allowed: Duration::from_secs(300), denied: Duration::from_secs(30) }
    }
}

/// An authorizer behind HTTPS.
#[derive(Debug)]
pub struct Webhook {
    client: WebhookClient,
    ttls: CacheTtls,
    cache: Mutex<HashMap<String, (Instant, Verdict)>>,
}

impl Webhook {
    /// A webhook as a kubeconfig describes it.
    ///
    /// # Errors
    /// A `WebhookClientError` if the kubeconfig names no usable server or credentials.
    pub fn from_kubeconfig(text: &str, ttls: CacheTtls) -> Result<Self, WebhookClientError> {
        Ok(Self { client: WebhookClient::from_kubeconfig(text)?, ttls, cache: Mutex::default() })
    }

    fn cached(&self, question: &str) -> Option<Verdict> {
        let cache = self.cache.lock();
        cache.get(question).filter(|(until, _)| *until > Instant::now()).map(|(_, verdict)| verdict.clone())
    }

    fn remember(&self, question: String, verdict: &Verdict) {
        let ttl = if verdict.is_allow() { self.ttls.allowed } else { self.ttls.denied };
        if ttl.is_zero() || question.len() > CACHED_QUESTION_BYTES_MAX {
            return;
        }
        let now = Instant::now();
        let mut cache = self.cache.lock();
        if cache.len() >= CACHE_ENTRIES_MAX {
            cache.retain(|_, (until, _)| *until > now);
            if cache.len() >= CACHE_ENTRIES_MAX {
                cache.clear();
            }
        }
        cache.insert(question, (now + ttl, verdict.clone()));
    }

    async fn ask(&self, body: &str) -> Result<Review, WebhookClientError> {
        let mut pause = FIRST_PAUSE;
        let mut attempt = 1;
        loop {
            match self.client.post(body.to_owned(), Duration::from_secs(10)).await {
                Ok(answer) => {
                    return serde_json::from_slice(&answer)
                        .map_err(|error| WebhookClientError::Answer(error.to_string()));
                }
                Err(error) if attempt < ATTEMPTS && error.may_pass() => {
                    tracing::debug!(attempt, %error, "authorization webhook is asked again");
                    tokio::time::sleep(pause).await;
                    pause *= 4;
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

#[derive(Debug, Default, Deserialize)]
struct Review {
    #[serde(default)]
    metadata: ReviewMetadata,
    #[serde(default)]
    status: ReviewStatus,
}

#[derive(Debug, Default, Deserialize)]
struct ReviewMetadata {
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

impl Review {
    /// The fact whose presence would turn the refusal, where the webhook says so.
    fn missing(&self) -> Option<Missing> {
        let text = self.metadata.annotations.as_ref()?.get(MISSING_ANNOTATION)?;
        serde_json::from_str(text).ok()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ReviewStatus {
    allowed: bool,
    denied: bool,
    reason: String,
    evaluation_error: String,
}

#[async_trait]
impl Authorizer for Webhook {
    async fn authorize(&self, attributes: &AuthorizationAttributes) -> Verdict {
        let body = subject_access_review(attributes).to_string();
        if let Some(verdict) = self.cached(&body) {
            return verdict;
        }
        match self.ask(&body).await {
            Ok(review) => {
                let missing = review.missing();
                let status = review.status;
                let decision = match (status.allowed, status.denied) {
                    (true, true) => {
                        return Verdict::fault(Stage::Webhook, "the webhook both allowed and denied");
                    }
                    (true, false) => Decision::Allow,
                    (false, true) => Decision::Deny,
                    (false, false) => Decision::NoOpinion,
                };
                let mut verdict = Verdict::new(decision, Stage::Webhook, status.reason);
                if !status.evaluation_error.is_empty() && decision != Decision::Allow {
                    verdict.fault = Some(status.evaluation_error);
                }
                if let Some(missing) = missing.filter(|_| decision != Decision::Allow) {
                    verdict = verdict.missing(missing);
                }
                self.remember(body, &verdict);
                verdict
            }
            Err(error) => {
                tracing::warn!(%error, "authorization webhook did not answer");
                Verdict::fault(Stage::Webhook, error.to_string())
            }
        }
    }
}

/// The SubjectAccessReview for a question; the user carries the logical cluster in both extra keys.
pub fn subject_access_review(attributes: &AuthorizationAttributes) -> Value {
    let user = &attributes.user;
    let mut extra: BTreeMap<&str, Vec<&str>> =
        user.extra.iter().map(|(k, v)| (k.as_str(), v.iter().map(String::as_str).collect())).collect();
    if let Some(cluster) = &attributes.cluster {
        extra.insert(EXTRA_CLUSTER, vec![cluster.as_str()]);
        extra.insert(EXTRA_CLUSTER_DEPRECATED, vec![cluster.as_str()]);
    }
    let mut spec = json!({"user": user.name, "groups": user.groups, "extra": extra});
    if !user.uid.is_empty() {
        spec["uid"] = user.uid.clone().into();
    }
    match &attributes.action {
        Action::Path { verb, path } => spec["nonResourceAttributes"] = json!({"path": path, "verb": verb}),
        Action::Resource(action) => {
            let fields = [
                ("namespace", &action.namespace),
                ("verb", &action.verb),
                ("group", &action.group),
                ("version", &action.version),
                ("resource", &action.resource),
                ("subresource", &action.subresource),
                ("name", &action.name),
            ];
            let set: serde_json::Map<String, Value> = fields
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(key, value)| (key.to_owned(), value.clone().into()))
                .collect();
            spec["resourceAttributes"] = Value::Object(set);
        }
    }
    json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "metadata": {}, "spec": spec})
}
