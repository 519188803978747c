//! Answers AdmissionReviews: what a client wrote is stamped with its creator, and checked.

mod account;
mod creator;

use std::sync::Arc;

use account_model::admission::{AdmissionRules, Place};
use multicluster::{AdmissionAnswer, AdmissionReview, AdmissionService, Admit, Fleet, ProviderName};
use platform_mesh_api::names;
use serde_json::Value;

use crate::metrics::AccountMetrics;

/// Both admission answers for Accounts. Clones share state.
#[derive(Clone)]
pub struct Admission(Arc<Inner>);

struct Inner {
    rules: AdmissionRules,
    tree: Option<(Fleet, ProviderName)>,
    metrics: AccountMetrics,
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
    pub fn service(&self) -> AdmissionService<Self> {
        AdmissionService::new(self.clone())
    }
}

impl Admit for Admission {
    fn serves(&self, path: &str) -> bool {
        [names::ACCOUNT_MUTATE_PATH, names::ACCOUNT_VALIDATE_PATH].contains(&path)
    }

    async fn admit(&self, path: &str, review: AdmissionReview<'_>) -> Result<AdmissionAnswer, String> {
        match path {
            names::ACCOUNT_MUTATE_PATH => creator::stamp(&review),
            _ => account::check(&self.0, &review),
        }
    }
}

impl Inner {
    /// Where an object lies, by the annotation that kcp puts on everything.
    fn place(&self, object: &Value) -> Place {
        let cluster = object["metadata"]["annotations"][kcp_api::keys::CLUSTER].as_str();
        let orgs = self.tree.as_ref().and_then(|(fleet, provider)| fleet.resolve_in(provider, names::ORGS));
        match (cluster, orgs) {
            (Some(cluster), Some(orgs)) if orgs.id().as_str() == cluster => Place::Orgs,
            (Some(_), Some(_)) => Place::Elsewhere,
            _ => Place::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use account_model::names::AccountTypes;
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use bytes::Bytes;
    use http::Request;
    use http_body_util::{BodyExt as _, Full};
    use multicluster::REVIEW_BYTES_MAX;
    use runtime::Metrics;
    use serde_json::json;
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
        assert_eq!(
            post(&admission, names::ACCOUNT_MUTATE_PATH, &vec![b' '; REVIEW_BYTES_MAX + 1]).await.0,
            413
        );
    }
}
