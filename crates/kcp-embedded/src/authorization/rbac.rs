//! The RBAC link: bootstrap policy (`system:admin`), then the cluster's own roles and bindings.

use apiserver::{
    Partition, UserInfo,
    rbac::{Request, Rule},
};
use verdict::{PolicyRule, Stage, Verdict};

use super::{Action, AuthorizationAttributes, missing_permission};
use crate::identity::effective_users;

/// The cluster whose roles and bindings hold everywhere.
pub const BOOTSTRAP_CLUSTER: &str = "system:admin";

impl Action {
    /// The action as RBAC rules read it.
    pub fn as_request(&self) -> Request<'_> {
        match self {
            Action::Path { verb, path } => Request::Path { verb, path },
            Action::Resource(action) => Request::Resource {
                verb: &action.verb,
                group: &action.group,
                resource: &action.resource,
                subresource: &action.subresource,
                namespace: &action.namespace,
                name: &action.name,
            },
        }
    }
}

/// Roles and bindings as the authorizers read them: snapshots per cluster.
pub trait Rules: Send + Sync {
    /// The rule by which bindings that stand in `cluster` grant the action to exactly this user. Role references resolve
    /// in the cluster first, then in `system:admin`.
    fn granting(&self, cluster: &Partition, user: &UserInfo, action: &Action) -> Option<PolicyRule>;

    /// All rules that bindings in `cluster` give this user, cluster-wide and in `namespace` (if given).
    fn rules_for(&self, cluster: &Partition, user: &UserInfo, namespace: Option<&str>) -> Vec<Rule>;
}

/// The bootstrap policy's and the local RBAC's verdict, in this order.
pub(super) fn union(rules: &dyn Rules, attributes: &AuthorizationAttributes) -> Vec<Verdict> {
    let Some(cluster) = &attributes.cluster else {
        return vec![Verdict::no_opinion(Stage::LocalPolicy, "no logical cluster")];
    };
    let users = effective_users(&attributes.user, cluster.as_str());
    let ask =
        |place: &Partition| users.iter().find_map(|user| rules.granting(place, user, &attributes.action));
    if let Some(rule) = ask(&Partition::from(BOOTSTRAP_CLUSTER)) {
        return vec![Verdict::allow(Stage::BootstrapPolicy, rule)];
    }
    let bootstrap = Verdict::no_opinion(Stage::BootstrapPolicy, "no role grants this");
    match ask(cluster) {
        Some(rule) => vec![bootstrap, Verdict::allow(Stage::LocalPolicy, rule)],
        None => vec![
            bootstrap,
            Verdict::no_opinion(Stage::LocalPolicy, "no role grants this")
                .missing(missing_permission(attributes)),
        ],
    }
}

/// The rule that grants the action to any effective user of the caller, by bootstrap policy or in `cluster`.
pub(crate) fn any_effective_user(
    rules: &dyn Rules,
    attributes: &AuthorizationAttributes,
    cluster: &Partition,
) -> Option<PolicyRule> {
    effective_users(&attributes.user, cluster.as_str())
        .iter()
        .find_map(|user| allowed_anywhere(rules, user, &attributes.action, cluster))
}

/// The rule that grants the action to exactly this user, by bootstrap policy or in `cluster`.
pub(crate) fn allowed_anywhere(
    rules: &dyn Rules,
    user: &UserInfo,
    action: &Action,
    cluster: &Partition,
) -> Option<PolicyRule> {
    rules
        .granting(&Partition::from(BOOTSTRAP_CLUSTER), user, action)
        .or_else(|| rules.granting(cluster, user, action))
}
