//! Answers AdmissionReviews of IdentityProviderConfigurations: nobody may ask for a realm that is reserved or there.

use std::sync::Arc;

use identity_provider::IdentityProvider;
use multicluster::{AdmissionAnswer, AdmissionReview, AdmissionService, Admit};
use platform_mesh_api::names;

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
    pub fn service(&self) -> AdmissionService<Self> {
        AdmissionService::new(self.clone())
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

impl Admit for RealmAdmission {
    fn serves(&self, path: &str) -> bool {
        path == names::IDENTITY_PROVIDER_VALIDATE_PATH
    }

    async fn admit(&self, _: &str, review: AdmissionReview<'_>) -> Result<AdmissionAnswer, String> {
        // Finalizers and status of what is there must never be held up.
        let refusal = match review.operation {
            "CREATE" => self.refusal(review.name).await,
            _ => None,
        };
        Ok(refusal.map_or(AdmissionAnswer::Allowed, AdmissionAnswer::Denied))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{Request, StatusCode};
    use http_body_util::{BodyExt as _, Full};
    use identity_provider::{DevelopmentIssuer, Keycloak, RealmSettings, ServiceTransport};
    use runtime::{Clock, Ids};
    use serde_json::{Value, json};
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
