//! What a server refuses in a chain of authorizers, and what it takes and one should not want.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    authorization::{AuthorizationConfiguration, WebhookAuthorizer},
    duration::parse_duration,
    expressions,
    finding::{Fault, Finding, fault, finding},
};

const TYPES: [&str; 6] = ["RBAC", "Node", "ABAC", "AlwaysAllow", "AlwaysDeny", "Webhook"];
/// Longest time that a server lets a question take.
const TIMEOUT_MAX: Duration = Duration::from_secs(30);
const CONDITIONS_MAX: usize = 64;

/// Everything that keeps a server from starting with this chain.
pub fn validate_authorization(configuration: &AuthorizationConfiguration) -> Vec<Fault> {
    let mut faults = Vec::new();
    if configuration.authorizers.is_empty() {
        faults.push(fault("authorizers", "at least one authorization mode must be defined"));
    }
    let mut kinds = BTreeSet::new();
    let mut names = BTreeSet::new();
    for (index, authorizer) in configuration.authorizers.iter().enumerate() {
        let at = format!("authorizers[{index}]");
        if !TYPES.contains(&authorizer.kind.as_str()) {
            faults.push(fault(
                format!("{at}.type"),
                format!("`{}` is none of {}", authorizer.kind, TYPES.join(", ")),
            ));
        }
        if !kinds.insert(authorizer.kind.as_str()) && authorizer.kind != "Webhook" {
            faults.push(fault(
                format!("{at}.type"),
                "duplicate value: only webhooks may stand here more than once",
            ));
        }
        if authorizer.name.is_empty() {
            faults.push(fault(format!("{at}.name"), "required"));
        } else if !is_subdomain(&authorizer.name) {
            faults.push(fault(format!("{at}.name"), "must be a DNS subdomain: a-z, 0-9, `-` and `.`"));
        } else if !names.insert(authorizer.name.as_str()) {
            faults.push(fault(format!("{at}.name"), "duplicate value"));
        }
        match (&authorizer.webhook, authorizer.kind == "Webhook") {
            (None, true) => faults.push(fault(format!("{at}.webhook"), "required")),
            (Some(_), false) => {
                faults.push(fault(format!("{at}.webhook"), "may only be set for type Webhook"))
            }
            (Some(webhook), true) => validate_webhook(&format!("{at}.webhook"), webhook, &mut faults),
            (None, false) => {}
        }
    }
    faults
}

fn validate_webhook(at: &str, webhook: &WebhookAuthorizer, faults: &mut Vec<Fault>) {
    match parse_duration(&webhook.timeout) {
        Err(_) if webhook.timeout.is_empty() => faults.push(fault(format!("{at}.timeout"), "required")),
        Err(error) => faults.push(fault(format!("{at}.timeout"), error.to_string())),
        Ok(time) if time.is_zero() || time > TIMEOUT_MAX => {
            faults.push(fault(format!("{at}.timeout"), "must be > 0s and <= 30s"));
        }
        Ok(_) => {}
    }
    for (name, ttl) in
        [("authorizedTTL", &webhook.authorized_ttl), ("unauthorizedTTL", &webhook.unauthorized_ttl)]
    {
        match ttl.as_deref().map(parse_duration) {
            Some(Err(error)) => faults.push(fault(format!("{at}.{name}"), error.to_string())),
            Some(Ok(time)) if time.is_zero() => faults.push(fault(format!("{at}.{name}"), "must be > 0s")),
            _ => {}
        }
    }
    let version = webhook.subject_access_review_version.as_str();
    if !["v1", "v1beta1"].contains(&version) {
        faults.push(fault(format!("{at}.subjectAccessReviewVersion"), "must be v1 or v1beta1"));
    }
    if !["NoOpinion", "Deny"].contains(&webhook.failure_policy.as_str()) {
        faults.push(fault(format!("{at}.failurePolicy"), "must be NoOpinion or Deny"));
    }
    let condition_version = webhook.match_condition_subject_access_review_version.as_deref();
    if condition_version.is_some_and(|version| version != "v1")
        || (condition_version.is_none() && !webhook.match_conditions.is_empty())
    {
        faults.push(fault(
            format!("{at}.matchConditionSubjectAccessReviewVersion"),
            "must be v1 if match conditions are specified",
        ));
    }
    if webhook.match_conditions.len() > CONDITIONS_MAX {
        faults.push(fault(format!("{at}.matchConditions"), "must have at most 64 items"));
    }
    expressions::of_webhook(at, webhook, faults);
    let mut seen = BTreeSet::new();
    for (index, condition) in webhook.match_conditions.iter().enumerate() {
        let field = format!("{at}.matchConditions[{index}].expression");
        if condition.expression.trim().is_empty() {
            faults.push(fault(field, "required"));
        } else if !seen.insert(condition.expression.as_str()) {
            faults.push(fault(field, "duplicate value"));
        }
    }
    let file = webhook.connection_info.kube_config_file.as_deref();
    match (webhook.connection_info.kind.as_str(), file) {
        ("InClusterConfig", None) => {}
        ("InClusterConfig", Some(_)) => {
            faults.push(fault(
                format!("{at}.connectionInfo.kubeConfigFile"),
                "can only be set when type=KubeConfigFile",
            ));
        }
        ("KubeConfigFile", None | Some("")) => {
            faults.push(fault(format!("{at}.connectionInfo.kubeConfigFile"), "required"))
        }
        ("KubeConfigFile", Some(path)) if !path.starts_with('/') => {
            faults.push(fault(format!("{at}.connectionInfo.kubeConfigFile"), "must be an absolute path"));
        }
        ("KubeConfigFile", Some(_)) => {}
        _ => faults
            .push(fault(format!("{at}.connectionInfo.type"), "must be KubeConfigFile or InClusterConfig")),
    }
}

fn is_subdomain(name: &str) -> bool {
    name.len() <= 253
        && name.split('.').all(|part| {
            !part.is_empty()
                && part.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-'))
                && !part.starts_with('-')
                && !part.ends_with('-')
        })
}

/// Risks of a chain that a server takes.
pub fn lint_authorization(configuration: &AuthorizationConfiguration) -> Vec<Finding> {
    let mut findings = Vec::new();
    let position =
        |kind: &str| configuration.authorizers.iter().position(|authorizer| authorizer.kind == kind);
    let webhook_first = match (position("Webhook"), position("RBAC")) {
        (Some(webhook), Some(rbac)) => webhook < rbac,
        (Some(_), None) => {
            findings.push(finding(
                "authorizers",
                "without RBAC the control plane's own controllers have no rights when the webhook is away",
                "put RBAC before the webhook",
            ));
            false
        }
        _ => false,
    };
    if let Some(index) = position("AlwaysAllow") {
        findings.push(finding(
            format!("authorizers[{index}].type"),
            "everybody may do everything",
            "take it out",
        ));
    }
    for (index, authorizer) in configuration.authorizers.iter().enumerate() {
        let Some(webhook) = &authorizer.webhook else { continue };
        let at = format!("authorizers[{index}].webhook");
        if webhook_first {
            findings.push(finding(
                format!("authorizers[{index}]"),
                "the webhook stands before RBAC: every request of every controller waits for it, and stops with it",
                "put RBAC before the webhook",
            ));
        }
        lint_webhook(&at, webhook, &mut findings);
    }
    findings
}

fn lint_webhook(at: &str, webhook: &WebhookAuthorizer, findings: &mut Vec<Finding>) {
    if webhook.failure_policy == "Deny" {
        findings.push(finding(
            format!("{at}.failurePolicy"),
            "while the webhook cannot be reached every request is denied, and no later authorizer is asked",
            "use NoOpinion: without an opinion a request is refused too, unless somebody else allows it",
        ));
    }
    if parse_duration(&webhook.timeout).is_ok_and(|time| time > Duration::from_secs(10)) {
        findings.push(finding(
            format!("{at}.timeout"),
            "clients give up before the webhook does, and requests pile up behind a slow one",
            "use 3s",
        ));
    }
    let allowed = webhook.authorized_ttl.as_deref().map_or(Ok(Duration::from_secs(300)), parse_duration);
    let remembers = |switch: Option<bool>| switch != Some(false);
    if remembers(webhook.cache_authorized_requests)
        && allowed.is_ok_and(|time| time > Duration::from_secs(60))
    {
        findings.push(finding(
            format!("{at}.authorizedTTL"),
            "a right that was taken away lives on for as long (5m where nothing is set)",
            "use 30s or less",
        ));
    }
    let refused = webhook.unauthorized_ttl.as_deref().map_or(Ok(Duration::from_secs(30)), parse_duration);
    if remembers(webhook.cache_unauthorized_requests)
        && refused.is_ok_and(|time| time > Duration::from_secs(60))
    {
        findings.push(finding(
            format!("{at}.unauthorizedTTL"),
            "a right that was given does not count for as long",
            "use 30s or less",
        ));
    }
    for (name, switch) in [
        ("cacheAuthorizedRequests", webhook.cache_authorized_requests),
        ("cacheUnauthorizedRequests", webhook.cache_unauthorized_requests),
    ] {
        if !remembers(switch) {
            findings.push(finding(
                format!("{at}.{name}"),
                "every such request waits for the webhook, and one client's loop is the webhook's load",
                "let answers be remembered for a few seconds",
            ));
        }
    }
    if webhook.subject_access_review_version == "v1beta1" {
        findings.push(finding(
            format!("{at}.subjectAccessReviewVersion"),
            "v1beta1 names groups in another field, which newer webhooks do not read",
            "use v1",
        ));
    }
    let asks =
        |text: &str| webhook.match_conditions.iter().any(|condition| condition.expression.contains(text));
    let speaks_of_resources = asks("resourceAttributes.");
    if !asks("has(request.resourceAttributes)") {
        let risk = if speaks_of_resources {
            "the conditions fail for requests that are for no resource, and the failure policy decides"
        } else {
            "requests that are for no resource are sent too, and a relationship question says nothing about them"
        };
        findings.push(finding(
            format!("{at}.matchConditions"),
            risk,
            "put `has(request.resourceAttributes)` first",
        ));
    }
    if !asks("rbac.authorization.k8s.io") {
        findings.push(finding(
            format!("{at}.matchConditions"),
            "relationships may decide about roles and bindings, and so about their own borders",
            r#"add `request.resourceAttributes.group != "rbac.authorization.k8s.io"`"#,
        ));
    }
}
