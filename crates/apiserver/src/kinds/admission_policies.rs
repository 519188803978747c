//! ValidatingAdmissionPolicies and their bindings: stored, defaulted and checked here; the host puts them into force.

use serde_json::{Value, json};

use super::admission_configurations::GROUP;
use super::row::{age, built_in, column};
use crate::admission::Policy;
use crate::error::Cause;
use crate::resource::{ServedResource, Subresources};
use crate::strategy::ResourceStrategy;

pub(super) fn policy() -> ServedResource {
    ServedResource {
        categories: vec!["api-extensions".to_owned()],
        subresources: Subresources { status: true, ..Subresources::default() },
        columns: vec![column("Validations", "integer", ""), column("ParamKind", "string", ""), age()],
        ..built_in(GROUP, "v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies", false, Policies)
    }
}

pub(super) fn binding() -> ServedResource {
    ServedResource {
        categories: vec!["api-extensions".to_owned()],
        columns: vec![
            column("PolicyName", "string", ".spec.policyName"),
            column("ParamRef", "string", ""),
            age(),
        ],
        ..built_in(
            GROUP,
            "v1",
            "ValidatingAdmissionPolicyBinding",
            "validatingadmissionpolicybindings",
            false,
            Bindings,
        )
    }
}

fn list<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn default_matching(matching: Option<&mut Value>) {
    let Some(map) = matching.and_then(Value::as_object_mut) else { return };
    map.entry("matchPolicy").or_insert_with(|| "Equivalent".into());
    map.entry("namespaceSelector").or_insert_with(|| json!({}));
    map.entry("objectSelector").or_insert_with(|| json!({}));
    for rules in ["resourceRules", "excludeResourceRules"] {
        for rule in map.get_mut(rules).and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(rule) = rule.as_object_mut() {
                rule.entry("scope").or_insert_with(|| "*".into());
            }
        }
    }
}

fn matching_faults(matching: &Value, path: &str, causes: &mut Vec<Cause>) {
    for rules in ["resourceRules", "excludeResourceRules"] {
        for (index, rule) in list(matching, &format!("/{rules}")).iter().enumerate() {
            for key in ["operations", "apiGroups", "apiVersions", "resources"] {
                if list(rule, &format!("/{key}")).is_empty() {
                    causes.push(Cause::required(format!("{path}.{rules}[{index}].{key}"), ""));
                }
            }
        }
    }
}

struct Policies;

impl ResourceStrategy for Policies {
    fn allows_unconditional_update(&self) -> bool {
        true
    }

    fn default(&self, object: &mut Value) {
        if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
            spec.entry("failurePolicy").or_insert_with(|| "Fail".into());
            default_matching(spec.get_mut("matchConstraints"));
        }
    }

    fn validate(&self, object: &Value, _old: Option<&Value>) -> Vec<Cause> {
        let mut causes = Vec::new();
        let spec = object.get("spec").unwrap_or(&Value::Null);
        match spec.get("matchConstraints").filter(|m| m.is_object()) {
            None => causes.push(Cause::required("spec.matchConstraints", "")),
            Some(matching) => {
                if list(matching, "/resourceRules").is_empty() {
                    causes.push(Cause::required("spec.matchConstraints.resourceRules", ""));
                }
                matching_faults(matching, "spec.matchConstraints", &mut causes);
            }
        }
        if list(spec, "/validations").is_empty() && list(spec, "/auditAnnotations").is_empty() {
            let why = "validations or auditAnnotations must contain at least one item";
            causes.push(Cause::required("spec.validations", why));
        }
        if let Some(kind) = spec.get("paramKind").filter(|k| k.is_object()) {
            for field in ["apiVersion", "kind"] {
                if kind.get(field).and_then(Value::as_str).is_none_or(str::is_empty) {
                    causes.push(Cause::required(format!("spec.paramKind.{field}"), ""));
                }
            }
        }
        let failure = spec.get("failurePolicy").unwrap_or(&Value::Null);
        if !matches!(failure.as_str(), Some("Fail" | "Ignore")) {
            causes.push(Cause::not_supported("spec.failurePolicy", failure, &["Fail", "Ignore"]));
        }
        causes.extend(Policy::faults(object));
        causes
    }

    fn cell(&self, object: &Value, column: &str) -> Option<Value> {
        match column {
            "Validations" => Some(list(object, "/spec/validations").len().into()),
            "ParamKind" => {
                let kind = &object["spec"]["paramKind"];
                let text = |field: &str| kind[field].as_str().unwrap_or_default().to_owned();
                let shown = format!("{}/{}", text("apiVersion"), text("kind"));
                Some(if kind.is_object() { shown.into() } else { "<unset>".into() })
            }
            _ => None,
        }
    }
}

struct Bindings;

const ACTIONS: [&str; 3] = ["Audit", "Deny", "Warn"];

impl ResourceStrategy for Bindings {
    fn allows_unconditional_update(&self) -> bool {
        true
    }

    fn default(&self, object: &mut Value) {
        default_matching(object.get_mut("spec").and_then(|spec| spec.get_mut("matchResources")));
    }

    fn validate(&self, object: &Value, _old: Option<&Value>) -> Vec<Cause> {
        let mut causes = Vec::new();
        let spec = object.get("spec").unwrap_or(&Value::Null);
        if spec.get("policyName").and_then(Value::as_str).is_none_or(str::is_empty) {
            causes.push(Cause::required("spec.policyName", ""));
        }
        let actions: Vec<&str> = list(spec, "/validationActions").iter().filter_map(Value::as_str).collect();
        if actions.is_empty() {
            causes.push(Cause::required(
                "spec.validationActions",
                "at least one validation action is required",
            ));
        }
        for (index, action) in actions.iter().enumerate() {
            let path = format!("spec.validationActions[{index}]");
            if !ACTIONS.contains(action) {
                causes.push(Cause::not_supported(path, &(*action).into(), &ACTIONS));
            } else if actions.iter().take(index).any(|a| a == action) {
                causes.push(Cause::field(
                    "FieldValueDuplicate",
                    path,
                    format!("Duplicate value: \"{action}\""),
                ));
            }
        }
        if actions.contains(&"Deny") && actions.contains(&"Warn") {
            let why = "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)";
            causes.push(Cause::invalid("spec.validationActions", &spec["validationActions"], why));
        }
        if let Some(reference) = spec.get("paramRef").filter(|r| r.is_object()) {
            param_ref_faults(reference, &mut causes);
        }
        matching_faults(&spec["matchResources"], "spec.matchResources", &mut causes);
        causes
    }

    fn cell(&self, object: &Value, column: &str) -> Option<Value> {
        if column != "ParamRef" {
            return None;
        }
        let reference = &object["spec"]["paramRef"];
        let text = |field: &str| reference[field].as_str().filter(|t| !t.is_empty());
        Some(match (text("namespace"), text("name")) {
            (_, None) if reference["selector"].is_object() => "*".into(),
            (_, None) => "<unset>".into(),
            (None, Some(name)) => name.into(),
            (Some(namespace), Some(name)) => format!("{namespace}/{name}").into(),
        })
    }
}

fn param_ref_faults(reference: &Value, causes: &mut Vec<Cause>) {
    let is_named = reference["name"].as_str().is_some_and(|name| !name.is_empty());
    if is_named == reference["selector"].is_object() {
        causes.push(Cause::required("spec.paramRef.name", "one of name or selector must be specified"));
    }
    let action = &reference["parameterNotFoundAction"];
    if !matches!(action.as_str(), Some("Allow" | "Deny")) {
        causes.push(Cause::required("spec.paramRef.parameterNotFoundAction", "must be Allow or Deny"));
    }
}
