//! Names of initializers and terminators.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::fault::{NameError, NameFault, label_fault};
use super::{ClusterName, checked_string};
use crate::keys;

/// An initializer or terminator: `<cluster name of the WorkspaceType>:<type name>`, or a `system:` word.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InitializerName(String);

checked_string!(InitializerName);

const WHAT: &str = "initializer name";

impl InitializerName {
    /// The initializer of a WorkspaceType that lives in the given logical cluster.
    ///
    /// # Errors
    /// The type's name must be a DNS label.
    pub fn of_type(cluster: &ClusterName, type_name: &str) -> Result<Self, NameError> {
        format!("{cluster}:{type_name}").parse()
    }

    /// `system:apibindings`, which waits for default bindings.
    pub fn api_bindings() -> Self {
        Self(keys::API_BINDINGS_INITIALIZER.to_owned())
    }

    /// Whether kcp itself does the work.
    pub fn is_system(&self) -> bool {
        self.0.starts_with("system:")
    }

    /// Cluster and name of the WorkspaceType; `None` for `system:` words.
    pub fn workspace_type(&self) -> Option<(ClusterName, &str)> {
        if self.is_system() {
            return None;
        }
        let (cluster, name) = self.0.rsplit_once(':')?;
        Some((cluster.parse().ok()?, name))
    }
}

impl FromStr for InitializerName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(rest) = text.strip_prefix("system:") {
            return match rest.is_empty() {
                true => Err(NameError::new(WHAT, text, "", 7, NameFault::Empty)),
                false => Ok(Self(text.to_owned())),
            };
        }
        let Some((_, name)) = text.rsplit_once(':') else {
            return Err(NameError::new(WHAT, text, text, 0, NameFault::NoColon));
        };
        let mut at = 0;
        for part in text.split(':') {
            if let Some(fault) = label_fault(part) {
                return Err(NameError::new(WHAT, text, part, at, fault));
            }
            at += part.len() + 1;
        }
        // The schema's pattern wants two characters or more after the last colon.
        if name.len() < 2 {
            let at = text.len() - name.len();
            return Err(NameError::new(WHAT, text, name, at, NameFault::TooShort { len_min: 2 }));
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wsp_05_an_initializer_names_cluster_and_type() {
        let security = InitializerName::of_type(&ClusterName::root(), "security").unwrap();
        assert_eq!(security.as_str(), "root:security");
        assert_eq!(security.workspace_type(), Some((ClusterName::root(), "security")));
        assert!(InitializerName::api_bindings().is_system());
        assert_eq!(InitializerName::api_bindings().workspace_type(), None);
        for bad in ["", "security", "root:", "root:s", "Root:security", "system:"] {
            assert!(bad.parse::<InitializerName>().is_err(), "{bad}");
        }
    }
}
