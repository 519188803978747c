//! Roles and bindings as values, and where they come from.

use std::sync::Arc;

use serde_json::Value;

use super::{Rule, Subject};
use crate::UserInfo;

/// The role that a binding refers to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoleRef {
    /// A cluster role.
    ClusterRole(String),
    /// A role of the binding's namespace.
    Role(String),
}

impl RoleRef {
    /// Reads `roleRef`; none for other kinds.
    pub fn from_value(reference: &Value) -> Option<Self> {
        let name = reference.get("name")?.as_str()?.to_owned();
        match reference.get("kind")?.as_str()? {
            "ClusterRole" => Some(RoleRef::ClusterRole(name)),
            "Role" => Some(RoleRef::Role(name)),
            _ => None,
        }
    }

    /// Kind of the role.
    pub fn kind(&self) -> &'static str {
        match self {
            RoleRef::ClusterRole(_) => "ClusterRole",
            RoleRef::Role(_) => "Role",
        }
    }

    /// Name of the role.
    pub fn name(&self) -> &str {
        match self {
            RoleRef::ClusterRole(name) | RoleRef::Role(name) => name,
        }
    }
}

/// The rules of a role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Role {
    /// What it grants.
    pub rules: Vec<Rule>,
}

/// A binding of a role to subjects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Namespace of a role binding; empty for a cluster role binding.
    pub namespace: String,
    /// Name of the binding.
    pub name: String,
    /// The role.
    pub role: RoleRef,
    /// Whom it reaches.
    pub subjects: Vec<Subject>,
}

impl Binding {
    /// Reads a binding; none if its role reference is of no known kind.
    pub fn from_value(binding: &Value) -> Option<Self> {
        let metadata = binding.get("metadata")?;
        let text = |name: &str| metadata.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let namespace = text("namespace");
        let subjects = binding.get("subjects").and_then(Value::as_array).into_iter().flatten();
        Some(Self {
            name: text("name"),
            role: RoleRef::from_value(binding.get("roleRef")?)?,
            subjects: subjects.filter_map(|s| Subject::from_value(s, &namespace)).collect(),
            namespace,
        })
    }

    /// Kind of the binding.
    pub fn kind(&self) -> &'static str {
        if self.namespace.is_empty() { "ClusterRoleBinding" } else { "RoleBinding" }
    }
}

/// Where roles and bindings come from.
pub trait RuleSource {
    /// Bindings that reach the user, with the subject that matched: cluster-wide ones first, then, if a namespace is
    /// given, those in it.
    fn bindings_of(&self, user: &UserInfo, namespace: &str) -> Vec<(Arc<Binding>, Subject)>;

    /// A role; `namespace` matters for roles, not for cluster roles.
    fn role(&self, namespace: &str, reference: &RoleRef) -> Option<Arc<Role>>;
}

/// One source over another: bindings of the first only, its roles before those of the second. So references from a
/// tenant resolve to shared roles, but shared bindings do not leak in.
pub struct Layered<'a> {
    /// Bindings and roles.
    pub own: &'a dyn RuleSource,
    /// Further roles.
    pub shared: &'a dyn RuleSource,
}

impl RuleSource for Layered<'_> {
    fn bindings_of(&self, user: &UserInfo, namespace: &str) -> Vec<(Arc<Binding>, Subject)> {
        self.own.bindings_of(user, namespace)
    }

    fn role(&self, namespace: &str, reference: &RoleRef) -> Option<Arc<Role>> {
        let shared = || match reference {
            RoleRef::ClusterRole(_) => self.shared.role(namespace, reference),
            RoleRef::Role(_) => None,
        };
        self.own.role(namespace, reference).or_else(shared)
    }
}
