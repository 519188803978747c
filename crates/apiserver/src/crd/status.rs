//! The status of a definition: accepted names, conditions, versions that objects were ever stored in.

use serde_json::{Value, json};

use super::{
    approval::{Approval, approval},
    definition::{Names, names_of, text, texts, versions_of},
    names::{NameClaim, accept_names},
};

/// A condition as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Its type, such as `Established`.
    pub kind: &'static str,
    /// Whether it holds.
    pub holds: bool,
    /// A word for programs.
    pub reason: &'static str,
    /// A sentence for people.
    pub message: String,
}

/// `True`, `False` or `Unknown` of a condition; none where it is absent.
#[must_use]
pub fn condition_status<'a>(definition: &'a Value, kind: &str) -> Option<&'a str> {
    let conditions = definition.pointer("/status/conditions")?.as_array()?;
    conditions
        .iter()
        .find(|condition| text(condition, "/type") == kind)
        .map(|condition| text(condition, "/status"))
}

/// Versions that objects may be stored in.
#[must_use]
pub fn stored_versions(definition: &Value) -> Vec<String> {
    texts(definition.pointer("/status/storedVersions"))
}

/// Resets the status of a new definition: it begins with its storage version.
pub fn prepare_for_create(definition: &mut Value) {
    let storage: Vec<String> =
        versions_of(definition).filter(|v| v.storage).map(|v| v.name.to_owned()).collect();
    let status =
        json!({"conditions": [], "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": storage});
    if let Some(map) = definition.as_object_mut() {
        map.insert("status".to_owned(), status);
    }
}

/// Adds a new storage version to the stored ones. Writes of the status alone decide themselves which versions are stored.
pub fn prepare_for_update(definition: &mut Value, old: &Value) {
    if definition.get("spec") == old.get("spec") {
        return;
    }
    let Some(storage) = versions_of(definition).find(|v| v.storage).map(|v| v.name.to_owned()) else {
        return;
    };
    let Some(map) = definition.as_object_mut() else { return };
    let mut status = map
        .remove("status")
        .filter(Value::is_object)
        .or_else(|| old.get("status").cloned())
        .unwrap_or_else(|| json!({}));
    let mut stored = texts(status.get("storedVersions"));
    if !stored.contains(&storage) {
        stored.push(storage);
    }
    if let Some(status) = status.as_object_mut() {
        status.insert("storedVersions".to_owned(), json!(stored));
    }
    map.insert("status".to_owned(), status);
}

/// The status that a definition should have, or none where it has it already. `others` are the accepted names of all other
/// definitions of its group, `now` is RFC 3339.
#[must_use]
pub fn reconcile_status(definition: &Value, others: &[Names], now: &str) -> Option<Value> {
    let requested = names_of(definition);
    let current = Names::read(definition.pointer("/status/acceptedNames").unwrap_or(&Value::Null));
    let decision = accept_names(&requested, &current, &NameClaim::of(others));
    let mut conditions = Vec::new();
    let accepted = decision.conflict.is_none();
    conditions.push(match decision.conflict {
        Some((reason, message)) => Condition { kind: "NamesAccepted", holds: false, reason, message },
        None => Condition {
            kind: "NamesAccepted",
            holds: true,
            reason: "NoConflicts",
            message: "no conflicts found".to_owned(),
        },
    });
    // Once established a definition stays so, even if it later asks for a name that is taken.
    let established = condition_status(definition, "Established") == Some("True");
    if accepted || established {
        conditions.push(Condition {
            kind: "Established",
            holds: true,
            reason: "InitialNamesAccepted",
            message: "the initial names have been accepted".to_owned(),
        });
    } else {
        conditions.push(Condition {
            kind: "Established",
            holds: false,
            reason: "NotAccepted",
            message: "not all names are accepted".to_owned(),
        });
    }
    conditions.extend(approval_condition(definition));
    let mut status =
        definition.get("status").filter(|status| status.is_object()).cloned().unwrap_or_else(|| json!({}));
    let mut list = status.get("conditions").and_then(Value::as_array).cloned().unwrap_or_default();
    for condition in &conditions {
        set_condition(&mut list, condition, now);
    }
    status["conditions"] = Value::Array(list);
    status["acceptedNames"] = decision.accepted.write();
    if texts(status.get("storedVersions")).is_empty() {
        let storage: Vec<&str> = versions_of(definition).filter(|v| v.storage).map(|v| v.name).collect();
        status["storedVersions"] = json!(storage);
    }
    (definition.get("status") != Some(&status)).then_some(status)
}

fn approval_condition(definition: &Value) -> Option<Condition> {
    let metadata = definition.get("metadata").unwrap_or(&Value::Null);
    let (holds, reason, message) = match approval(text(definition, "/spec/group"), metadata) {
        Approval::NotNeeded => return None,
        Approval::Approved(url) => (true, "ApprovedAnnotation", format!("approved in {url}")),
        Approval::Unapproved(why) => (false, "UnapprovedAnnotation", format!("not approved: \"{why}\"")),
        Approval::Missing => (
            false,
            "MissingAnnotation",
            "protected groups must have approval annotation \"api-approved.kubernetes.io\", see https://github.com/kubernetes/enhancements/pull/1111".to_owned(),
        ),
        Approval::Invalid(text) => (
            false,
            "InvalidAnnotation",
            format!("protected groups must have approval annotation \"api-approved.kubernetes.io\" with either a URL or a reason starting with \"unapproved\", see https://github.com/kubernetes/enhancements/pull/1111; found \"{text}\""),
        ),
    };
    Some(Condition { kind: "KubernetesAPIApprovalPolicyConformant", holds, reason, message })
}

/// Sets a condition; the time of transition changes with the status only.
fn set_condition(list: &mut Vec<Value>, condition: &Condition, now: &str) {
    let status = if condition.holds { "True" } else { "False" };
    let known = list.iter().position(|known| text(known, "/type") == condition.kind);
    let time = known
        .and_then(|i| list.get(i))
        .filter(|known| text(known, "/status") == status)
        .map(|known| text(known, "/lastTransitionTime").to_owned())
        .filter(|time| !time.is_empty())
        .unwrap_or_else(|| now.to_owned());
    let json = json!({
        "type": condition.kind,
        "status": status,
        "lastTransitionTime": time,
        "reason": condition.reason,
        "message": condition.message,
    });
    match known {
        Some(i) => list[i] = json,
        None => list.push(json),
    }
}
