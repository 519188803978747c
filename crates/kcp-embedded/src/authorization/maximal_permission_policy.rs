//! Maximal permission policy: what consumers may do at most with a resource they bound.

use apiserver::UserInfo;
use verdict::{Stage, Verdict};

use super::{
    AuthorizationAttributes, BoundPolicies, BoundPolicy, Link, missing_permission,
    rbac::{Rules, allowed_anywhere},
};
use crate::identity::{effective_users, without_kcp_extras};

/// Prefix of user and group names in the export's cluster.
pub(crate) const BINDING_PREFIX: &str = "apis.kcp.io:binding:";

pub(super) fn link(
    policies: &dyn BoundPolicies,
    rules: &dyn Rules,
    attributes: &AuthorizationAttributes,
) -> Link {
    let (Some(cluster), Some(action)) = (&attributes.cluster, attributes.action.resource()) else {
        return Link::Delegates;
    };
    let BoundPolicy::Local(export_cluster) = policies.policy(cluster, &action.group, &action.resource) else {
        return Link::Delegates;
    };
    let satisfied = effective_users(&attributes.user, cluster.as_str())
        .iter()
        .any(|user| allowed_anywhere(rules, &prefixed(user), &attributes.action, &export_cluster).is_some());
    if satisfied {
        return Link::Delegates;
    }
    Link::ends(
        Verdict::no_opinion(
            Stage::MaximalPermissionPolicy,
            "the export does not permit this to its consumers",
        )
        .missing(missing_permission(attributes)),
    )
}

/// The user as RBAC of an export's cluster names consumers.
pub(crate) fn prefixed(user: &UserInfo) -> UserInfo {
    UserInfo {
        name: format!("{BINDING_PREFIX}{}", user.name),
        uid: user.uid.clone(),
        groups: user.groups.iter().map(|group| format!("{BINDING_PREFIX}{group}")).collect(),
        extra: without_kcp_extras(user),
    }
}
