//! The single fact whose presence would turn a refusal into an allow.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Annotation by which an authorization webhook hands [`Missing`], as JSON, to the server that asked. Never shown to the
/// user who was refused.
pub const MISSING_ANNOTATION: &str = "verdict.platform-mesh.io/missing";

/// What is missing for an allow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Missing {
    /// A relationship, in OpenFGA's notation.
    Relation {
        /// The object, `type:id`.
        object: String,
        /// The relation on it.
        relation: String,
        /// The user that lacks it.
        user: String,
    },
    /// A permission that no RBAC rule grants.
    Permission {
        /// The Kubernetes verb.
        verb: String,
        /// `resource.group`, with `/subresource` where there is one, or a path that is no resource.
        target: String,
        /// The user that lacks it.
        user: String,
    },
    /// Membership in one of these groups.
    Group(Vec<String>),
    /// Any other fact, as a sentence.
    Fact(String),
}

impl Missing {
    /// A missing relationship.
    pub fn relation(object: impl Into<String>, relation: impl Into<String>, user: impl Into<String>) -> Self {
        Missing::Relation { object: object.into(), relation: relation.into(), user: user.into() }
    }

    /// A missing RBAC permission.
    pub fn permission(verb: impl Into<String>, target: impl Into<String>, user: impl Into<String>) -> Self {
        Missing::Permission { verb: verb.into(), target: target.into(), user: user.into() }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::Relation { object, relation, user } => write!(f, "{object}#{relation}@{user}"),
            Missing::Permission { verb, target, user } => {
                write!(f, "permission `{verb}` on `{target}` for `{user}`")
            }
            Missing::Group(groups) => write!(f, "membership in one of the groups `{}`", groups.join("`, `")),
            Missing::Fact(fact) => f.write_str(fact),
        }
    }
}
