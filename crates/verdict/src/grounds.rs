//! Why a stage decided as it did.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The grounds of a verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Reason {
    /// A plain sentence.
    Text(String),
    /// An RBAC rule that applied.
    Rule(PolicyRule),
    /// The path of relationships that led from the object to the user.
    Path(Vec<RelationStep>),
}

impl From<&str> for Reason {
    fn from(text: &str) -> Self {
        Reason::Text(text.to_owned())
    }
}

impl From<String> for Reason {
    fn from(text: String) -> Self {
        Reason::Text(text)
    }
}

impl From<PolicyRule> for Reason {
    fn from(rule: PolicyRule) -> Self {
        Reason::Rule(rule)
    }
}

impl From<Vec<RelationStep>> for Reason {
    fn from(path: Vec<RelationStep>) -> Self {
        Reason::Path(path)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Text(text) => f.write_str(text),
            Reason::Rule(rule) => rule.fmt(f),
            Reason::Path(steps) => {
                for (i, step) in steps.iter().enumerate() {
                    if i > 0 {
                        f.write_str(" <- ")?;
                    }
                    step.fmt(f)?;
                }
                Ok(())
            }
        }
    }
}

/// The RBAC rule that granted a request: where it stands and through which binding it reached the user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyRule {
    /// `ClusterRole` or `Role`.
    pub role_kind: String,
    /// Name of the role.
    pub role: String,
    /// `ClusterRoleBinding` or `RoleBinding`.
    pub binding_kind: String,
    /// Name of the binding; a role binding is written `namespace/name`.
    pub binding: String,
    /// The subject of the binding that matched, as `User alice`, `Group system:authenticated`, `ServiceAccount ns/name`.
    pub subject: String,
}

impl fmt::Display for PolicyRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { role_kind, role, binding_kind, binding, subject } = self;
        write!(f, "{role_kind} `{role}` through {binding_kind} `{binding}` to {subject}")
    }
}

/// One step of a relation path, in OpenFGA's notation: `object#relation@user`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelationStep {
    /// The object, `type:id`.
    pub object: String,
    /// The relation on it.
    pub relation: String,
    /// Who holds it: a user, a userset or the object of the next step.
    pub user: String,
}

impl fmt::Display for RelationStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}@{}", self.object, self.relation, self.user)
    }
}
