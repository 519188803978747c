//! Groups, versions, resources, kinds and verbs: how an API names its parts.

use std::fmt;
use std::sync::Arc;

/// A resource without its version: the unit of storage and of error texts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupResource {
    /// API group; empty for the core group.
    pub group: Arc<str>,
    /// Plural resource name.
    pub resource: Arc<str>,
}

impl GroupResource {
    /// Names a resource of a group.
    pub fn new(group: &str, resource: &str) -> Self {
        Self { group: group.into(), resource: resource.into() }
    }
}

impl fmt::Display for GroupResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.resource)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        Ok(())
    }
}

/// A resource in one version, as URLs address it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupVersionResource {
    /// API group; empty for the core group.
    pub group: Arc<str>,
    /// Version, for example `v1`.
    pub version: Arc<str>,
    /// Plural resource name.
    pub resource: Arc<str>,
}

impl GroupVersionResource {
    /// Names a resource of a group and version.
    pub fn new(group: &str, version: &str, resource: &str) -> Self {
        Self { group: group.into(), version: version.into(), resource: resource.into() }
    }

    /// The same resource without its version.
    pub fn group_resource(&self) -> GroupResource {
        GroupResource { group: self.group.clone(), resource: self.resource.clone() }
    }
}

/// A kind in one version, as objects carry it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupVersionKind {
    /// API group; empty for the core group.
    pub group: Arc<str>,
    /// Version, for example `v1`.
    pub version: Arc<str>,
    /// Kind, for example `ConfigMap`.
    pub kind: Arc<str>,
}

impl GroupVersionKind {
    /// Names a kind of a group and version.
    pub fn new(group: &str, version: &str, kind: &str) -> Self {
        Self { group: group.into(), version: version.into(), kind: kind.into() }
    }

    /// `group/version`, or the bare version in the core group.
    pub fn api_version(&self) -> String {
        api_version(&self.group, &self.version)
    }

    /// `Kind.group`, the spelling of validation errors.
    pub fn group_kind_text(&self) -> String {
        if self.group.is_empty() { self.kind.to_string() } else { format!("{}.{}", self.kind, self.group) }
    }
}

/// Joins group and version into the text of an `apiVersion` field.
pub fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

/// Splits the text of an `apiVersion` field into group and version.
pub fn split_api_version(text: &str) -> (&str, &str) {
    text.split_once('/').unwrap_or(("", text))
}

/// What a request does to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// Create one object.
    Create,
    /// Delete one object.
    Delete,
    /// Delete all objects a list would show.
    DeleteCollection,
    /// Read one object.
    Get,
    /// Read many objects.
    List,
    /// Change parts of one object.
    Patch,
    /// Replace one object.
    Update,
    /// Follow changes.
    Watch,
}

impl Verb {
    /// Every verb, in the order discovery prints them.
    pub const ALL: [Self; 8] = [
        Self::Delete,
        Self::DeleteCollection,
        Self::Get,
        Self::List,
        Self::Patch,
        Self::Create,
        Self::Update,
        Self::Watch,
    ];

    /// The lower-case text of authorization attributes and discovery.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
            Self::Get => "get",
            Self::List => "list",
            Self::Patch => "patch",
            Self::Update => "update",
            Self::Watch => "watch",
        }
    }

    /// Reads the text of a verb; `None` for words of other APIs, such as `bind`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|v| v.as_str() == text)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Orders versions as Kubernetes does: stable before beta before alpha, higher numbers first, other names last by text.
pub fn compare_versions(a: &str, b: &str) -> std::cmp::Ordering {
    match (rank(a), rank(b)) {
        (Some(x), Some(y)) => y.cmp(&x),
        (Some(_), None) => std::cmp::Ordering::Less,
        (None, Some(_)) => std::cmp::Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

/// (stage, major, minor) of `v<major>[alpha|beta<minor>]`; bigger is preferred.
fn rank(version: &str) -> Option<(u8, u64, u64)> {
    let rest = version.strip_prefix('v')?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let major: u64 = rest[..digits].parse().ok()?;
    let tail = &rest[digits..];
    if tail.is_empty() {
        return Some((3, major, 0));
    }
    let (stage, number) =
        if let Some(n) = tail.strip_prefix("beta") { (2, n) } else { (1, tail.strip_prefix("alpha")?) };
    Some((stage, major, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dev_02_versions_sort_by_stability_then_number() {
        let mut versions = vec!["v1alpha1", "foo", "v2", "v1beta2", "v1", "v10", "v1beta1", "bar"];
        versions.sort_by(|a, b| compare_versions(a, b));
        assert_eq!(versions, ["v10", "v2", "v1", "v1beta2", "v1beta1", "v1alpha1", "bar", "foo"]);
    }
}
