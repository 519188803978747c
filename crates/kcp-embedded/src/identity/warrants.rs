//! Warrants: further identities whose rights a caller may use.

use std::collections::BTreeMap;

use apiserver::UserInfo;
use serde::{Deserialize, Serialize};

use super::EXTRA_WARRANT;

/// At most this many warrants of one caller are looked at, nested ones included.
pub(super) const WARRANTS_MAX: usize = 32;

/// The JSON value of extra `authorization.kcp.io/warrant`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warrant {
    /// User name.
    pub user: String,
    /// User id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// Groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Extras; scopes and nested warrants among them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, Vec<String>>,
}

impl From<Warrant> for UserInfo {
    fn from(warrant: Warrant) -> Self {
        let Warrant { user, uid, groups, extra } = warrant;
        UserInfo { name: user, uid, groups, extra }
    }
}

/// The extra value that grants the rights of `user`.
pub fn warrant_value(user: &UserInfo) -> String {
    let warrant = Warrant {
        user: user.name.clone(),
        uid: user.uid.clone(),
        groups: user.groups.clone(),
        extra: user.extra.clone(),
    };
    serde_json::to_string(&warrant).unwrap_or_default()
}

/// The valid warrants of a user; a value that is no warrant grants nothing.
pub(super) fn of(user: &UserInfo) -> Vec<UserInfo> {
    let values = user.extra.get(EXTRA_WARRANT).map(Vec::as_slice).unwrap_or_default();
    values
        .iter()
        .rev()
        .take(WARRANTS_MAX)
        .filter_map(|value| serde_json::from_str::<Warrant>(value).ok())
        .filter(|warrant| !warrant.user.is_empty())
        .map(UserInfo::from)
        .collect()
}
