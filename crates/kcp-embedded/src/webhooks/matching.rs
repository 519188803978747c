//! Whether a webhook wants to see a write: rules, then selectors.

use apiserver::{ApiError, admission::Attributes};
use serde_json::Value;

use super::configurations::{Rule, Webhook};
use crate::{core::Core, kinds};

/// Whether the webhook is asked.
///
/// # Errors
/// 500 if it carries match conditions, which are not evaluated here: skipping it could let a write pass that it refuses.
pub(super) async fn wants(
    core: &Core,
    webhook: &Webhook,
    attributes: &Attributes<'_>,
) -> Result<bool, ApiError> {
    if !webhook.rules.iter().any(|rule| covers(rule, webhook.is_equivalent, attributes)) {
        return Ok(false);
    }
    let selected = webhook.object_selector.is_empty()
        || [&attributes.object, &attributes.old]
            .iter()
            .any(|o| o.is_object() && webhook.object_selector.matches(o));
    if !selected || !in_namespace(core, webhook, attributes).await {
        return Ok(false);
    }
    if webhook.has_match_conditions {
        let text =
            format!("webhook \"{}\" has matchConditions, which this server does not evaluate", webhook.name);
        return Err(ApiError::internal(text));
    }
    Ok(true)
}

fn covers(rule: &Rule, any_version: bool, attributes: &Attributes<'_>) -> bool {
    let has = |list: &[String], wanted: &str| list.iter().any(|item| item == "*" || item == wanted);
    let resource = attributes.resource;
    let scope = match rule.scope.as_str() {
        "Namespaced" => resource.namespaced,
        "Cluster" => !resource.namespaced,
        _ => true,
    };
    scope
        && has(&rule.operations, attributes.operation.as_str())
        && has(&rule.groups, &resource.gvk.group)
        && (any_version || has(&rule.versions, &resource.gvk.version))
        && rule.resources.iter().any(|pattern| names(pattern, &resource.plural, attributes.subresource))
}

fn names(pattern: &str, resource: &str, subresource: Option<&str>) -> bool {
    let (wanted, below) = match pattern.split_once('/') {
        Some((wanted, below)) => (wanted, Some(below)),
        None => (pattern, None),
    };
    let same = wanted == "*" || wanted == resource;
    match (below, subresource) {
        (None, None) => same,
        (Some("*"), Some(_)) => same,
        (Some("*"), None) => same && wanted == "*",
        (Some(below), Some(subresource)) => same && below == subresource,
        _ => false,
    }
}

/// Cluster-wide objects pass every namespace selector; a namespace is judged by its own labels.
async fn in_namespace(core: &Core, webhook: &Webhook, attributes: &Attributes<'_>) -> bool {
    if webhook.namespace_selector.is_empty() {
        return true;
    }
    let is_namespace =
        attributes.resource.gvk.group.is_empty() && &*attributes.resource.plural == "namespaces";
    if is_namespace {
        let object = if attributes.object.is_object() { &attributes.object } else { &attributes.old };
        return webhook.namespace_selector.matches(object);
    }
    if attributes.namespace.is_empty() {
        return true;
    }
    let namespace: Option<Value> =
        core.read(attributes.partition, &kinds::namespaces(), attributes.namespace).await;
    namespace.is_some_and(|namespace| webhook.namespace_selector.matches(&namespace))
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn dev_16_webhook_rules_name_resources_and_subresources_as_kubernetes_does() {
        assert!(names("accounts", "accounts", None));
        assert!(!names("accounts", "accounts", Some("status")));
        assert!(names("accounts/status", "accounts", Some("status")));
        assert!(names("*/*", "accounts", None) && names("*/*", "accounts", Some("status")));
        assert!(names("*", "accounts", None) && !names("*", "accounts", Some("status")));
    }
}
