//! Who asks: the identity that authentication found, as Kubernetes spells it.

use std::collections::BTreeMap;

/// An authenticated identity (`user.Info` of Kubernetes).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserInfo {
    /// User name, for example `alice` or `system:serviceaccount:default:builder`.
    pub name: String,
    /// Stable id of the user; may be empty.
    pub uid: String,
    /// Groups, for example `system:authenticated`.
    pub groups: Vec<String>,
    /// Further attributes by key, for example `authentication.kcp.io/scopes`.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl UserInfo {
    /// The identity of in-process callers: member of `system:masters`.
    pub fn system(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            groups: vec!["system:masters".to_owned(), "system:authenticated".to_owned()],
            ..Self::default()
        }
    }

    /// Whether the user belongs to the group.
    pub fn in_group(&self, group: &str) -> bool {
        self.groups.iter().any(|g| g == group)
    }

    /// Renders the identity as `authentication.k8s.io/v1` `UserInfo`; empty parts are left out.
    pub fn to_value(&self) -> serde_json::Value {
        let mut map = serde_json::Map::new();
        if !self.name.is_empty() {
            map.insert("username".to_owned(), self.name.clone().into());
        }
        if !self.uid.is_empty() {
            map.insert("uid".to_owned(), self.uid.clone().into());
        }
        if !self.groups.is_empty() {
            map.insert("groups".to_owned(), self.groups.clone().into());
        }
        if !self.extra.is_empty() {
            let extra: serde_json::Map<_, _> =
                self.extra.iter().map(|(k, v)| (k.clone(), v.clone().into())).collect();
            map.insert("extra".to_owned(), extra.into());
        }
        map.into()
    }
}
