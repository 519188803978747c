//! Roles and bindings.

use serde_json::Value;

use super::cells;
use super::row::{age, built_in, column, wide};
use crate::error::Cause;
use crate::name_rules::path_segment_fault;
use crate::resource::ServedResource;
use crate::strategy::ResourceStrategy;

const GROUP: &str = "rbac.authorization.k8s.io";

pub(super) fn resources() -> Vec<ServedResource> {
    let role = |kind: &str, plural: &str, namespaced: bool| ServedResource {
        columns: vec![column("Created At", "string", ".metadata.creationTimestamp")],
        ..built_in(GROUP, "v1", kind, plural, namespaced, Roles { namespaced })
    };
    let binding = |kind: &str, plural: &str, namespaced: bool| ServedResource {
        columns: vec![
            column("Role", "string", ""),
            age(),
            wide("Users", "string", ""),
            wide("Groups", "string", ""),
            wide("ServiceAccounts", "string", ""),
        ],
        ..built_in(GROUP, "v1", kind, plural, namespaced, Bindings { namespaced })
    };
    vec![
        binding("ClusterRoleBinding", "clusterrolebindings", false),
        role("ClusterRole", "clusterroles", false),
        binding("RoleBinding", "rolebindings", true),
        role("Role", "roles", true),
    ]
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

struct Roles {
    namespaced: bool,
}

impl ResourceStrategy for Roles {
    fn name_fault(&self, name: &str) -> Option<String> {
        path_segment_fault(name)
    }

    fn allows_unconditional_update(&self) -> bool {
        true
    }

    fn allows_create_on_update(&self) -> bool {
        true
    }

    fn counts_generation(&self) -> bool {
        false
    }

    fn default(&self, object: &mut Value) {
        // Kubernetes writes the field even where it is empty.
        if let Some(map) = object.as_object_mut() {
            let rules = map.entry("rules").or_insert(Value::Null);
            if rules.as_array().is_some_and(Vec::is_empty) {
                *rules = Value::Null;
            }
        }
    }

    fn validate(&self, object: &Value, _old: Option<&Value>) -> Vec<Cause> {
        let mut causes = Vec::new();
        for (i, rule) in list(object, "rules").iter().enumerate() {
            let at = |field: &str| format!("rules[{i}].{field}");
            if list(rule, "verbs").is_empty() {
                causes.push(Cause::required(at("verbs"), "verbs must contain at least one value"));
            }
            if !list(rule, "nonResourceURLs").is_empty() {
                if self.namespaced {
                    let why = "namespaced rules cannot apply to non-resource URLs";
                    causes.push(Cause::invalid(at("nonResourceURLs"), &rule["nonResourceURLs"], why));
                }
                let mixed =
                    ["apiGroups", "resources", "resourceNames"].iter().any(|f| !list(rule, f).is_empty());
                if mixed {
                    let why = "rules cannot apply to both regular resources and non-resource URLs";
                    causes.push(Cause::invalid(at("nonResourceURLs"), &rule["nonResourceURLs"], why));
                }
                continue;
            }
            if list(rule, "apiGroups").is_empty() {
                causes.push(Cause::required(
                    at("apiGroups"),
                    "resource rules must supply at least one api group",
                ));
            }
            if list(rule, "resources").is_empty() {
                causes.push(Cause::required(
                    at("resources"),
                    "resource rules must supply at least one resource",
                ));
            }
        }
        causes
    }
}

struct Bindings {
    namespaced: bool,
}

impl ResourceStrategy for Bindings {
    fn name_fault(&self, name: &str) -> Option<String> {
        path_segment_fault(name)
    }

    fn allows_unconditional_update(&self) -> bool {
        true
    }

    fn allows_create_on_update(&self) -> bool {
        true
    }

    fn counts_generation(&self) -> bool {
        false
    }

    fn default(&self, object: &mut Value) {
        if let Some(role) = object.get_mut("roleRef").and_then(Value::as_object_mut) {
            let group = role.entry("apiGroup").or_insert(Value::Null);
            if group.as_str().unwrap_or_default().is_empty() {
                *group = GROUP.into();
            }
        }
        for subject in object.get_mut("subjects").and_then(Value::as_array_mut).into_iter().flatten() {
            let wants = matches!(text(subject, "kind"), "User" | "Group");
            if let Some(map) = subject.as_object_mut().filter(|_| wants) {
                let group = map.entry("apiGroup").or_insert(Value::Null);
                if group.as_str().unwrap_or_default().is_empty() {
                    *group = GROUP.into();
                }
            }
        }
    }

    fn validate(&self, object: &Value, old: Option<&Value>) -> Vec<Cause> {
        let role = object.get("roleRef").unwrap_or(&Value::Null);
        let mut causes = Vec::new();
        if text(role, "apiGroup") != GROUP {
            causes.push(Cause::not_supported("roleRef.apiGroup", &text(role, "apiGroup").into(), &[GROUP]));
        }
        let kinds: &[&str] = if self.namespaced { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
        if !kinds.contains(&text(role, "kind")) {
            causes.push(Cause::not_supported("roleRef.kind", &text(role, "kind").into(), kinds));
        }
        if text(role, "name").is_empty() {
            causes.push(Cause::required("roleRef.name", ""));
        } else if let Some(fault) = path_segment_fault(text(role, "name")) {
            causes.push(Cause::invalid("roleRef.name", &text(role, "name").into(), fault));
        }
        for (i, subject) in list(object, "subjects").iter().enumerate() {
            subject_faults(subject, &format!("subjects[{i}]"), &mut causes);
        }
        if old.is_some_and(|old| old.get("roleRef") != object.get("roleRef")) {
            causes.push(Cause::invalid("roleRef", role, "cannot change roleRef"));
        }
        causes
    }

    fn cell(&self, object: &Value, column: &str) -> Option<Value> {
        match column {
            "Role" => Some(cells::role(object)),
            "Users" => Some(cells::subjects(object, "User")),
            "Groups" => Some(cells::subjects(object, "Group")),
            "ServiceAccounts" => Some(cells::subjects(object, "ServiceAccount")),
            _ => None,
        }
    }
}

fn subject_faults(subject: &Value, path: &str, causes: &mut Vec<Cause>) {
    if text(subject, "name").is_empty() {
        causes.push(Cause::required(format!("{path}.name"), ""));
    }
    let group = text(subject, "apiGroup");
    match text(subject, "kind") {
        "ServiceAccount" => {
            if !group.is_empty() {
                causes.push(Cause::not_supported(format!("{path}.apiGroup"), &group.into(), &[""]));
            }
            if text(subject, "namespace").is_empty() {
                causes.push(Cause::required(format!("{path}.namespace"), ""));
            }
        }
        "User" | "Group" => {
            if group != GROUP {
                causes.push(Cause::not_supported(format!("{path}.apiGroup"), &group.into(), &[GROUP]));
            }
        }
        other => {
            let kinds = ["ServiceAccount", "User", "Group"];
            causes.push(Cause::not_supported(format!("{path}.kind"), &other.into(), &kinds));
        }
    }
}
