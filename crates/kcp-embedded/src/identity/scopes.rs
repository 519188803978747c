//! Scopes: the logical clusters in which an identity counts.

use apiserver::UserInfo;

use super::EXTRA_SCOPES;

const CLUSTER_PREFIX: &str = "cluster:";

/// Whether every scope of the user admits the cluster. One value is a comma list of alternatives; several values must
/// all admit it. An alternative of unknown form admits nothing.
pub fn is_in_scope(user: &UserInfo, cluster: &str) -> bool {
    let Some(scopes) = user.extra.get(EXTRA_SCOPES) else { return true };
    scopes.iter().all(|value| {
        value
            .split(',')
            .any(|scope| scope.trim().strip_prefix(CLUSTER_PREFIX).is_some_and(|name| name == cluster))
    })
}

/// The clusters that every scope of the user admits; none for a user without scopes.
pub(super) fn clusters(user: &UserInfo) -> impl Iterator<Item = &str> {
    let scopes = user.extra.get(EXTRA_SCOPES).map(Vec::as_slice).unwrap_or_default();
    let first = scopes.first().map(String::as_str).unwrap_or_default();
    first
        .split(',')
        .filter_map(|scope| scope.trim().strip_prefix(CLUSTER_PREFIX))
        .filter(|name| !name.is_empty() && is_in_scope(user, name))
}

/// Limits the user to `cluster`, in addition to the scopes it has.
pub fn scope_to(user: &mut UserInfo, cluster: &str) {
    let scope = format!("{CLUSTER_PREFIX}{cluster}");
    let scopes = user.extra.entry(EXTRA_SCOPES.to_owned()).or_default();
    if !scopes.contains(&scope) {
        scopes.push(scope);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ann_04_values_are_conjunctions_of_alternatives() {
        let mut user = UserInfo::default();
        assert!(is_in_scope(&user, "a"));
        user.extra.insert(EXTRA_SCOPES.into(), vec!["cluster:a,cluster:b".into()]);
        scope_to(&mut user, "b");
        assert!(is_in_scope(&user, "b"));
        assert!(!is_in_scope(&user, "a"));
        assert_eq!(clusters(&user).collect::<Vec<_>>(), ["b"]);
        user.extra.insert(EXTRA_SCOPES.into(), vec!["namespace:a".into()]);
        assert_eq!(clusters(&user).count(), 0);
        assert!(!is_in_scope(&user, "a"));
    }
}
