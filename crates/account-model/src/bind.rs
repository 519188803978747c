//! Path expressions of export policies: who may bind.

use std::fmt;

use platform_mesh_api::names::ORGS;

use crate::path::{AccountPath, AccountPathError};

/// Which accounts a policy means.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BindExpression {
    /// `:root:orgs:*`: every organisation and all below.
    Everybody,
    /// `:root:orgs:acme:*`: this account and all below.
    Below(AccountPath),
    /// `:root:orgs:acme:team`: this account only.
    Only(AccountPath),
}

/// The relation that a policy's tuple carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindRelation {
    /// The account itself.
    Bind,
    /// The account and all below.
    BindInherited,
}

impl BindRelation {
    /// The relation's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bind => "bind",
            Self::BindInherited => "bind_inherited",
        }
    }
}

/// Why an expression means nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindExpressionError {
    /// Not below `root:orgs`.
    #[error("path expression `{0}` is not valid: it must begin with `:root:orgs:`")]
    Elsewhere(String),
    /// A part that no workspace can be named.
    #[error("path expression `{expression}` is not valid")]
    Path {
        /// The expression.
        expression: String,
        /// What is wrong with the path in it.
        #[source]
        source: AccountPathError,
    },
}

impl BindExpression {
    /// Reads an expression; a leading `:` may be missing.
    ///
    /// # Errors
    /// A path that is not below `root:orgs`, or not a path.
    pub fn parse(expression: &str) -> Result<Self, BindExpressionError> {
        let path = expression.strip_prefix(':').unwrap_or(expression);
        if !path.strip_prefix(ORGS).is_some_and(|rest| rest.starts_with(':')) {
            return Err(BindExpressionError::Elsewhere(expression.to_owned()));
        }
        let parse = |path: &str| {
            AccountPath::parse(path)
                .map_err(|source| BindExpressionError::Path { expression: expression.to_owned(), source })
        };
        match path.strip_suffix(":*") {
            Some(ORGS) => Ok(Self::Everybody),
            Some(path) => parse(path).map(Self::Below),
            None => parse(path).map(Self::Only),
        }
    }

    /// The relation that its tuples carry.
    pub fn relation(&self) -> BindRelation {
        match self {
            Self::Everybody | Self::Below(_) => BindRelation::BindInherited,
            Self::Only(_) => BindRelation::Bind,
        }
    }

    /// The one account it names, or none for everybody.
    pub fn path(&self) -> Option<&AccountPath> {
        match self {
            Self::Everybody => None,
            Self::Below(path) | Self::Only(path) => Some(path),
        }
    }
}

impl fmt::Display for BindExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everybody => write!(f, ":{ORGS}:*"),
            Self::Below(path) => write!(f, ":{path}:*"),
            Self::Only(path) => write!(f, ":{path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_expressions_name_one_account_a_subtree_or_everybody() {
        let path = |text| AccountPath::parse(text).unwrap();
        for (text, expected) in [
            (":root:orgs:*", BindExpression::Everybody),
            ("root:orgs:*", BindExpression::Everybody),
            (":root:orgs:acme:*", BindExpression::Below(path("root:orgs:acme"))),
            (":root:orgs:acme:team", BindExpression::Only(path("root:orgs:acme:team"))),
        ] {
            let parsed = BindExpression::parse(text).unwrap();
            assert_eq!(parsed, expected);
            assert_eq!(BindExpression::parse(&parsed.to_string()), Ok(expected));
        }
        for bad in [
            "",
            ":",
            "*",
            ":root:*",
            ":root:orgs",
            "::root:orgs:a",
            ":root:orgs:a:*:b",
            ":root:orgsx:a",
            ":root:orgs:",
        ] {
            assert!(BindExpression::parse(bad).is_err(), "{bad}");
        }
    }
}
