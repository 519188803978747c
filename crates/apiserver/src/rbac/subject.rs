//! Who a binding reaches.

use std::fmt;

use serde_json::Value;

use crate::UserInfo;

/// A subject of a binding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A user by name.
    User(String),
    /// A group by name.
    Group(String),
    /// A service account by namespace and name.
    ServiceAccount(String, String),
}

impl Subject {
    /// Reads an entry of `subjects`; a service account without namespace belongs to that of the binding. None for
    /// kinds that Kubernetes does not know.
    pub fn from_value(subject: &Value, binding_namespace: &str) -> Option<Self> {
        let text = |name: &str| subject.get(name).and_then(Value::as_str).unwrap_or_default();
        let name = text("name").to_owned();
        match text("kind") {
            "User" => Some(Subject::User(name)),
            "Group" => Some(Subject::Group(name)),
            "ServiceAccount" => {
                let own = text("namespace");
                let namespace = if own.is_empty() { binding_namespace } else { own };
                (!namespace.is_empty()).then(|| Subject::ServiceAccount(namespace.to_owned(), name))
            }
            _ => None,
        }
    }

    /// The subjects that reach a user: itself, its groups, and its service account.
    pub fn of_user(user: &UserInfo) -> Vec<Self> {
        let mut subjects = vec![Subject::User(user.name.clone())];
        subjects.extend(user.groups.iter().cloned().map(Subject::Group));
        let account = user.name.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'));
        subjects.extend(account.map(|(ns, name)| Subject::ServiceAccount(ns.to_owned(), name.to_owned())));
        subjects
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::User(name) => write!(f, "User {name}"),
            Subject::Group(name) => write!(f, "Group {name}"),
            Subject::ServiceAccount(namespace, name) => write!(f, "ServiceAccount {namespace}/{name}"),
        }
    }
}
