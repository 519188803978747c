//! Which objects of a claimed resource: all, some by label, or none.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::apis::v1alpha2::PermissionClaimSelector;

/// A condition on labels. More requirements mean fewer objects.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Selector {
    /// Objects that meet every requirement; every object where there is none.
    Where(BTreeSet<Requirement>),
    /// No object.
    Nothing,
}

/// A requirement on one label.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Requirement {
    /// The label has this value (`matchLabels`).
    Equals(String, String),
    /// The label has one of these values.
    In(String, BTreeSet<String>),
    /// The label is missing or has none of these values.
    NotIn(String, BTreeSet<String>),
    /// The label is there.
    Exists(String),
    /// The label is missing.
    DoesNotExist(String),
}

impl Selector {
    /// Every object.
    pub fn all() -> Self {
        Self::Where(BTreeSet::new())
    }

    /// Whether every object is selected.
    pub fn is_all(&self) -> bool {
        matches!(self, Self::Where(requirements) if requirements.is_empty())
    }

    /// Whether an object with these labels is selected.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        match self {
            Self::Nothing => false,
            Self::Where(requirements) => requirements.iter().all(|requirement| requirement.holds(labels)),
        }
    }

    /// The objects that both select.
    #[must_use]
    pub fn and(&self, other: &Selector) -> Selector {
        match (self, other) {
            (Self::Where(a), Self::Where(b)) => Self::Where(a.union(b).cloned().collect()),
            _ => Self::Nothing,
        }
    }

    /// Labels that a new object needs to be selected, where labels alone can do it.
    ///
    /// Expressions cannot be met on somebody's behalf: the provider has to label its objects itself.
    pub fn labels_to_add(&self) -> BTreeMap<String, String> {
        let Self::Where(requirements) = self else { return BTreeMap::new() };
        let equals = requirements.iter().filter_map(|requirement| match requirement {
            Requirement::Equals(key, value) => Some((key.clone(), value.clone())),
            _ => None,
        });
        equals.collect()
    }
}

impl From<&PermissionClaimSelector> for Selector {
    /// A selector with nothing set selects nothing; kcp's admission refuses it. An operator that nobody knows
    /// selects nothing, too.
    fn from(selector: &PermissionClaimSelector) -> Self {
        let labels = &selector.match_labels;
        let expressions = &selector.match_expressions;
        if selector.match_all {
            return if labels.is_empty() && expressions.is_empty() { Self::all() } else { Self::Nothing };
        }
        if labels.is_empty() && expressions.is_empty() {
            return Self::Nothing;
        }
        let mut requirements: BTreeSet<Requirement> =
            labels.iter().map(|(key, value)| Requirement::Equals(key.clone(), value.clone())).collect();
        for expression in expressions {
            let key = expression.key.clone();
            let values: BTreeSet<String> = expression.values.iter().flatten().cloned().collect();
            requirements.insert(match (expression.operator.as_str(), values.is_empty()) {
                ("In", false) => Requirement::In(key, values),
                ("NotIn", false) => Requirement::NotIn(key, values),
                ("Exists", true) => Requirement::Exists(key),
                ("DoesNotExist", true) => Requirement::DoesNotExist(key),
                _ => return Self::Nothing,
            });
        }
        Self::Where(requirements)
    }
}

impl Requirement {
    fn holds(&self, labels: &BTreeMap<String, String>) -> bool {
        match self {
            Self::Equals(key, value) => labels.get(key) == Some(value),
            Self::In(key, values) => labels.get(key).is_some_and(|value| values.contains(value)),
            Self::NotIn(key, values) => labels.get(key).is_none_or(|value| !values.contains(value)),
            Self::Exists(key) => labels.contains_key(key),
            Self::DoesNotExist(key) => !labels.contains_key(key),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("no objects"),
            Self::Where(requirements) if requirements.is_empty() => f.write_str("all objects"),
            Self::Where(requirements) => {
                f.write_str("objects with ")?;
                for (index, requirement) in requirements.iter().enumerate() {
                    f.write_str(if index > 0 { " and " } else { "" })?;
                    requirement.fmt(f)?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |values: &BTreeSet<String>| values.iter().cloned().collect::<Vec<_>>().join(", ");
        match self {
            Self::Equals(key, value) => write!(f, "label {key}={value}"),
            Self::In(key, values) => write!(f, "label {key} in ({})", list(values)),
            Self::NotIn(key, values) => write!(f, "label {key} not in ({})", list(values)),
            Self::Exists(key) => write!(f, "label {key}"),
            Self::DoesNotExist(key) => write!(f, "no label {key}"),
        }
    }
}
