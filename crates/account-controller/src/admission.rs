//! Answers AdmissionReviews: what a client wrote is stamped with its creator, and checked.

mod account;
mod creator;

use std::{convert::Infallible, sync::Arc};

use account_model::admission::{AdmissionRules, Place};
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use multicluster::{Fleet, ProviderName};
use platform_mesh_api::names;
use serde_json::{Value, json};

use crate::metrics::AccountMetrics;

/// The largest review that is read; servers limit objects to less than this.
const BODY_MAX: usize = 8 << 20;

/// Both admission answers for Accounts. Clones share state.
#[derive(Clone)]
pub struct Admission(Arc<Inner>);

struct Inner {
    rules: AdmissionRules,
    tree: Option<(Fleet, ProviderName)>,
    metrics: AccountMetrics,
}

/// One review, as far as it matters here.
struct Review<'a> {
    uid: &'a str,
    operation: &'a str,
    user: &'a str,
    object: &'a Value,
    old: &'a Value,
}

/// What is answered.
enum Answer {
    Allowed,
    Patched(Value),
    Denied(String),
}

impl Admission {
    /// Rules of types and names; without a fleet, rules of places are left to the reconciler.
    pub(crate) fn new(
        rules: AdmissionRules,
        tree: Option<(Fleet, ProviderName)>,
        metrics: AccountMetrics,
    ) -> Self {
        Self(Arc::new(Inner { rules, tree, metrics }))
    }

    /// The server's service: two paths, POST only.
    pub fn service(&self) -> AdmissionService {
        AdmissionService(self.clone())
    }

    /// The answer to a review sent to a path; none for a path that is not served.
    ///
    /// # Errors
    /// What is wrong with the review, in words.
    pub fn answer(&self, path: &str, review: &Value) -> Option<Result<Value, String>> {
        let decide = match path {
            names::ACCOUNT_MUTATE_PATH => creator::stamp as fn(&Inner, &Review<'_>) -> Result<Answer, String>,
            names::ACCOUNT_VALIDATE_PATH => account::check,
            _ => return None,
        };
        Some(Review::read(review).and_then(|read| {
            let answer = decide(&self.0, &read)?;
            Ok(read.response(answer))
        }))
    }
}

impl Inner {
    /// Where an object lies, by the annotation that kcp puts on everything.
    fn place(&self, object: &Value) -> Place {
        let cluster = object["metadata"]["annotations"][names::CLUSTER_ANNOTATION].as_str();
        let orgs = self.tree.as_ref().and_then(|(fleet, provider)| fleet.resolve_in(provider, names::ORGS));
        match (cluster, orgs) {
            (Some(cluster), Some(orgs)) if orgs.id().as_str() == cluster => Place::Orgs,
            (Some(_), Some(_)) => Place::Elsewhere,
            _ => Place::Unknown,
        }
    }
}

impl<'a> Review<'a> {
    fn read(review: &'a Value) -> Result<Self, String> {
        if review["kind"] != "AdmissionReview" || review["apiVersion"] != "admission.k8s.io/v1" {
            return Err("expected an AdmissionReview of admission.k8s.io/v1".to_owned());
        }
        let request = &review["request"];
        let uid = request["uid"].as_str().filter(|uid| !uid.is_empty()).ok_or("request.uid is missing")?;
        Ok(Self {
            uid,
            operation: request["operation"].as_str().unwrap_or_default(),
            user: request["userInfo"]["username"].as_str().unwrap_or_default(),
            object: &request["object"],
            old: &request["oldObject"],
        })
    }

    fn response(&self, answer: Answer) -> Value {
        let mut response = json!({"uid": self.uid, "allowed": true});
        match answer {
            Answer::Allowed => {}
            Answer::Patched(patch) => {
                use base64::{Engine as _, engine::general_purpose::STANDARD};
                response["patchType"] = json!("JSONPatch");
                response["patch"] = json!(STANDARD.encode(patch.to_string()));
            }
            Answer::Denied(message) => {
                response["allowed"] = json!(false);
                response["status"] = json!({"code": 403, "reason": "Forbidden", "message": message});
            }
        }
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})
    }
}

/// [`Admission`] as a service of HTTP requests.
#[derive(Clone)]
pub struct AdmissionService(Admission);

impl<B> tower::Service<Request<B>> for AdmissionService
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let admission = self.0.clone();
        Box::pin(async move { Ok(respond(&admission, request).await) })
    }
}

async fn respond<B>(admission: &Admission, request: Request<B>) -> Response<Full<Bytes>>
where
    B: http_body::Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (parts, body) = request.into_parts();
    if ![names::ACCOUNT_MUTATE_PATH, names::ACCOUNT_VALIDATE_PATH].contains(&parts.uri.path()) {
        return text(StatusCode::NOT_FOUND, "no admission is served at this path");
    }
    if parts.method != Method::POST {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only POST is served here");
    }
    let body = match Limited::new(body, BODY_MAX).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return text(StatusCode::PAYLOAD_TOO_LARGE, "the review is too large or was cut off"),
    };
    let review: Value = match serde_json::from_slice(&body) {
        Ok(review) => review,
        Err(error) => return text(StatusCode::BAD_REQUEST, &format!("the review is not JSON: {error}")),
    };
    match admission.answer(parts.uri.path(), &review) {
        Some(Ok(answer)) => {
            let mut response = Response::new(Full::new(Bytes::from(answer.to_string())));
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
            response
        }
        Some(Err(why)) => text(StatusCode::BAD_REQUEST, &why),
        None => text(StatusCode::NOT_FOUND, "no admission is served at this path"),
    }
}

fn text(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(format!("{text}\n"))));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use account_model::names::AccountTypes;
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use runtime::Metrics;
    use tower::ServiceExt as _;

    use super::*;

    fn admission(metrics: &Metrics) -> Admission {
        let rules = AdmissionRules::new(AccountTypes::new(["account"]).unwrap(), "admin,root");
        Admission::new(rules, None, AccountMetrics::new(metrics, ["org".to_owned(), "account".to_owned()]))
    }

    fn review(operation: &str, name: &str, kind: &str) -> Value {
        json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {"uid": "u1", "operation": operation, "userInfo": {"username": "bob"},
                "object": {"metadata": {"name": name}, "spec": {"type": kind, "creator": "eve", "data": {"kept": 1}}},
                "oldObject": {"metadata": {"name": name}, "spec": {"type": kind, "creator": "eve"}}},
        })
    }

    async fn post(admission: &Admission, path: &str, body: &[u8]) -> (u16, Value) {
        let request = Request::post(path).body(Full::new(Bytes::copy_from_slice(body))).unwrap();
        let response = admission.service().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    #[tokio::test]
    async fn acc_o1_o9_the_creator_is_stamped_and_nothing_else_is_touched() {
        let admission = admission(&Metrics::new());
        let body = review("CREATE", "acme", "org").to_string();
        let (status, answer) = post(&admission, names::ACCOUNT_MUTATE_PATH, body.as_bytes()).await;
        assert_eq!(
            (status, &answer["response"]["uid"], &answer["response"]["allowed"]),
            (200, &json!("u1"), &json!(true))
        );
        let patch = STANDARD.decode(answer["response"]["patch"].as_str().unwrap()).unwrap();
        assert_eq!(
            serde_json::from_slice::<Value>(&patch).unwrap(),
            json!([{"op": "add", "path": "/spec/creator", "value": "bob"}])
        );
        let body = review("DELETE", "acme", "org").to_string();
        let (_, answer) = post(&admission, names::ACCOUNT_MUTATE_PATH, body.as_bytes()).await;
        assert_eq!(answer["response"], json!({"uid": "u1", "allowed": true}));
    }

    #[tokio::test]
    async fn acc_n2_o11_refusals_are_upstreams_and_counted() {
        let metrics = Metrics::new();
        let admission = admission(&metrics);
        let body = review("CREATE", "admin", "org").to_string();
        let (_, answer) = post(&admission, names::ACCOUNT_VALIDATE_PATH, body.as_bytes()).await;
        assert_eq!(
            answer["response"],
            json!({"uid": "u1", "allowed": false, "status": {"code": 403, "reason": "Forbidden",
                "message": "organization name \"admin\" is not allowed"}})
        );
        let body = review("UPDATE", "admin", "org").to_string();
        assert_eq!(
            post(&admission, names::ACCOUNT_VALIDATE_PATH, body.as_bytes()).await.1["response"]["allowed"],
            true
        );
        let body = review("CREATE", "a", "folder").to_string();
        post(&admission, names::ACCOUNT_VALIDATE_PATH, body.as_bytes()).await;
        let text = metrics.text();
        for line in [
            r#"account_operator_webhook_validations_total{operation="create",result="denied",account_type="org"} 1"#,
            r#"account_operator_webhook_validations_total{operation="update",result="allowed",account_type="org"} 1"#,
            r#"account_operator_webhook_validations_total{operation="create",result="denied",account_type="other"} 1"#,
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }

    #[tokio::test]
    async fn acc_o10_malformed_reviews_are_refused_in_words() {
        let admission = admission(&Metrics::new());
        for body in [
            &b""[..],
            b"{",
            b"[]",
            b"{\"kind\":\"AdmissionReview\"}",
            &[0xff, 0xfe],
            "[".repeat(10_000).as_bytes(),
        ] {
            assert_eq!(post(&admission, names::ACCOUNT_VALIDATE_PATH, body).await.0, 400);
        }
        let mut without = review("CREATE", "acme", "org");
        without["request"].as_object_mut().unwrap().remove("object");
        assert_eq!(
            post(&admission, names::ACCOUNT_VALIDATE_PATH, without.to_string().as_bytes()).await.0,
            400
        );
        assert_eq!(post(&admission, names::ACCOUNT_MUTATE_PATH, without.to_string().as_bytes()).await.0, 400);
        assert_eq!(post(&admission, "/other", b"{}").await.0, 404);
        assert_eq!(post(&admission, names::ACCOUNT_MUTATE_PATH, &vec![b' '; BODY_MAX + 1]).await.0, 413);
    }
}
