//! Answers AdmissionReviews of IdentityProviderConfigurations: nobody may ask for a realm that is reserved or there.

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use identity_provider::IdentityProvider;
use platform_mesh_api::names;
use serde_json::{Value, json};

/// The largest review that is read; servers limit objects to less than this.
const BODY_MAX: usize = 8 << 20;

/// Admission of realms. Clones share state.
#[derive(Clone)]
pub struct RealmAdmission {
    identities: Arc<dyn IdentityProvider>,
    denied: Arc<[String]>,
}

impl RealmAdmission {
    /// Refuses realms that are there, Keycloak's own, and the denied ones.
    pub fn new(identities: Arc<dyn IdentityProvider>, denied: Vec<String>) -> Self {
        Self { identities, denied: denied.into() }
    }

    /// The server's service: one path, POST only.
    pub fn service(&self) -> RealmAdmissionService {
        RealmAdmissionService(self.clone())
    }

    /// The answer to a review.
    ///
    /// # Errors
    /// What is wrong with the review, in words.
    pub async fn answer(&self, review: &Value) -> Result<Value, String> {
        if review["kind"] != "AdmissionReview" || review["apiVersion"] != "admission.k8s.io/v1" {
            return Err("expected an AdmissionReview of admission.k8s.io/v1".to_owned());
        }
        let request = &review["request"];
        let uid = request["uid"].as_str().filter(|uid| !uid.is_empty()).ok_or("request.uid is missing")?;
        let name =
            request["object"]["metadata"]["name"].as_str().or(request["name"].as_str()).unwrap_or_default();
        // Finalizers and status of what is there must never be held up.
        let refusal = match request["operation"].as_str() {
            Some("CREATE") => self.refusal(name).await,
            _ => None,
        };
        let mut response = json!({"uid": uid, "allowed": refusal.is_none()});
        if let Some(message) = refusal {
            response["status"] = json!({"code": 403, "reason": "Forbidden", "message": message});
        }
        Ok(json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}))
    }

    async fn refusal(&self, name: &str) -> Option<String> {
        let name = name.trim();
        if name.is_empty() {
            return Some("the name of a realm must not be empty".to_owned());
        }
        if name == "master" || self.denied.iter().any(|denied| denied.trim() == name) {
            return Some(format!("realm {name:?} is not allowed"));
        }
        match self.identities.realm_exists(name).await {
            Ok(false) => None,
            Ok(true) => Some(format!("realm {name:?} already exists")),
            Err(error) => Some(format!("whether realm {name:?} exists cannot be told: {error}")),
        }
    }
}

/// [`RealmAdmission`] as a service of HTTP requests.
#[derive(Clone)]
pub struct RealmAdmissionService(RealmAdmission);

impl<B> tower::Service<Request<B>> for RealmAdmissionService
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

async fn respond<B>(admission: &RealmAdmission, request: Request<B>) -> Response<Full<Bytes>>
where
    B: http_body::Body + Send,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (parts, body) = request.into_parts();
    if parts.uri.path() != names::IDENTITY_PROVIDER_VALIDATE_PATH {
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
    match admission.answer(&review).await {
        Ok(answer) => {
            let mut response = Response::new(Full::new(Bytes::from(answer.to_string())));
            let json = http::HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
            response
        }
        Err(why) => text(StatusCode::BAD_REQUEST, &why),
    }
}

fn text(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(format!("{text}\n"))));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use identity_provider::{DevelopmentIssuer, Keycloak, RealmSettings, ServiceTransport};
    use runtime::{Clock, Ids};
    use tower::ServiceExt as _;

    use super::*;

    fn admission(base: &str) -> RealmAdmission {
        let issuer =
            DevelopmentIssuer::new("https://portal.test/keycloak", Clock::system(), Ids::seeded(1)).unwrap();
        issuer.add_realm(&RealmSettings::new("taken")).unwrap();
        let secret = issuer.add_admin_client("security-operator");
        let transport = Arc::new(ServiceTransport::new(issuer.router()));
        let identities = Keycloak::new(base, "security-operator", &secret, transport);
        RealmAdmission::new(Arc::new(identities), vec!["denied".to_owned()])
    }

    async fn allowed(admission: &RealmAdmission, operation: &str, name: &str) -> bool {
        let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {"uid": "u", "operation": operation, "object": {"metadata": {"name": name}}}});
        let request = Request::post(names::IDENTITY_PROVIDER_VALIDATE_PATH)
            .body(Full::new(Bytes::from(review.to_string())))
            .unwrap();
        let answer = admission.service().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let answer: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(answer["response"]["uid"], "u");
        answer["response"]["allowed"].as_bool().unwrap()
    }

    #[tokio::test]
    async fn k9_realms_that_are_reserved_or_there_are_refused_and_changes_never() {
        let here = admission("https://portal.test/keycloak");
        assert!(allowed(&here, "CREATE", "acme").await);
        for name in ["master", "denied", "taken", " "] {
            assert!(!allowed(&here, "CREATE", name).await, "{name}");
            assert!(allowed(&here, "UPDATE", name).await, "{name}");
        }
        // Whoever cannot be asked does not say no.
        assert!(!allowed(&admission("https://portal.test/nowhere"), "CREATE", "acme").await);
        let bad =
            Request::post(names::IDENTITY_PROVIDER_VALIDATE_PATH).body(Full::new(Bytes::from("{}"))).unwrap();
        assert_eq!(here.service().oneshot(bad).await.unwrap().status(), StatusCode::BAD_REQUEST);
    }
}
