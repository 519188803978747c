//! SubjectAccessReview on the wire, v1 and v1beta1.

use serde_json::{Map, Value, json};
use verdict::MISSING_ANNOTATION;

use crate::{Action, Answer, Judgement, Request, ResourceRequest};

/// Longest body that is read, in bytes.
pub(crate) const BODY_MAX: usize = 1 << 20;

/// A review, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// What is asked.
    pub request: Request,
    envelope: Envelope,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Envelope {
    api_version: Option<String>,
    uid: Option<String>,
}

/// Why a body is no review. The text is the answer's `reason`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReviewFault {
    /// Nothing was sent.
    #[error("request body is empty")]
    Empty,
    /// Not declared as JSON.
    #[error("contentType={0}, expected application/json")]
    ContentType(String),
    /// Longer than 1 MiB.
    #[error("http: request body too large")]
    TooLarge,
    /// Not a JSON object.
    #[error("couldn't get version/kind; json parse error: {0}")]
    Json(String),
}

impl Review {
    /// Reads a body. `cluster_keys` are the extra fields that may name the logical cluster, in order of preference.
    ///
    /// # Errors
    /// [`ReviewFault`].
    pub fn parse(content_type: &str, body: &[u8], cluster_keys: &[&str]) -> Result<Self, ReviewFault> {
        if body.is_empty() {
            return Err(ReviewFault::Empty);
        }
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(ReviewFault::ContentType(content_type.to_owned()));
        }
        if body.len() > BODY_MAX {
            return Err(ReviewFault::TooLarge);
        }
        let value: Value = serde_json::from_slice(body).map_err(|e| ReviewFault::Json(e.to_string()))?;
        if !value.is_object() {
            return Err(ReviewFault::Json("not an object".into()));
        }
        let text = |value: &Value| value.as_str().filter(|t| !t.is_empty()).map(str::to_owned);
        let envelope =
            Envelope { api_version: text(&value["apiVersion"]), uid: text(&value["metadata"]["uid"]) };
        Ok(Self { request: request_of(&value["spec"], cluster_keys), envelope })
    }

    /// The answer to this review.
    pub fn answer(&self, judgement: &Judgement) -> Value {
        let status = match judgement.answer {
            Answer::Allowed => json!({"allowed": true}),
            // The reason reaches the user, so it names no relation and nobody else.
            Answer::NoOpinion | Answer::Retry(_) => json!({"allowed": false, "reason": "NoOpinion"}),
        };
        let mut answer = self.envelope.answer(status);
        // For the server's operators: it records what is missing, and shows it to nobody else.
        let missing =
            judgement.verdict.missing_fact().and_then(|missing| serde_json::to_string(missing).ok());
        if let Some(missing) = missing {
            answer["metadata"]["annotations"] = json!({ MISSING_ANNOTATION: missing });
        }
        answer
    }
}

impl ReviewFault {
    /// The answer to a body that is no review.
    pub fn answer(&self) -> Value {
        let text = self.to_string();
        Envelope::default().answer(json!({"allowed": false, "reason": text, "evaluationError": text}))
    }
}

impl Envelope {
    fn answer(&self, status: Value) -> Value {
        let mut metadata = Map::new();
        if let Some(uid) = &self.uid {
            metadata.insert("uid".into(), uid.clone().into());
        }
        json!({
            "apiVersion": self.api_version.as_deref().unwrap_or("authorization.k8s.io/v1"),
            "kind": "SubjectAccessReview",
            "metadata": metadata,
            "spec": {},
            "status": status,
        })
    }
}

fn request_of(spec: &Value, cluster_keys: &[&str]) -> Request {
    let strings = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    // v1beta1 spells the field in the singular.
    let groups = match strings(&spec["groups"]) {
        empty if empty.is_empty() => strings(&spec["group"]),
        groups => groups,
    };
    let cluster = cluster_keys.iter().find_map(|key| spec["extra"][*key][0].as_str()).map(str::to_owned);
    let action = match (&spec["nonResourceAttributes"], &spec["resourceAttributes"]) {
        (path, _) if path.is_object() => Action::Path(path["path"].as_str().unwrap_or_default().to_owned()),
        (_, resource) if resource.is_object() => {
            let text = |field: &str| resource[field].as_str().unwrap_or_default().to_owned();
            Action::Resource(ResourceRequest {
                verb: text("verb"),
                group: text("group"),
                version: text("version"),
                resource: text("resource"),
                namespace: text("namespace"),
                name: text("name"),
            })
        }
        _ => Action::Nothing,
    };
    Request { user: spec["user"].as_str().unwrap_or_default().to_owned(), groups, cluster, action }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "authorization.kubernetes.io/cluster-name";

    fn parse(body: &str) -> Result<Review, ReviewFault> {
        Review::parse("application/json", body.as_bytes(), &[KEY])
    }

    #[test]
    fn rbw_02_review_of_kcp_is_read() {
        let review = parse(&format!(
            r#"{{"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1","metadata":{{"uid":"u1"}},"spec":{{"user":"alice","groups":["g"],
            "extra":{{"{KEY}":["c1"]}},"resourceAttributes":{{"verb":"get","group":"s.io","version":"v1","resource":"buckets","name":"b"}}}}}}"#
        ))
        .unwrap();
        assert_eq!(review.request.cluster.as_deref(), Some("c1"));
        assert_eq!(review.request.groups, ["g"]);
        let Action::Resource(resource) = &review.request.action else { panic!("a resource") };
        assert_eq!((resource.verb.as_str(), resource.name.as_str()), ("get", "b"));
    }

    #[test]
    fn rbw_02_groups_of_v1beta1_are_not_lost() {
        let review = parse(r#"{"spec":{"user":"a","group":["system:cluster:c"]}}"#).unwrap();
        assert_eq!(review.request.consumer(), Some("c"));
        assert_eq!(review.request.action, Action::Nothing);
    }

    #[test]
    fn rbw_02_body_that_is_no_review_is_answered_with_the_reason() {
        assert_eq!(parse(""), Err(ReviewFault::Empty));
        assert!(matches!(parse("{"), Err(ReviewFault::Json(_))));
        let wrong = Review::parse("text/plain", b"{}", &[KEY]).unwrap_err();
        assert_eq!(
            wrong.answer()["status"]["evaluationError"],
            "contentType=text/plain, expected application/json"
        );
        assert!(Review::parse("application/json; charset=utf-8", b"{}", &[KEY]).is_ok());
    }
}
