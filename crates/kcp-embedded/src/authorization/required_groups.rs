//! Required groups: annotation `authorization.kcp.io/required-groups` of the logical cluster.

use kcp_api::workspaces::RequiredGroups;
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
        Some(rule) => {
            let required = RequiredGroups::parse(rule);
            if required.are_met_by(|group| in_group(user, group)) {
                return Link::Delegates;
            }
            let alternatives = required.alternatives().iter().map(|groups| groups.join(",")).collect();
            Link::ends(
                Verdict::deny(Stage::RequiredGroups, "the caller lacks a required group")
                    .missing(Missing::Group(alternatives)),
            )
        }
    }
}
