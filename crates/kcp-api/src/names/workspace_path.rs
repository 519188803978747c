//! Paths of workspaces, `root:orgs:acme`.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::fault::{NameError, NameFault, label_fault, repaired_label};
use super::{ClusterName, checked_string};
use crate::keys;

/// A path: DNS labels joined by colons. A path of one part may be the name of a logical cluster; a path that
/// begins with `system:` is one name and is never split.
///
/// ```
/// use kcp_api::WorkspacePath;
///
/// let acme: WorkspacePath = "root:orgs:acme".parse()?;
/// assert_eq!(acme.parent().unwrap().as_str(), "root:orgs");
/// assert_eq!(acme.join("dev")?.as_str(), "root:orgs:acme:dev");
///
/// let error = "root:orgs:Acme".parse::<WorkspacePath>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "workspace path `root:orgs:Acme` is not valid: `Acme` has the upper-case letter `A`"
/// );
/// assert_eq!(error.suggestion(), Some("root:orgs:acme"));
/// # Ok::<(), kcp_api::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WorkspacePath(pub(super) String);

checked_string!(WorkspacePath);

const WHAT: &str = "workspace path";

impl WorkspacePath {
    /// The path of the root workspace.
    pub fn root() -> Self {
        Self(keys::ROOT_CLUSTER.to_owned())
    }

    /// Whether it is one of kcp's own clusters.
    pub fn is_system(&self) -> bool {
        self.0.starts_with("system:")
    }

    /// The parts, from the top.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &str> {
        let whole = self.is_system().then_some(self.0.as_str());
        let split = (!self.is_system()).then(|| self.0.split(':'));
        whole.into_iter().chain(split.into_iter().flatten())
    }

    /// The last part: the name of the workspace in its parent.
    pub fn base(&self) -> &str {
        if self.is_system() { &self.0 } else { self.0.rsplit(':').next().unwrap_or(&self.0) }
    }

    /// The path above; `None` for a path of one part.
    pub fn parent(&self) -> Option<Self> {
        if self.is_system() {
            return None;
        }
        self.0.rsplit_once(':').map(|(parent, _)| Self(parent.to_owned()))
    }

    /// The path above, and above that, up to the first part.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> {
        std::iter::successors(self.parent(), Self::parent)
    }

    /// The path of a child.
    ///
    /// # Errors
    /// The name must be one DNS label; `system:` clusters have no children.
    pub fn join(&self, name: &str) -> Result<Self, NameError> {
        if self.is_system() {
            return Err(NameError::new(WHAT, name, name, 0, NameFault::IsAPath));
        }
        match label_fault(name) {
            Some(fault) => Err(NameError::new(WHAT, name, name, 0, fault).meant(repaired_label(name))),
            None => Ok(Self(format!("{}:{name}", self.0))),
        }
    }

    /// Whether this is the other path or below it.
    pub fn is_within(&self, other: &WorkspacePath) -> bool {
        self == other
            || (!other.is_system() && self.0.strip_prefix(&other.0).is_some_and(|rest| rest.starts_with(':')))
    }

    /// The logical cluster that a path of one part may name.
    pub fn to_cluster_name(&self) -> Option<ClusterName> {
        self.0.parse().ok()
    }

    /// `user:<name>` and what is below it: the home cluster of the user, and the rest of the path.
    ///
    /// `None` for every other path.
    pub fn home(&self) -> Option<(ClusterName, Option<WorkspacePath>)> {
        let mut parts = self.0.splitn(3, ':');
        if parts.next() != Some("user") {
            return None;
        }
        let user = parts.next()?;
        Some((ClusterName::home_of(user), parts.next().map(|rest| Self(rest.to_owned()))))
    }
}

impl FromStr for WorkspacePath {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("system:") {
            return text.parse::<ClusterName>().map(|name| name.to_path());
        }
        let mut at = 0;
        for part in text.split(':') {
            if let Some(fault) = label_fault(part) {
                return Err(NameError::new(WHAT, text, part, at, fault).meant(repaired_path(text)));
            }
            at += part.len() + 1;
        }
        Ok(Self(text.to_owned()))
    }
}

/// What was probably meant: other separators, upper case and empty parts are mended, where the result is valid.
fn repaired_path(text: &str) -> Option<String> {
    if text.len() > 500 {
        return None;
    }
    let separators = |c: char| matches!(c, ':' | '/' | '.' | ' ');
    let parts: Vec<String> =
        text.split(separators).filter(|part| !part.is_empty()).map(repaired_label).collect::<Option<_>>()?;
    (!parts.is_empty()).then(|| parts.join(":"))
}

/// What a URL names: one workspace, or all logical clusters at once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ClusterTarget {
    /// `*`: every logical cluster.
    Every,
    /// A path, or a cluster name spelt as a path of one part.
    Path(WorkspacePath),
}

impl FromStr for ClusterTarget {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "*" { Ok(Self::Every) } else { text.parse().map(Self::Path) }
    }
}

impl std::fmt::Display for ClusterTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Every => f.write_str("*"),
            Self::Path(path) => path.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> WorkspacePath {
        text.parse().unwrap()
    }

    #[test]
    fn kapi_04_paths_split_and_join() {
        let dev = path("root:orgs:acme:dev");
        assert_eq!(dev.parts().collect::<Vec<_>>(), ["root", "orgs", "acme", "dev"]);
        assert_eq!(dev.base(), "dev");
        let above: Vec<String> = dev.ancestors().map(String::from).collect();
        assert_eq!(above, ["root:orgs:acme", "root:orgs", "root"]);
        assert!(dev.is_within(&path("root:orgs")) && !path("root:orgsx").is_within(&path("root:orgs")));
        assert_eq!(path("root").parent(), None);
    }

    #[test]
    fn kapi_04_a_system_path_is_one_name() {
        let cache = path("system:cache:server");
        assert_eq!(cache.parts().collect::<Vec<_>>(), ["system:cache:server"]);
        assert_eq!((cache.parent(), cache.base()), (None, "system:cache:server"));
        assert!(cache.join("x").is_err());
    }

    #[test]
    fn kapi_04_errors_say_what_where_and_what_was_meant() {
        for (text, part, at, meant) in [
            ("root:orgs:Acme", "Acme", 10, Some("root:orgs:acme")),
            ("root::x", "", 5, Some("root:x")),
            ("", "", 0, None),
            ("root/orgs", "root/orgs", 0, Some("root:orgs")),
            ("root:my_team", "my_team", 5, Some("root:my-team")),
            (":root", "", 0, Some("root")),
        ] {
            let error = text.parse::<WorkspacePath>().unwrap_err();
            assert_eq!((error.part(), error.at(), error.suggestion()), (part, at, meant), "{text}");
        }
        let huge = "A:".repeat(1 << 20);
        assert!(huge.parse::<WorkspacePath>().unwrap_err().to_string().len() < 400);
    }

    #[test]
    fn kapi_04_the_wildcard_is_a_target_of_its_own() {
        assert_eq!("*".parse::<ClusterTarget>().unwrap(), ClusterTarget::Every);
        assert_eq!("root".parse::<ClusterTarget>().unwrap(), ClusterTarget::Path(WorkspacePath::root()));
        assert!("*:x".parse::<ClusterTarget>().is_err());
    }

    #[test]
    fn kapi_04_home_paths_are_rewritten() {
        let (home, rest) = path("user:alice:x:y").home().unwrap();
        assert_eq!((home.as_str(), rest.unwrap().as_str()), ("v1u4alow0iv9", "x:y"));
        assert_eq!(path("user:bob").home().unwrap().1, None);
        assert_eq!(path("root:user").home(), None);
    }
}
