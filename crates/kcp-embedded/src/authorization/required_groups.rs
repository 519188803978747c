//! Required groups: annotation `authorization.kcp.io/required-groups` of the logical cluster.

use verdict::{Missing, Stage, Verdict};

use super::{AuthorizationAttributes, Link};
use crate::{
    identity::{
        GROUP_BOOTSTRAPPER, GROUP_EXTERNAL_LOGICAL_CLUSTER_ADMIN, GROUP_KCP_ADMIN,
        GROUP_LOGICAL_CLUSTER_ADMIN, in_group, service_account,
    },
    tree::Tree,
};

const EXEMPT: [&str; 4] =
    [GROUP_KCP_ADMIN, GROUP_BOOTSTRAPPER, GROUP_LOGICAL_CLUSTER_ADMIN, GROUP_EXTERNAL_LOGICAL_CLUSTER_ADMIN];

pub(super) fn link(tree: &Tree, attributes: &AuthorizationAttributes) -> Link {
    let Some(cluster) = attributes.cluster.as_ref().filter(|_| !attributes.deep) else {
        return Link::Delegates;
    };
    let user = &attributes.user;
    if service_account(user).is_some()
        || EXEMPT.iter().any(|group| in_group(user, group))
        || cluster.as_str().starts_with("system:")
    {
        return Link::Delegates;
    }
    let Some(entry) = tree.cluster(cluster) else {
        return Link::ends(Verdict::no_opinion(Stage::RequiredGroups, "no such logical cluster"));
    };
    match &entry.required_groups {
        None => Link::Delegates,
        Some(rule) if satisfies(rule, |group| in_group(user, group)) => Link::Delegates,
        Some(rule) => Link::ends(
            Verdict::deny(Stage::RequiredGroups, "the caller lacks a required group")
                .missing(Missing::Group(rule.split(';').map(|s| s.trim().to_owned()).collect())),
        ),
    }
}

/// `a,b;c` is (a and b) or c; empty alternatives admit nobody.
pub(crate) fn satisfies(rule: &str, has: impl Fn(&str) -> bool) -> bool {
    rule.split(';').any(|all| {
        let mut groups = all.split(',').map(str::trim).filter(|g| !g.is_empty()).peekable();
        groups.peek().is_some() && groups.all(&has)
    })
}

#[cfg(test)]
mod tests {
    use super::satisfies;

    #[test]
    fn ann_03_semicolon_separates_alternatives_and_comma_conjunctions() {
        let has = |groups: &'static [&'static str]| move |g: &str| groups.contains(&g);
        assert!(satisfies("a,b;c", has(&["c"])));
        assert!(satisfies("a,b;c", has(&["a", "b"])));
        assert!(!satisfies("a,b;c", has(&["a"])));
        assert!(!satisfies(" ; ", has(&["a"])));
    }
}
