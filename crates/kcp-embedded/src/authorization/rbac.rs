//! The RBAC link: bootstrap policy (`system:admin`), then the cluster's own roles and bindings.

use apiserver::{Partition, UserInfo};
use verdict::{PolicyRule, Stage, Verdict};

use super::{Action, AuthorizationAttributes, missing_permission};
use crate::identity::effective_users;

/// The cluster whose roles and bindings hold everywhere.
pub const BOOTSTRAP_CLUSTER: &str = "system:admin";

/// One rule of a role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Verbs; `*` is all.
    pub verbs: Vec<String>,
    /// API groups; `*` is all.
    pub api_groups: Vec<String>,
    /// Resources, with subresources after a slash; `*` is all, `*/x` subresource x of all.
    pub resources: Vec<String>,
    /// Object names; empty means all.
    pub resource_names: Vec<String>,
    /// Paths that are no resources; a trailing `*` matches the rest.
    pub non_resource_urls: Vec<String>,
}

impl Rule {
    /// Whether the rule grants the action.
    pub fn allows(&self, action: &Action) -> bool {
        let has = |list: &[String], wanted: &str| list.iter().any(|item| item == "*" || item == wanted);
        if !has(&self.verbs, action.verb()) {
            return false;
        }
        match action {
            Action::Path { path, .. } => {
                self.non_resource_urls.iter().any(|pattern| path_matches(pattern, path))
            }
            Action::Resource(action) => {
                has(&self.api_groups, &action.group)
                    && self.names_resource(&action.resource, &action.subresource)
                    && (self.resource_names.is_empty() || self.resource_names.contains(&action.name))
            }
        }
    }

    fn names_resource(&self, resource: &str, subresource: &str) -> bool {
        self.resources.iter().any(|item| match item.split_once('/') {
            _ if item == "*" => true,
            None => subresource.is_empty() && item == resource,
            Some(("*", wanted)) => wanted == subresource && !subresource.is_empty(),
            Some((wanted, below)) => wanted == resource && below == subresource,
        })
    }
}

/// Whether a path pattern of a rule covers a path.
pub fn path_matches(pattern: &str, path: &str) -> bool {
    pattern == "*"
        || pattern == path
        || pattern.strip_suffix('*').is_some_and(|start| path.starts_with(start))
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
