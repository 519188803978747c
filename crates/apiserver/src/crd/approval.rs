//! Groups of the Kubernetes community: a definition in them carries a sign that the API was approved.

use serde_json::Value;

use crate::schema::FieldError;

/// The annotation that names the approval, or says that there is none.
pub const APPROVAL_ANNOTATION: &str = "api-approved.kubernetes.io";

/// What the annotation of a definition says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Approval {
    /// The group is not protected.
    NotNeeded,
    /// The annotation names where the API was approved.
    Approved(String),
    /// The annotation says that it was not.
    Unapproved(String),
    /// There is no annotation.
    Missing,
    /// The annotation is neither a URL nor `unapproved…`.
    Invalid(String),
}

/// Whether a group belongs to the Kubernetes community.
fn is_protected(group: &str) -> bool {
    ["k8s.io", "kubernetes.io"]
        .iter()
        .any(|suffix| group == *suffix || group.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.')))
}

/// What the annotations of a definition of `group` say about its approval.
#[must_use]
pub fn approval(group: &str, metadata: &Value) -> Approval {
    if !is_protected(group) {
        return Approval::NotNeeded;
    }
    match metadata.pointer("/annotations").and_then(|a| a.get(APPROVAL_ANNOTATION)).and_then(Value::as_str) {
        None | Some("") => Approval::Missing,
        Some(text) if text.starts_with("unapproved") => Approval::Unapproved(text.to_owned()),
        Some(text) if url::Url::parse(text).is_ok_and(|url| url.has_host()) => {
            Approval::Approved(text.to_owned())
        }
        Some(text) => Approval::Invalid(text.to_owned()),
    }
}

/// Refuses a definition of a protected group without a valid annotation.
#[must_use]
pub fn validate_approval(group: &str, metadata: &Value) -> Vec<FieldError> {
    let field = format!("metadata.annotations[{APPROVAL_ANNOTATION}]");
    match approval(group, metadata) {
        Approval::Missing => vec![FieldError::required(
            field,
            &format!(
                "protected groups must have approval annotation \"{APPROVAL_ANNOTATION}\", see https://github.com/kubernetes/enhancements/pull/1111"
            ),
        )],
        Approval::Invalid(text) => vec![FieldError::invalid(
            field,
            &Value::from(text.as_str()),
            &format!(
                "protected groups must have approval annotation \"{APPROVAL_ANNOTATION}\" with either a URL or a reason starting with \"unapproved\", see https://github.com/kubernetes/enhancements/pull/1111"
            ),
        )],
        _ => Vec::new(),
    }
}
