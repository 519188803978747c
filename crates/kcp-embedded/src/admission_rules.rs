//! Which writes an admission configuration speaks of: rules and selectors, as webhooks and policies share them.

use apiserver::{LabelSelector, admission::Attributes};
use serde_json::Value;

use crate::{core::Core, kinds, records::strings};

/// One rule: operations on resources.
#[derive(Clone, Debug, Default)]
struct Rule {
    operations: Vec<String>,
    groups: Vec<String>,
    versions: Vec<String>,
    resources: Vec<String>,
    /// Names of objects; none for all.
    names: Vec<String>,
    scope: String,
}

/// Rules and selectors of one webhook, policy or binding.
#[derive(Clone, Debug)]
pub(crate) struct Matcher {
    rules: Vec<Rule>,
    excluded: Vec<Rule>,
    /// Whether a matcher without rules speaks of everything, as a policy binding does.
    is_open: bool,
    /// `matchPolicy: Equivalent`: other versions of the resource count as well.
    is_equivalent: bool,
    namespace_selector: LabelSelector,
    object_selector: LabelSelector,
}

impl Matcher {
    /// The matcher of a webhook.
    pub(crate) fn of_webhook(webhook: &Value) -> Self {
        Self::read(webhook, "rules", false)
    }

    /// The matcher of a policy, from its `matchConstraints`.
    pub(crate) fn of_policy(constraints: &Value) -> Self {
        Self::read(constraints, "resourceRules", false)
    }

    /// The matcher of a policy binding, from its `matchResources`: without rules it narrows nothing.
    pub(crate) fn of_binding(resources: &Value) -> Self {
        Self::read(resources, "resourceRules", true)
    }

    fn read(value: &Value, rules: &str, is_open: bool) -> Self {
        let all = |field: &str| value[field].as_array().into_iter().flatten().map(Rule::read).collect();
        let selector = |field: &str| LabelSelector::from_value(&value[field]).unwrap_or_default();
        Self {
            rules: all(rules),
            excluded: all("excludeResourceRules"),
            is_open,
            is_equivalent: value["matchPolicy"].as_str() != Some("Exact"),
            namespace_selector: selector("namespaceSelector"),
            object_selector: selector("objectSelector"),
        }
    }

    /// Whether the write is spoken of.
    pub(crate) async fn matches(&self, core: &Core, attributes: &Attributes<'_>) -> bool {
        let covered = |rules: &[Rule]| rules.iter().any(|rule| rule.covers(self.is_equivalent, attributes));
        if covered(&self.excluded) || !(covered(&self.rules) || self.is_open && self.rules.is_empty()) {
            return false;
        }
        let selected = self.object_selector.is_empty()
            || [&attributes.object, &attributes.old]
                .iter()
                .any(|o| o.is_object() && self.object_selector.matches(o));
        selected && self.in_namespace(core, attributes).await
    }

    /// Cluster-wide objects pass every namespace selector; a namespace is judged by its own labels.
    async fn in_namespace(&self, core: &Core, attributes: &Attributes<'_>) -> bool {
        if self.namespace_selector.is_empty() {
            return true;
        }
        let resource = attributes.resource;
        if resource.gvk.group.is_empty() && &*resource.plural == "namespaces" {
            let object = if attributes.object.is_object() { &attributes.object } else { &attributes.old };
            return self.namespace_selector.matches(object);
        }
        if attributes.namespace.is_empty() {
            return true;
        }
        let namespace = core.read(attributes.partition, &kinds::namespaces(), attributes.namespace).await;
        namespace.is_some_and(|namespace| self.namespace_selector.matches(&namespace))
    }
}

impl Rule {
    fn read(value: &Value) -> Self {
        let texts = |field: &str| strings(&value[field]).into_iter().map(str::to_owned).collect();
        Self {
            operations: texts("operations"),
            groups: texts("apiGroups"),
            versions: texts("apiVersions"),
            resources: texts("resources"),
            names: texts("resourceNames"),
            scope: value["scope"].as_str().unwrap_or("*").to_owned(),
        }
    }

    fn covers(&self, any_version: bool, attributes: &Attributes<'_>) -> bool {
        let has = |list: &[String], wanted: &str| list.iter().any(|item| item == "*" || item == wanted);
        let resource = attributes.resource;
        let scope = match self.scope.as_str() {
            "Namespaced" => resource.namespaced,
            "Cluster" => !resource.namespaced,
            _ => true,
        };
        scope
            && has(&self.operations, attributes.operation.as_str())
            && has(&self.groups, &resource.gvk.group)
            && (any_version || has(&self.versions, &resource.gvk.version))
            && (self.names.is_empty() || self.names.iter().any(|name| name == attributes.name))
            && self.resources.iter().any(|pattern| names(pattern, &resource.plural, attributes.subresource))
    }
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
