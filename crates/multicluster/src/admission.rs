//! The HTTP half of an admission webhook: reads AdmissionReviews, asks somebody for the answer, and writes it.

use std::{convert::Infallible, error::Error, task};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt as _, Full, Limited};
use serde_json::{Value, json};

/// The largest review that is read, in bytes; servers limit objects to less than this.
pub const REVIEW_BYTES_MAX: usize = 8 << 20;

/// One AdmissionReview of `admission.k8s.io/v1`, as far as an answer depends on it. Objects are raw, and `null` where the
/// review has none.
#[derive(Clone, Copy, Debug)]
pub struct AdmissionReview<'a> {
    uid: &'a str,
    /// `CREATE`, `UPDATE`, `DELETE` or `CONNECT`.
    pub operation: &'a str,
    /// Name of the authenticated user, or the empty string.
    pub user: &'a str,
    /// Name of the object: its own, or the one that the request names; empty while a server has yet to make it up.
    pub name: &'a str,
    /// The object as it shall be.
    pub object: &'a Value,
    /// The object as it is.
    pub old: &'a Value,
}

/// What is answered to a review.
#[derive(Clone, Debug, PartialEq)]
pub enum AdmissionAnswer {
    /// It may happen.
    Allowed,
    /// It may happen after this JSON patch.
    Patched(Value),
    /// It may not; the text goes to the client, with code 403.
    Denied(String),
}

impl<'a> AdmissionReview<'a> {
    /// Reads a review.
    ///
    /// # Errors
    /// What is wrong with it, in words: another kind or version, or no uid to answer to.
    pub fn read(review: &'a Value) -> Result<Self, String> {
        if review["kind"] != "AdmissionReview" || review["apiVersion"] != "admission.k8s.io/v1" {
            return Err("expected an AdmissionReview of admission.k8s.io/v1".to_owned());
        }
        let request = &review["request"];
        let uid = request["uid"].as_str().filter(|uid| !uid.is_empty()).ok_or("request.uid is missing")?;
        let name = request["object"]["metadata"]["name"].as_str().or(request["name"].as_str());
        Ok(Self {
            uid,
            operation: request["operation"].as_str().unwrap_or_default(),
            user: request["userInfo"]["username"].as_str().unwrap_or_default(),
            name: name.unwrap_or_default(),
            object: &request["object"],
            old: &request["oldObject"],
        })
    }

    /// The review that carries the answer.
    pub fn answered(&self, answer: AdmissionAnswer) -> Value {
        let mut response = json!({"uid": self.uid, "allowed": true});
        match answer {
            AdmissionAnswer::Allowed => {}
            AdmissionAnswer::Patched(patch) => {
                response["patchType"] = json!("JSONPatch");
                response["patch"] = json!(STANDARD.encode(patch.to_string()));
            }
            AdmissionAnswer::Denied(message) => {
                response["allowed"] = json!(false);
                response["status"] = json!({"code": 403, "reason": "Forbidden", "message": message});
            }
        }
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})
    }
}

/// Somebody who answers reviews.
pub trait Admit: Clone + Send + Sync + 'static {
    /// Whether reviews are answered at a path.
    fn serves(&self, path: &str) -> bool;

    /// The answer to a review that came to a path which is served.
    ///
    /// # Errors
    /// What the review lacks, in words; the server that asked gets a 400, and its failure policy decides.
    fn admit(
        &self,
        path: &str,
        review: AdmissionReview<'_>,
    ) -> impl Future<Output = Result<AdmissionAnswer, String>> + Send;
}

/// An [`Admit`] as a service of HTTP requests: its paths, POST only, reviews of at most [`REVIEW_BYTES_MAX`].
#[derive(Clone, Debug)]
pub struct AdmissionService<A>(A);

impl<A: Admit> AdmissionService<A> {
    /// Serves the answers of somebody.
    pub fn new(admit: A) -> Self {
        Self(admit)
    }
}

impl<A, B> tower::Service<Request<B>> for AdmissionService<A>
where
    A: Admit,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> task::Poll<Result<(), Infallible>> {
        task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let admit = self.0.clone();
        Box::pin(async move { Ok(respond(&admit, request).await) })
    }
}

async fn respond<A, B>(admit: &A, request: Request<B>) -> Response<Full<Bytes>>
where
    A: Admit,
    B: Body + Send,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    if !admit.serves(path) {
        return text(StatusCode::NOT_FOUND, "no admission is served at this path");
    }
    if parts.method != Method::POST {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only POST is served here");
    }
    let body = match Limited::new(body, REVIEW_BYTES_MAX).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return text(StatusCode::PAYLOAD_TOO_LARGE, "the review is too large or was cut off"),
    };
    let review: Value = match serde_json::from_slice(&body) {
        Ok(review) => review,
        Err(error) => return text(StatusCode::BAD_REQUEST, &format!("the review is not JSON: {error}")),
    };
    match answer(admit, path, &review).await {
        Ok(answer) => {
            let mut response = Response::new(Full::new(Bytes::from(answer.to_string())));
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
            response
        }
        Err(why) => text(StatusCode::BAD_REQUEST, &why),
    }
}

async fn answer(admit: &impl Admit, path: &str, review: &Value) -> Result<Value, String> {
    let review = AdmissionReview::read(review)?;
    let answer = admit.admit(path, review).await?;
    Ok(review.answered(answer))
}

fn text(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(format!("{text}\n"))));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use tower::ServiceExt as _;

    use super::*;

    #[derive(Clone)]
    struct ByName;

    impl Admit for ByName {
        fn serves(&self, path: &str) -> bool {
            path == "/admit"
        }

        async fn admit(&self, _: &str, review: AdmissionReview<'_>) -> Result<AdmissionAnswer, String> {
            match review.name {
                "" => Err("request.name is missing".to_owned()),
                "bad" => Ok(AdmissionAnswer::Denied(format!("{} may not", review.user))),
                "patch" => Ok(AdmissionAnswer::Patched(json!([{"op": "remove", "path": "/x"}]))),
                _ => Ok(AdmissionAnswer::Allowed),
            }
        }
    }

    fn review(name: &str) -> Vec<u8> {
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "u1",
            "operation": "CREATE", "userInfo": {"username": "bob"}, "object": {"metadata": {"name": name}}}})
        .to_string()
        .into_bytes()
    }

    async fn send(method: Method, path: &str, body: Vec<u8>) -> (u16, Value) {
        let request = Request::builder().method(method).uri(path).body(Full::new(Bytes::from(body))).unwrap();
        let response = AdmissionService::new(ByName).oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice::<Value>(&body).unwrap_or_default()["response"].clone())
    }

    #[tokio::test]
    async fn acc_o9_answers_carry_the_uid_and_the_patch() {
        assert_eq!(
            send(Method::POST, "/admit", review("good")).await,
            (200, json!({"uid": "u1", "allowed": true}))
        );
        let denied = json!({"uid": "u1", "allowed": false,
            "status": {"code": 403, "reason": "Forbidden", "message": "bob may not"}});
        assert_eq!(send(Method::POST, "/admit", review("bad")).await, (200, denied));
        let (_, patched) = send(Method::POST, "/admit", review("patch")).await;
        assert_eq!((&patched["allowed"], &patched["patchType"]), (&json!(true), &json!("JSONPatch")));
        let patch = STANDARD.decode(patched["patch"].as_str().unwrap()).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&patch).unwrap(), json!([{"op": "remove", "path": "/x"}]));
    }

    #[tokio::test]
    async fn acc_o10_malformed_requests_are_refused_in_words() {
        for body in
            [&b""[..], b"{", b"[]", b"{\"kind\":\"AdmissionReview\"}", &[0xff, 0xfe], &b"[".repeat(10_000)]
        {
            assert_eq!(send(Method::POST, "/admit", body.to_vec()).await.0, 400);
        }
        assert_eq!(send(Method::POST, "/admit", review("")).await.0, 400);
        assert_eq!(send(Method::POST, "/other", review("good")).await.0, 404);
        assert_eq!(send(Method::GET, "/admit", review("good")).await.0, 405);
        assert_eq!(send(Method::POST, "/admit", vec![b' '; REVIEW_BYTES_MAX + 1]).await.0, 413);
    }
}
