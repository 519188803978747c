//! What kcp's admission wants of an APIResourceSchema, besides the schema of the kind.

use std::fmt;

use serde_json::Value;

use super::SchemaName;
use crate::keys;

/// A rule that an APIResourceSchema breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaFault {
    /// JSON path of the field.
    pub path: String,
    /// What is wrong, in the words of an API server's field error.
    pub why: String,
}

impl fmt::Display for SchemaFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.why)
    }
}

/// Groups without a dot that a schema may define; the empty one is core.
const PLAIN_GROUPS: [&str; 6] = ["", "apps", "batch", "extensions", "policy", "autoscaling"];
/// Most selectable fields of a version.
pub const SELECTABLE_FIELDS_MAX: usize = 8;

/// Checks a new APIResourceSchema: name, group, names, exactly one stored version.
///
/// Whether the versions' schemas are structural is the API server's to say.
pub fn check_resource_schema(schema: &Value) -> Vec<SchemaFault> {
    let mut faults = Vec::new();
    let spec = &schema["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (group, plural) = (text(&spec["group"]), text(&spec["names"]["plural"]));
    let mut fault = |path: &str, why: String| faults.push(SchemaFault { path: path.to_owned(), why });

    check_name(&text(&schema["metadata"]["name"]), &plural, &group, &mut fault);
    if group == "core" {
        fault("spec.group", "Invalid value: \"core\": must be empty string for core group".to_owned());
    } else if !PLAIN_GROUPS.contains(&group.as_str()) && !is_dotted_subdomain(&group) {
        let why = format!("Invalid value: \"{group}\": must be a domain with at least one dot");
        fault("spec.group", why);
    }
    check_approval(schema, &group, &mut fault);
    for name in ["singular", "listKind"] {
        if text(&spec["names"][name]).is_empty() {
            fault(&format!("spec.names.{name}"), "Required value".to_owned());
        }
    }
    let versions = spec["versions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let stored = versions.iter().filter(|version| version["storage"] == true).count();
    if stored != 1 {
        fault(
            "spec.versions",
            format!("Invalid value: must have exactly one version marked as storage version, has {stored}"),
        );
    }
    for (index, version) in versions.iter().enumerate() {
        let count = version["selectableFields"].as_array().map_or(0, Vec::len);
        if count > SELECTABLE_FIELDS_MAX {
            let path = format!("spec.versions[{index}].selectableFields");
            fault(&path, format!("Too many: {count}: must have at most {SELECTABLE_FIELDS_MAX} items"));
        }
    }
    faults
}

/// Checks a change: the spec never changes.
pub fn check_resource_schema_update(old: &Value, new: &Value) -> Vec<SchemaFault> {
    if old["spec"] == new["spec"] {
        return Vec::new();
    }
    vec![SchemaFault { path: "spec".to_owned(), why: "Invalid value: field is immutable".to_owned() }]
}

fn check_name(name: &str, plural: &str, group: &str, fault: &mut impl FnMut(&str, String)) {
    let suffix = format!(".{}", SchemaName::suffix(plural, group));
    let Some(prefix) = name.strip_suffix(&suffix) else {
        fault("metadata.name", format!("Invalid value: \"{name}\": must end in {suffix}"));
        return;
    };
    if let Err(error) = SchemaName::new(prefix, plural, group) {
        fault("metadata.name", format!("Invalid value: \"{name}\": {error}"));
    }
}

/// Groups of Kubernetes itself need an approval, as for CustomResourceDefinitions.
fn check_approval(schema: &Value, group: &str, fault: &mut impl FnMut(&str, String)) {
    let is_within = |domain: &str| group == domain || group.ends_with(&format!(".{domain}"));
    if !is_within("k8s.io") && !is_within("kubernetes.io") {
        return;
    }
    let approval = schema["metadata"]["annotations"][keys::API_APPROVED].as_str().unwrap_or_default();
    let is_url =
        approval.split_once("://").is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty());
    if !is_url && !approval.starts_with("unapproved") {
        let path = format!("metadata.annotations[{}]", keys::API_APPROVED);
        fault(&path, "Required value: protected groups must have approval annotation".to_owned());
    }
}

fn is_dotted_subdomain(group: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    group.len() <= 253 && group.contains('.') && group.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema(name: &str, group: &str) -> Value {
        json!({
            "metadata": {"name": name},
            "spec": {
                "group": group,
                "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
                "scope": "Cluster",
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"type": "object"}}],
            },
        })
    }

    #[test]
    fn ars_01_a_name_must_fit_resource_and_group() {
        assert_eq!(check_resource_schema(&schema("today.widgets.example.io", "example.io")), []);
        assert_eq!(check_resource_schema(&schema("today.widgets.core", "")), []);
        for (name, group, text) in [
            (
                "widgets.example.io",
                "example.io",
                "metadata.name: Invalid value: \"widgets.example.io\": must end in .widgets.example.io",
            ),
            ("a.gadgets.example.io", "example.io", "must end in .widgets.example.io"),
            ("1a.widgets.example.io", "example.io", "schema prefix `1a` is not valid"),
            ("a.widgets.core", "core", "spec.group: Invalid value: \"core\""),
            ("a.widgets.nodot", "nodot", "spec.group"),
            ("a.widgets.x.k8s.io", "x.k8s.io", "protected groups must have approval annotation"),
        ] {
            let faults = check_resource_schema(&schema(name, group));
            assert!(faults.iter().any(|fault| fault.to_string().contains(text)), "{name}: {faults:?}");
        }
    }

    #[test]
    fn ars_02_the_spec_never_changes() {
        let old = schema("a.widgets.example.io", "example.io");
        let mut new = old.clone();
        new["metadata"]["labels"] = json!({"a": "b"});
        assert_eq!(check_resource_schema_update(&old, &new), []);
        new["spec"]["scope"] = json!("Namespaced");
        assert_eq!(check_resource_schema_update(&old, &new)[0].path, "spec");
    }

    #[test]
    fn ars_01_exactly_one_version_is_stored() {
        let mut two = schema("a.widgets.example.io", "example.io");
        two["spec"]["versions"][0]["storage"] = json!(false);
        two["spec"]["versions"][0]["selectableFields"] = vec![json!({"jsonPath": ".a"}); 9].into();
        two["spec"]["names"]["singular"] = json!("");
        let paths: Vec<String> = check_resource_schema(&two).into_iter().map(|fault| fault.path).collect();
        assert_eq!(paths, ["spec.names.singular", "spec.versions", "spec.versions[0].selectableFields"]);
        assert!(!check_resource_schema(&json!(null)).is_empty());
    }
}
