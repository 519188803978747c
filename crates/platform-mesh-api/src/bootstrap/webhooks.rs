//! Admission of Accounts and realms. kcp takes the webhook configurations of a bound kind from the workspace of its
//! export, so that one registration covers all workspaces.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    Parameters, WebhookEndpoint,
    step::{Phase, Step},
};
use crate::names;

struct Webhook {
    kind: &'static str,
    object: &'static str,
    webhook: &'static str,
    path: &'static str,
    operations: &'static [&'static str],
    resource: &'static str,
}

const ACCOUNT_WEBHOOKS: [Webhook; 2] = [
    Webhook {
        kind: "MutatingWebhookConfiguration",
        object: "account-operator.webhooks.core.platform-mesh.io",
        webhook: "maccount.kb.io",
        path: names::ACCOUNT_MUTATE_PATH,
        operations: &["CREATE"],
        resource: "accounts",
    },
    Webhook {
        kind: "ValidatingWebhookConfiguration",
        object: "organization-validator.webhooks.core.platform-mesh.io",
        webhook: "organization.validation.platform-mesh.ui",
        path: names::ACCOUNT_VALIDATE_PATH,
        operations: &["CREATE", "UPDATE"],
        resource: "accounts",
    },
];

const IDENTITY_WEBHOOKS: [Webhook; 1] = [Webhook {
    kind: "ValidatingWebhookConfiguration",
    object: "identityproviderconfiguration-validator.webhooks.core.platform-mesh.io",
    webhook: "identityproviderconfiguration.validation.platform-mesh.io",
    path: names::IDENTITY_PROVIDER_VALIDATE_PATH,
    operations: &["CREATE", "UPDATE"],
    resource: "identityproviderconfigurations",
}];

pub(super) fn steps(parameters: &Parameters) -> Vec<Step> {
    let accounts = parameters
        .account_webhook
        .iter()
        .flat_map(|endpoint| ACCOUNT_WEBHOOKS.iter().map(move |webhook| configuration(webhook, endpoint)));
    let identities = parameters
        .identity_webhook
        .iter()
        .flat_map(|endpoint| IDENTITY_WEBHOOKS.iter().map(move |webhook| configuration(webhook, endpoint)));
    accounts
        .chain(identities)
        .map(|object| Step::new(names::SYSTEM, object).in_phase(Phase::Admission))
        .collect()
}

fn configuration(webhook: &Webhook, endpoint: &WebhookEndpoint) -> Value {
    let url = format!("{}{}", endpoint.base_url.trim_end_matches('/'), webhook.path);
    let mut client = json!({"url": url});
    if let Some(ca) = &endpoint.ca {
        client["caBundle"] = json!(STANDARD.encode(ca));
    }
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": webhook.kind,
        "metadata": {"name": webhook.object},
        "webhooks": [{
            "name": webhook.webhook,
            "admissionReviewVersions": ["v1"],
            "clientConfig": client,
            "failurePolicy": "Fail",
            "sideEffects": "None",
            "timeoutSeconds": 30,
            "rules": [{
                "apiGroups": [names::GROUP],
                "apiVersions": [names::VERSION],
                "operations": webhook.operations,
                "resources": [webhook.resource],
            }],
        }],
    })
}
