//! Names of a resource: their syntax, and which of several definitions of a group has them.

use std::collections::HashSet;

use serde_json::Value;

use super::definition::Names;
use crate::{
    name_rules,
    schema::{FieldError, FieldReason},
};

/// A DNS-1035 label: as a DNS-1123 label, but beginning with a letter.
fn label_fault(name: &str) -> Option<String> {
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase());
    if name_rules::label_fault(name).is_none() && starts_well {
        return None;
    }
    if name.len() > 63 {
        return Some("must be no more than 63 characters".to_owned());
    }
    Some(
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
            .to_owned(),
    )
}

/// Checks the group of a definition, found at `field`.
#[must_use]
pub fn validate_group(group: &str, field: &str) -> Vec<FieldError> {
    if group.is_empty() {
        return vec![FieldError::required(field, "")];
    }
    let shown = Value::from(group);
    if let Some(fault) = name_rules::subdomain_fault(group) {
        return vec![FieldError::invalid(field, &shown, &fault)];
    }
    if !group.contains('.') {
        return vec![FieldError::invalid(field, &shown, "should be a domain with at least one dot")];
    }
    Vec::new()
}

/// Checks the syntax of names, found at `path`.
#[must_use]
pub fn validate_names(names: &Names, path: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let mut label = |field: String, name: &str, shown: &str| {
        if let Some(fault) = label_fault(name) {
            errors.push(FieldError::invalid(field, &Value::from(shown), &fault));
        }
    };
    label(format!("{path}.plural"), &names.plural, &names.plural);
    if !names.singular.is_empty() {
        label(format!("{path}.singular"), &names.singular, &names.singular);
    }
    label(format!("{path}.kind"), &names.kind.to_lowercase(), &names.kind);
    if !names.list_kind.is_empty() {
        label(format!("{path}.listKind"), &names.list_kind.to_lowercase(), &names.list_kind);
    }
    for (list, name) in [(&names.short_names, "shortNames"), (&names.categories, "categories")] {
        for (index, text) in list.iter().enumerate() {
            label(format!("{path}.{name}[{index}]"), text, text);
        }
    }
    if !names.kind.is_empty() && names.kind == names.list_kind {
        let shown = Value::from(names.list_kind.as_str());
        errors.push(FieldError::invalid(
            format!("{path}.listKind"),
            &shown,
            "kind and listKind may not be the same",
        ));
    }
    if names.plural.is_empty() {
        errors.insert(0, FieldError::plain(format!("{path}.plural"), FieldReason::Required, ""));
    }
    errors
}

/// Names that another definition of the same group has.
#[derive(Debug, Clone, Default)]
pub struct NameClaim {
    resources: HashSet<String>,
    kinds: HashSet<String>,
}

impl NameClaim {
    /// The names of all `others`.
    pub fn of<'a>(others: impl IntoIterator<Item = &'a Names>) -> Self {
        let mut claim = Self::default();
        for names in others {
            let resources = [&names.plural, &names.singular].into_iter().chain(&names.short_names);
            claim.resources.extend(resources.filter(|name| !name.is_empty()).cloned());
            let kinds = [&names.kind, &names.list_kind];
            claim.kinds.extend(kinds.into_iter().filter(|name| !name.is_empty()).cloned());
        }
        claim
    }
}

/// Which names a definition has now, and why it lacks the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameDecision {
    /// Names it has.
    pub accepted: Names,
    /// Reason of the condition `NamesAccepted` and its message, where a name is refused.
    pub conflict: Option<(&'static str, String)>,
}

/// Decides which of the `requested` names a definition gets. Names it has are kept, whoever asks for them now.
#[must_use]
pub fn accept_names(requested: &Names, current: &Names, others: &NameClaim) -> NameDecision {
    let mut accepted = current.clone();
    let mut conflict = None;
    let mut refuse = |reason: &'static str, name: &str| {
        // The last conflict is the one reported, as in Kubernetes.
        conflict = Some((reason, format!("\"{name}\" is already in use")));
    };
    let fresh = |name: &str, have: &str, taken: &HashSet<String>| name == have || !taken.contains(name);
    if fresh(&requested.plural, &current.plural, &others.resources) {
        accepted.plural.clone_from(&requested.plural);
    } else {
        refuse("PluralConflict", &requested.plural);
    }
    if fresh(&requested.singular, &current.singular, &others.resources) {
        accepted.singular.clone_from(&requested.singular);
    } else {
        refuse("SingularConflict", &requested.singular);
    }
    let taken: Vec<&String> = requested
        .short_names
        .iter()
        .filter(|name| !current.short_names.contains(name) && others.resources.contains(*name))
        .collect();
    match taken.first() {
        None => accepted.short_names.clone_from(&requested.short_names),
        Some(name) => refuse("ShortNamesConflict", name),
    }
    if fresh(&requested.kind, &current.kind, &others.kinds) {
        accepted.kind.clone_from(&requested.kind);
    } else {
        refuse("KindConflict", &requested.kind);
    }
    if fresh(&requested.list_kind, &current.list_kind, &others.kinds) {
        accepted.list_kind.clone_from(&requested.list_kind);
    } else {
        refuse("ListKindConflict", &requested.list_kind);
    }
    accepted.categories.clone_from(&requested.categories);
    NameDecision { accepted, conflict }
}
