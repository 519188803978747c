//! Workspace content: a workspace is closed to everybody without verb `access` on `/` in it.

use verdict::{Missing, Stage, Verdict};

use super::{
    Action, AuthorizationAttributes, Link,
    rbac::{Rules, any_effective_user},
};
use crate::{
    identity::{GROUP_LOGICAL_CLUSTER_ADMIN, in_group, is_local_service_account},
    tree::{Phase, Tree},
};

/// Prefixes of the groups of lifecycle controllers that act with the permissions of their type.
const LIFECYCLE_GROUPS: [&str; 2] = ["system:kcp:initializer:", "system:kcp:terminator:"];

pub(super) fn link(tree: &Tree, rules: &dyn Rules, attributes: &AuthorizationAttributes) -> Link {
    let user = &attributes.user;
    if attributes.deep || in_group(user, GROUP_LOGICAL_CLUSTER_ADMIN) {
        return Link::Delegates;
    }
    let no_opinion = |why: &str| Link::ends(Verdict::no_opinion(Stage::WorkspaceContent, why));
    let Some(cluster) = &attributes.cluster else { return no_opinion("no logical cluster") };
    if cluster.as_str().starts_with("system:") {
        return no_opinion("a logical cluster of the system");
    }
    let Some(entry) = tree.cluster(cluster) else {
        return Link::ends(Verdict::deny(Stage::WorkspaceContent, "no such logical cluster"));
    };
    if !entry.phase.has_content() {
        return no_opinion("the workspace is not ready");
    }
    if matches!(entry.phase, Phase::Initializing | Phase::Terminating | Phase::Deleting)
        && lifecycle_of(&user.groups).any(|lifecycle| {
            entry.initializers.iter().chain(entry.terminators.iter()).any(|i| i == lifecycle)
        })
    {
        return Link::ends(Verdict::allow(Stage::WorkspaceContent, "a lifecycle controller at work"));
    }
    if is_local_service_account(user, cluster.as_str()) {
        return Link::Delegates;
    }
    let access = AuthorizationAttributes { action: Action::path("access", "/"), ..attributes.clone() };
    if any_effective_user(rules, &access, cluster).is_some() {
        return Link::Delegates;
    }
    Link::ends(
        Verdict::no_opinion(Stage::WorkspaceContent, "no access to the workspace")
            .missing(Missing::permission("access", "/", &user.name)),
    )
}

fn lifecycle_of(groups: &[String]) -> impl Iterator<Item = &str> {
    groups.iter().filter_map(|group| LIFECYCLE_GROUPS.iter().find_map(|prefix| group.strip_prefix(prefix)))
}
