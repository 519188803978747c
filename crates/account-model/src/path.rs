//! Paths of account workspaces: `root:orgs:acme:dev`.

use std::fmt;

use platform_mesh_api::names::ORGS;

use crate::names::{NameFault, check_label};

/// Path of an account workspace: `root:orgs`, an organisation, and any number of accounts below it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountPath(Vec<String>);

/// Why a path is not that of an account workspace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountPathError {
    /// It does not begin with `root:orgs:`.
    #[error("path `{0}` is not below `root:orgs`")]
    Elsewhere(String),
    /// A part is not the name of a workspace.
    #[error("path `{path}` is not valid: `{part}` {fault}")]
    Part {
        /// The whole path.
        path: String,
        /// The part.
        part: String,
        /// What is wrong with it.
        fault: NameFault,
    },
}

impl AccountPath {
    /// Reads `root:orgs:<org>[:<account>…]`.
    ///
    /// # Errors
    /// A path elsewhere, or a part that no workspace can be named.
    pub fn parse(path: &str) -> Result<Self, AccountPathError> {
        let below = path
            .strip_prefix(ORGS)
            .and_then(|rest| rest.strip_prefix(':'))
            .ok_or_else(|| AccountPathError::Elsewhere(path.to_owned()))?;
        let parts: Vec<String> = below.split(':').map(str::to_owned).collect();
        for part in &parts {
            check_label(part).map_err(|fault| AccountPathError::Part {
                path: path.to_owned(),
                part: part.clone(),
                fault,
            })?;
        }
        Ok(Self(parts))
    }

    /// Name of the organisation.
    pub fn organization(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// Path of the organisation's workspace.
    pub fn organization_path(&self) -> String {
        format!("{ORGS}:{}", self.organization())
    }

    /// Name of the Account: the last part.
    pub fn name(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    /// Path of the workspace that holds the Account.
    pub fn parent(&self) -> String {
        let mut parts = vec![ORGS.to_owned()];
        parts.extend(self.0.iter().take(self.0.len().saturating_sub(1)).cloned());
        parts.join(":")
    }

    /// Whether this is the workspace of an organisation.
    pub fn is_organization(&self) -> bool {
        self.0.len() == 1
    }
}

impl fmt::Display for AccountPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ORGS}:{}", self.0.join(":"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acc_paths_name_organisation_parent_and_account() {
        let org = AccountPath::parse("root:orgs:acme").unwrap();
        assert!(org.is_organization());
        assert_eq!((org.organization(), org.name(), org.parent().as_str()), ("acme", "acme", "root:orgs"));
        let deep = AccountPath::parse("root:orgs:acme:dev:eu").unwrap();
        assert!(!deep.is_organization());
        assert_eq!(
            (deep.organization(), deep.name(), deep.parent().as_str()),
            ("acme", "eu", "root:orgs:acme:dev")
        );
        assert_eq!(deep.to_string(), "root:orgs:acme:dev:eu");
        for bad in ["root", "root:orgs", "root:orgs:", "root:orgsx:a", "root:orgs:a::b", "root:orgs:A", ""] {
            assert!(AccountPath::parse(bad).is_err(), "{bad}");
        }
    }
}
