//! Admission webhooks: stored, defaulted and checked here; the host calls them.

use serde_json::{Value, json};

use super::row::{age, built_in, column};
use super::{admission_policies, cells};
use crate::admission::{Conditions, webhook_environment};
use crate::error::Cause;
use crate::resource::ServedResource;
use crate::strategy::ResourceStrategy;

pub(super) const GROUP: &str = "admissionregistration.k8s.io";

pub(super) fn resources() -> Vec<ServedResource> {
    let webhooks = |kind: &str, plural: &str, mutating: bool| ServedResource {
        columns: vec![column("Webhooks", "integer", ""), age()],
        categories: vec!["api-extensions".to_owned()],
        ..built_in(GROUP, "v1", kind, plural, false, Webhooks { mutating })
    };
    vec![
        webhooks("MutatingWebhookConfiguration", "mutatingwebhookconfigurations", true),
        admission_policies::policy(),
        admission_policies::binding(),
        webhooks("ValidatingWebhookConfiguration", "validatingwebhookconfigurations", false),
    ]
}

struct Webhooks {
    mutating: bool,
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

impl ResourceStrategy for Webhooks {
    fn allows_unconditional_update(&self) -> bool {
        true
    }

    fn default(&self, object: &mut Value) {
        for hook in object.get_mut("webhooks").and_then(Value::as_array_mut).into_iter().flatten() {
            let Some(map) = hook.as_object_mut() else { continue };
            map.entry("failurePolicy").or_insert_with(|| "Fail".into());
            map.entry("matchPolicy").or_insert_with(|| "Equivalent".into());
            map.entry("namespaceSelector").or_insert_with(|| json!({}));
            map.entry("objectSelector").or_insert_with(|| json!({}));
            map.entry("timeoutSeconds").or_insert_with(|| 10.into());
            if self.mutating {
                map.entry("reinvocationPolicy").or_insert_with(|| "Never".into());
            }
            for rule in map.get_mut("rules").and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(rule) = rule.as_object_mut() {
                    rule.entry("scope").or_insert_with(|| "*".into());
                }
            }
        }
    }

    fn validate(&self, object: &Value, _old: Option<&Value>) -> Vec<Cause> {
        let mut causes = Vec::new();
        let mut names: Vec<&str> = Vec::new();
        for (i, hook) in list(object, "webhooks").iter().enumerate() {
            let path = format!("webhooks[{i}]");
            let name = hook.get("name").and_then(Value::as_str).unwrap_or_default();
            if name.split('.').filter(|p| !p.is_empty()).count() < 3 {
                let why = "should be a domain with at least three segments separated by dots";
                causes.push(Cause::invalid(format!("{path}.name"), &name.into(), why));
            }
            if names.contains(&name) {
                let text = format!("Duplicate value: \"{name}\"");
                causes.push(Cause::field("FieldValueDuplicate", format!("{path}.name"), text));
            }
            names.push(name);
            hook_faults(hook, &path, &mut causes);
        }
        causes
    }

    fn cell(&self, object: &Value, column: &str) -> Option<Value> {
        (column == "Webhooks").then(|| cells::count(object, &["webhooks"]))
    }
}

fn hook_faults(hook: &Value, path: &str, causes: &mut Vec<Cause>) {
    let text = |key: &str| hook.get(key).and_then(Value::as_str).unwrap_or_default();
    if list(hook, "admissionReviewVersions").is_empty() {
        let field = format!("{path}.admissionReviewVersions");
        causes.push(Cause::required(field, "must specify one of v1, v1beta1"));
    }
    match text("sideEffects") {
        "" => causes
            .push(Cause::required(format!("{path}.sideEffects"), "must specify one of None, NoneOnDryRun")),
        "None" | "NoneOnDryRun" => {}
        other => {
            let supported = ["None", "NoneOnDryRun"];
            causes.push(Cause::not_supported(format!("{path}.sideEffects"), &other.into(), &supported));
        }
    }
    if !matches!(text("failurePolicy"), "Fail" | "Ignore") {
        let field = format!("{path}.failurePolicy");
        causes.push(Cause::not_supported(field, &text("failurePolicy").into(), &["Fail", "Ignore"]));
    }
    let seconds = hook.get("timeoutSeconds").and_then(Value::as_i64).unwrap_or(10);
    if !(1..=30).contains(&seconds) {
        let why = "the timeout value must be between 1 and 30 seconds";
        causes.push(Cause::invalid(format!("{path}.timeoutSeconds"), &seconds.into(), why));
    }
    let conditions = hook.get("matchConditions").unwrap_or(&Value::Null);
    causes.extend(Conditions::faults(conditions, &format!("{path}.matchConditions"), webhook_environment()));
    let client = hook.get("clientConfig").unwrap_or(&Value::Null);
    let has = |key: &str| client.get(key).is_some_and(|v| !v.is_null());
    if has("url") == has("service") {
        let why = "exactly one of url or service is required";
        causes.push(Cause::required(format!("{path}.clientConfig"), why));
    }
    for (i, rule) in list(hook, "rules").iter().enumerate() {
        for key in ["operations", "apiGroups", "apiVersions", "resources"] {
            if list(rule, key).is_empty() {
                causes.push(Cause::required(format!("{path}.rules[{i}].{key}"), ""));
            }
        }
    }
}
