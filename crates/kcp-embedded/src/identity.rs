//! Who a caller is inside one logical cluster: effective users, scopes, warrants, service accounts away from home.
//!
//! Pure functions over [`UserInfo`]; the authorizers ask every question once per effective user.

mod scopes; // extra `authentication.kcp.io/scopes`
pub(crate) mod warrants; // extra `authorization.kcp.io/warrant`

pub use scopes::{is_in_scope, scope_to};
pub use warrants::{Warrant, warrant_value};

use std::collections::BTreeMap;

use apiserver::UserInfo;

pub use kcp_api::keys::{
    CLUSTER_NAME_EXTRA as EXTRA_CLUSTER_NAME, SCOPES_EXTRA as EXTRA_SCOPES, WARRANT_EXTRA as EXTRA_WARRANT,
};

/// Group of everybody who authenticated.
pub const GROUP_AUTHENTICATED: &str = "system:authenticated";
/// Group of everybody who did not.
pub const GROUP_UNAUTHENTICATED: &str = "system:unauthenticated";
/// Name of a caller without credentials, and of one outside its scopes.
pub const USER_ANONYMOUS: &str = "system:anonymous";
/// Privileged group: every stage allows.
pub const GROUP_MASTERS: &str = "system:masters";
/// Administrators of the installation; rights come from RBAC.
pub const GROUP_KCP_ADMIN: &str = "system:kcp:admin";
/// The group in which the server itself initializes workspaces.
pub const GROUP_BOOTSTRAPPER: &str = "system:kcp:tenancy:workspace-bootstrapper";
/// Administrators of logical clusters.
pub const GROUP_LOGICAL_CLUSTER_ADMIN: &str = "system:kcp:logical-cluster-admin";
/// Administrators of logical clusters on other shards.
pub const GROUP_EXTERNAL_LOGICAL_CLUSTER_ADMIN: &str = "system:kcp:external-logical-cluster-admin";

const SERVICE_ACCOUNT_PREFIX: &str = "system:serviceaccount:";

/// Whether the user is a member of the group.
pub fn in_group(user: &UserInfo, group: &str) -> bool {
    user.groups.iter().any(|g| g == group)
}

/// Namespace and name of a service account, by the user's name.
pub fn service_account(user: &UserInfo) -> Option<(&str, &str)> {
    let (namespace, name) = user.name.strip_prefix(SERVICE_ACCOUNT_PREFIX)?.split_once(':')?;
    (!namespace.is_empty() && !name.is_empty()).then_some((namespace, name))
}

/// The logical cluster an identity comes from (extra `authentication.kcp.io/cluster-name`), if it names exactly one.
pub fn home_cluster(user: &UserInfo) -> Option<&str> {
    match user.extra.get(EXTRA_CLUSTER_NAME).map(Vec::as_slice) {
        Some([cluster]) => Some(cluster),
        _ => None,
    }
}

/// The name of a service account outside its own cluster.
pub fn global_service_account_name(cluster: &str, namespace: &str, name: &str) -> String {
    format!("system:kcp:serviceaccount:{cluster}:{namespace}:{name}")
}

/// Whether the user is a service account of this very cluster, within its scopes.
pub fn is_local_service_account(user: &UserInfo, cluster: &str) -> bool {
    service_account(user).is_some() && home_cluster(user) == Some(cluster) && is_in_scope(user, cluster)
}

/// The identities that count in `cluster`: the caller as seen there, then the caller's warrants.
///
/// - In scope: the caller itself.
/// - A service account of another cluster: its global name, groups `system:authenticated` and `system:cluster:<home>`.
/// - Out of scope: `system:anonymous` with group `system:authenticated`, and `system:cluster:<cluster>` for its home and for
///   every cluster of its scopes.
/// - A warrant that is a service account counts only with its own home; warrants nest.
pub fn effective_users(user: &UserInfo, cluster: &str) -> Vec<UserInfo> {
    let mut users = vec![as_seen_from(user, cluster)];
    let mut pending = warrants::of(user);
    // Nested warrants come from one header-sized extra, so the total is bounded; this cuts absurd nesting short.
    let mut budget = warrants::WARRANTS_MAX;
    while let Some(warrant) = pending.pop() {
        if budget == 0 {
            break;
        }
        budget -= 1;
        pending.extend(warrants::of(&warrant));
        if service_account(&warrant).is_some() && home_cluster(&warrant).is_none() {
            continue;
        }
        users.push(as_seen_from(&warrant, cluster));
    }
    users
}

fn as_seen_from(user: &UserInfo, cluster: &str) -> UserInfo {
    let home = home_cluster(user);
    let mut foreign_groups = vec![GROUP_AUTHENTICATED.to_owned()];
    for cluster in home.into_iter().chain(scopes::clusters(user)) {
        let group = format!("system:cluster:{cluster}");
        if !foreign_groups.contains(&group) {
            foreign_groups.push(group);
        }
    }
    if let (Some((namespace, name)), Some(home)) = (service_account(user), home)
        && home != cluster
    {
        return UserInfo {
            name: global_service_account_name(home, namespace, name),
            uid: user.uid.clone(),
            groups: foreign_groups,
            extra: without_kcp_extras(user),
        };
    }
    if !is_in_scope(user, cluster) {
        return UserInfo {
            name: USER_ANONYMOUS.to_owned(),
            uid: String::new(),
            groups: foreign_groups,
            extra: BTreeMap::new(),
        };
    }
    let mut seen = user.clone();
    seen.extra.remove(EXTRA_WARRANT);
    seen
}

/// The extras that say nothing of scope, home or warrants.
pub fn without_kcp_extras(user: &UserInfo) -> BTreeMap<String, Vec<String>> {
    let mut extra = user.extra.clone();
    for key in [EXTRA_SCOPES, EXTRA_CLUSTER_NAME, EXTRA_WARRANT] {
        extra.remove(key);
    }
    extra
}

/// A member of the privileged group under this name, for calls of the server to itself.
pub fn privileged(name: &str) -> UserInfo {
    UserInfo {
        name: name.to_owned(),
        uid: String::new(),
        groups: vec![GROUP_MASTERS.to_owned(), GROUP_AUTHENTICATED.to_owned()],
        extra: BTreeMap::new(),
    }
}

/// The identity in which the server initializes workspaces and bootstraps root.
pub fn bootstrapper() -> UserInfo {
    UserInfo {
        name: "system:kcp:bootstrapper".to_owned(),
        uid: String::new(),
        groups: vec![GROUP_BOOTSTRAPPER.to_owned(), GROUP_AUTHENTICATED.to_owned()],
        extra: BTreeMap::new(),
    }
}

/// A caller without credentials.
pub fn anonymous() -> UserInfo {
    UserInfo {
        name: USER_ANONYMOUS.to_owned(),
        uid: String::new(),
        groups: vec![GROUP_UNAUTHENTICATED.to_owned()],
        extra: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str, groups: &[&str], extra: &[(&str, &str)]) -> UserInfo {
        UserInfo {
            name: name.into(),
            uid: String::new(),
            groups: groups.iter().map(|g| (*g).to_owned()).collect(),
            extra: extra.iter().map(|(k, v)| ((*k).to_owned(), vec![(*v).to_owned()])).collect(),
        }
    }

    #[test]
    fn auz_08_foreign_service_account_is_known_by_its_global_name_and_its_cluster_group() {
        let account = user(
            "system:serviceaccount:default:rest",
            &["system:serviceaccounts"],
            &[(EXTRA_CLUSTER_NAME, "abc")],
        );
        assert_eq!(effective_users(&account, "abc")[0].name, account.name);
        assert!(is_local_service_account(&account, "abc"));
        let abroad = &effective_users(&account, "other")[0];
        assert_eq!(abroad.name, "system:kcp:serviceaccount:abc:default:rest");
        assert_eq!(abroad.groups, ["system:authenticated", "system:cluster:abc"]);
    }

    #[test]
    fn ann_04_scope_makes_a_user_anonymous_elsewhere_but_authenticated() {
        let alice = user(
            "alice",
            &["developers"],
            &[(EXTRA_SCOPES, "cluster:one,cluster:two"), (EXTRA_CLUSTER_NAME, "one")],
        );
        assert_eq!(effective_users(&alice, "two")[0].name, "alice");
        let outside = &effective_users(&alice, "three")[0];
        assert_eq!(outside.name, USER_ANONYMOUS);
        assert_eq!(outside.groups, ["system:authenticated", "system:cluster:one", "system:cluster:two"]);
        // Who was impersonated in a cluster has a scope and no home.
        let bob = user("bob", &[], &[(EXTRA_SCOPES, "cluster:one")]);
        assert_eq!(effective_users(&bob, "three")[0].groups, ["system:authenticated", "system:cluster:one"]);
    }

    #[test]
    fn ann_04_warrants_nest_and_a_service_account_warrant_needs_its_home() {
        let inner = user("carol", &["ops"], &[]);
        let outer = user("bob", &[], &[(EXTRA_WARRANT, &warrant_value(&inner))]);
        let lost = user("system:serviceaccount:default:rest", &[], &[]);
        let mut alice = user("alice", &[], &[]);
        alice.extra.insert(
            EXTRA_WARRANT.into(),
            vec![warrant_value(&outer), warrant_value(&lost), "not json".into()],
        );
        let names: Vec<_> = effective_users(&alice, "x").into_iter().map(|u| u.name).collect();
        assert_eq!(names, ["alice", "bob", "carol"]);
    }
}
