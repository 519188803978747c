//! AuthorizationConfiguration: the chain of authorizers of a server, with the webhook of the mesh.

use serde::{Deserialize, Serialize};

use crate::{
    authentication::null_default,
    read::{GROUP, ReadError, read_file, to_text, typed},
};

/// The chain; the first authorizer with an opinion decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorizationConfiguration {
    /// `apiserver.config.k8s.io/v1`, `v1beta1` or `v1alpha1`; all mean the same.
    #[serde(rename = "apiVersion")]
    pub api_version: String,
    /// `AuthorizationConfiguration`.
    pub kind: String,
    /// Asked in this order.
    #[serde(default, deserialize_with = "null_default")]
    pub authorizers: Vec<Authorizer>,
}

/// One link of the chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authorizer {
    /// `RBAC`, `Node`, `ABAC`, `AlwaysAllow`, `AlwaysDeny` or `Webhook`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Name in metrics and logs, unique in the chain.
    #[serde(default)]
    pub name: String,
    /// The webhook, for type `Webhook`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookAuthorizer>,
}

/// A webhook that answers SubjectAccessReviews.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct WebhookAuthorizer {
    /// How long an allowed answer is remembered; 5m where absent.
    #[serde(rename = "authorizedTTL", skip_serializing_if = "Option::is_none")]
    pub authorized_ttl: Option<String>,
    /// Whether allowed answers are remembered at all; they are where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_authorized_requests: Option<bool>,
    /// How long another answer is remembered; 30s where absent.
    #[serde(rename = "unauthorizedTTL", skip_serializing_if = "Option::is_none")]
    pub unauthorized_ttl: Option<String>,
    /// Whether other answers are remembered at all; they are where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_unauthorized_requests: Option<bool>,
    /// How long one question may take; at most 30s.
    pub timeout: String,
    /// Version of the reviews that are sent: `v1` or `v1beta1`.
    pub subject_access_review_version: String,
    /// Version that the conditions are written for: `v1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub match_condition_subject_access_review_version: Option<String>,
    /// What no answer means: `NoOpinion` or `Deny`.
    pub failure_policy: String,
    /// Where the webhook is.
    pub connection_info: ConnectionInfo,
    /// Only requests that meet all of these are sent.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub match_conditions: Vec<MatchCondition>,
}

/// Where a webhook is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ConnectionInfo {
    /// `KubeConfigFile` or `InClusterConfig`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Absolute path of a kubeconfig whose server is the webhook's URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kube_config_file: Option<String>,
}

/// A condition on requests, in CEL over `request`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatchCondition {
    /// The expression.
    pub expression: String,
}

/// What differs from mesh to mesh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookSource {
    /// Absolute path of the kubeconfig whose server is the webhook's URL.
    pub kubeconfig: String,
    /// How long one question may take, in seconds.
    pub timeout_seconds: u32,
    /// How long an answer is remembered, in seconds. A revoked right lives on for as long.
    pub remembered_seconds: u32,
}

impl WebhookSource {
    /// A webhook with the usual times: 3 s to answer, remembered for 30 s.
    pub fn new(kubeconfig: impl Into<String>) -> Self {
        Self { kubeconfig: kubeconfig.into(), timeout_seconds: 3, remembered_seconds: 30 }
    }
}

impl AuthorizationConfiguration {
    /// The kind's name.
    pub const KIND: &str = "AuthorizationConfiguration";

    /// The chain of a mesh: RBAC, Node, then the webhook, asked about resources only, never about RBAC itself, and
    /// without an opinion when it cannot be reached.
    pub fn platform_mesh(webhook: &WebhookSource) -> Self {
        let local =
            |kind: &str| Authorizer { kind: kind.to_owned(), name: kind.to_lowercase(), webhook: None };
        let remembered = format!("{}s", webhook.remembered_seconds);
        let condition = |expression: &str| MatchCondition { expression: expression.to_owned() };
        let webhook = WebhookAuthorizer {
            authorized_ttl: Some(remembered.clone()),
            cache_authorized_requests: None,
            unauthorized_ttl: Some(remembered),
            cache_unauthorized_requests: None,
            timeout: format!("{}s", webhook.timeout_seconds),
            subject_access_review_version: "v1".to_owned(),
            match_condition_subject_access_review_version: Some("v1".to_owned()),
            failure_policy: "NoOpinion".to_owned(),
            connection_info: ConnectionInfo {
                kind: "KubeConfigFile".to_owned(),
                kube_config_file: Some(webhook.kubeconfig.clone()),
            },
            match_conditions: vec![
                condition("has(request.resourceAttributes)"),
                condition(r#"request.resourceAttributes.group != "rbac.authorization.k8s.io""#),
            ],
        };
        Self {
            api_version: format!("{GROUP}/v1beta1"),
            kind: Self::KIND.to_owned(),
            authorizers: vec![
                local("RBAC"),
                local("Node"),
                Authorizer {
                    kind: "Webhook".to_owned(),
                    name: "authz-webhook".to_owned(),
                    webhook: Some(webhook),
                },
            ],
        }
    }

    /// Reads YAML or JSON as a server does: a field that it does not know is refused.
    ///
    /// # Errors
    /// Text that is too large or cannot be read, another kind, a field of another type, an unknown field.
    pub fn read(text: &[u8]) -> Result<Self, ReadError> {
        typed(&read_file(text, Self::KIND)?)
    }

    /// The file's text: indented JSON, which is YAML, with fields in a fixed order. Equal values give equal bytes.
    pub fn to_text(&self) -> String {
        to_text(self)
    }
}
