//! May this caller do this? The chain of kcp's authorizers, each answer kept with its grounds.
//!
//! Order: always-allowed groups, always-allowed paths, then RBAC and the webhook in the order of
//! `--authorization-order`. The first decisive verdict ends the chain; an end without one is a refusal.

pub mod decisions; // recent traces by audit id
mod maximal_permission_policy; // upper bound an export sets for its consumers
mod rbac; // rules of roles and bindings: bootstrap policy, then the cluster's own
mod required_groups; // annotation on the logical cluster
mod system_crd; // status of exports and bindings belongs to the server
pub mod webhook; // SubjectAccessReview over HTTPS
mod workspace_content; // who may look into a workspace at all

use std::{fmt, sync::Arc};

use apiserver::{ApiError, GroupResource, Partition, UserInfo};
use async_trait::async_trait;
use verdict::{Decision, Missing, Stage, Trace, Verdict};

pub use self::rbac::Rules;
pub(crate) use self::{maximal_permission_policy::prefixed, rbac::allowed_anywhere};
use crate::{
    identity::{GROUP_MASTERS, in_group},
    tree::Tree,
};

/// What is asked for: a resource or a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// A request for a resource.
    Resource(ResourceAction),
    /// A request for a path that is no resource.
    Path {
        /// The method in lower case.
        verb: String,
        /// The path without the cluster prefix.
        path: String,
    },
}

/// A verb on a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ResourceAction {
    /// Kubernetes verb (`get`, `list`, `bind`, …).
    pub verb: String,
    /// API group, empty for the core group.
    pub group: String,
    /// API version.
    pub version: String,
    /// Plural resource name.
    pub resource: String,
    /// Subresource, empty where there is none.
    pub subresource: String,
    /// Namespace, empty at the cluster scope.
    pub namespace: String,
    /// Object name, empty for collections.
    pub name: String,
}

impl ResourceAction {
    /// `resource` or `resource/subresource`.
    pub fn full_resource(&self) -> String {
        if self.subresource.is_empty() {
            self.resource.clone()
        } else {
            format!("{}/{}", self.resource, self.subresource)
        }
    }
}

impl Action {
    /// A verb on a path that is no resource.
    pub fn path(verb: &str, path: &str) -> Self {
        Action::Path { verb: verb.to_owned(), path: path.to_owned() }
    }

    /// The verb.
    pub fn verb(&self) -> &str {
        match self {
            Action::Resource(action) => &action.verb,
            Action::Path { verb, .. } => verb,
        }
    }

    /// The resource action, if it is one.
    pub fn resource(&self) -> Option<&ResourceAction> {
        match self {
            Action::Resource(action) => Some(action),
            Action::Path { .. } => None,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Path { verb, path } => write!(f, "{verb} {path}"),
            Action::Resource(action) => {
                write!(f, "{} {}", action.verb, action.full_resource())?;
                if !action.group.is_empty() {
                    write!(f, ".{}", action.group)?;
                }
                match (action.namespace.is_empty(), action.name.is_empty()) {
                    (true, true) => Ok(()),
                    (true, false) => write!(f, " {}", action.name),
                    (false, _) => write!(f, " {}/{}", action.namespace, action.name),
                }
            }
        }
    }
}

/// One question to the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationAttributes {
    /// The caller as authenticated; effective users are derived inside the chain.
    pub user: UserInfo,
    /// The logical cluster; `None` for requests without one and for the wildcard.
    pub cluster: Option<Partition>,
    /// What is asked for.
    pub action: Action,
    /// A deep question (another cluster's `bind`, `use`, …): required groups and workspace access are not asked.
    pub deep: bool,
}

/// A stage of somebody else's making: the webhook, or a function injected by the embedding program.
#[async_trait]
pub trait Authorizer: Send + Sync {
    /// Judges one question. A fault is no opinion ([`Verdict::fault`]), never an allow.
    async fn authorize(&self, attributes: &AuthorizationAttributes) -> Verdict;
}

/// Which exports bound what sets an upper bound on requests for bound resources.
pub trait BoundPolicies: Send + Sync {
    /// What the maximal permission policy says about `group`/`resource` in `cluster`.
    fn policy(&self, cluster: &Partition, group: &str, resource: &str) -> BoundPolicy;
}

/// Answer of [`BoundPolicies`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BoundPolicy {
    /// The resource is not bound, or its export sets no policy.
    Unlimited,
    /// RBAC of this cluster (the export's) bounds what consumers may do.
    Local(Partition),
}

/// A configurable step of the chain (`--authorization-order`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Members of `system:masters`.
    AlwaysAllowGroups,
    /// Health endpoints.
    AlwaysAllowPaths,
    /// The RBAC chain.
    Rbac,
    /// The webhook and injected authorizers.
    Webhook,
}

/// kcp's default order.
pub const DEFAULT_ORDER: [Step; 4] =
    [Step::AlwaysAllowGroups, Step::AlwaysAllowPaths, Step::Rbac, Step::Webhook];

/// The chain. Cheap to clone.
#[derive(Clone)]
pub struct Chain {
    order: Arc<[Step]>,
    tree: Arc<Tree>,
    rules: Arc<dyn Rules>,
    policies: Arc<dyn BoundPolicies>,
    others: Arc<[Arc<dyn Authorizer>]>,
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain")
            .field("order", &self.order)
            .field("others", &self.others.len())
            .finish_non_exhaustive()
    }
}

impl Chain {
    /// A chain in `order` over these sources; `others` are asked one after the other at [`Step::Webhook`].
    pub fn new(
        order: &[Step],
        tree: Arc<Tree>,
        rules: Arc<dyn Rules>,
        policies: Arc<dyn BoundPolicies>,
        others: Vec<Arc<dyn Authorizer>>,
    ) -> Self {
        Self { order: order.into(), tree, rules, policies, others: others.into() }
    }

    /// Asks the stages in order and returns every verdict given.
    ///
    /// # Cancellation
    /// Nothing stands if the future is dropped.
    pub async fn authorize(&self, attributes: &AuthorizationAttributes) -> Trace {
        let mut trace = Trace::new();
        for step in self.order.iter() {
            let ended = match step {
                Step::AlwaysAllowGroups => trace.record(always_allow_groups(attributes)),
                Step::AlwaysAllowPaths => trace.record(always_allow_paths(attributes)),
                Step::Rbac => self.rbac_chain(attributes, &mut trace),
                Step::Webhook => self.ask_others(attributes, &mut trace).await,
            };
            if ended {
                break;
            }
        }
        trace
    }

    /// The RBAC chain: each link lets the next one speak or ends it. True if a decisive verdict was recorded.
    fn rbac_chain(&self, attributes: &AuthorizationAttributes, trace: &mut Trace) -> bool {
        let links: [&dyn Fn() -> Link; 4] = [
            &|| required_groups::link(&self.tree, attributes),
            &|| workspace_content::link(&self.tree, self.rules.as_ref(), attributes),
            &|| system_crd::link(attributes),
            &|| maximal_permission_policy::link(self.policies.as_ref(), self.rules.as_ref(), attributes),
        ];
        for link in links {
            if let Link::Ends(verdict) = link() {
                return trace.record(*verdict);
            }
        }
        for verdict in rbac::union(self.rules.as_ref(), attributes) {
            if trace.record(verdict) {
                return true;
            }
        }
        false
    }

    async fn ask_others(&self, attributes: &AuthorizationAttributes, trace: &mut Trace) -> bool {
        for other in self.others.iter() {
            if trace.record(ask_for_effective_users(other.as_ref(), attributes).await) {
                return true;
            }
        }
        false
    }

    /// The RBAC sources, for rule listings and escalation checks.
    pub fn rules(&self) -> &Arc<dyn Rules> {
        &self.rules
    }
}

/// Asks an outside authorizer once per effective user: an allow of any wins, then a deny of any.
async fn ask_for_effective_users(other: &dyn Authorizer, attributes: &AuthorizationAttributes) -> Verdict {
    let Some(cluster) = &attributes.cluster else { return other.authorize(attributes).await };
    let mut refusal: Option<Verdict> = None;
    for user in crate::identity::effective_users(&attributes.user, cluster.as_str()) {
        let question = AuthorizationAttributes { user, ..attributes.clone() };
        let verdict = other.authorize(&question).await;
        match (verdict.decision, &refusal) {
            (Decision::Allow, _) => return verdict,
            (Decision::Deny, Some(first)) if first.decision == Decision::NoOpinion => refusal = Some(verdict),
            (_, None) => refusal = Some(verdict),
            _ => {}
        }
    }
    refusal.unwrap_or_else(|| Verdict::no_opinion(Stage::Webhook, "no effective user"))
}

impl Link {
    fn ends(verdict: Verdict) -> Self {
        Link::Ends(Box::new(verdict))
    }
}

/// What a link of the RBAC chain does: hand on, or end the chain with a verdict.
enum Link {
    Delegates,
    Ends(Box<Verdict>),
}

fn always_allow_groups(attributes: &AuthorizationAttributes) -> Verdict {
    if in_group(&attributes.user, GROUP_MASTERS) {
        return Verdict::allow(Stage::AlwaysAllowGroups, "member of `system:masters`");
    }
    Verdict::no_opinion(Stage::AlwaysAllowGroups, "not a privileged group")
}

fn always_allow_paths(attributes: &AuthorizationAttributes) -> Verdict {
    let Action::Path { path, .. } = &attributes.action else {
        return Verdict::no_opinion(Stage::AlwaysAllowPaths, "a resource");
    };
    let health = ["/healthz", "/livez", "/readyz"];
    if health.iter().any(|p| path == p || path.strip_prefix(p).is_some_and(|rest| rest.starts_with('/'))) {
        return Verdict::allow(Stage::AlwaysAllowPaths, "health endpoint");
    }
    Verdict::no_opinion(Stage::AlwaysAllowPaths, "not a health endpoint")
}

/// The 403 of a refused request. RBAC's grounds stay inside (`access denied`); a webhook's own reason is passed on.
pub fn forbidden(attributes: &AuthorizationAttributes, trace: &Trace) -> ApiError {
    let outcome = trace.outcome();
    let reason = match outcome.stage {
        Stage::Webhook | Stage::Other(_) if outcome.fault.is_none() && outcome.is_decisive() => {
            outcome.reason.to_string()
        }
        _ => "access denied".to_owned(),
    };
    forbidden_because(attributes, &reason)
}

/// A 403 with this reason, in the words of Kubernetes.
pub fn forbidden_because(attributes: &AuthorizationAttributes, reason: &str) -> ApiError {
    let user = &attributes.user.name;
    match &attributes.action {
        Action::Path { verb, path } => {
            let message = format!("forbidden: User \"{user}\" cannot {verb} path \"{path}\": {reason}");
            ApiError::new(403, "Forbidden", message)
        }
        Action::Resource(action) => {
            let place = if action.namespace.is_empty() {
                "at the cluster scope".to_owned()
            } else {
                format!("in the namespace \"{}\"", action.namespace)
            };
            let message = format!(
                "User \"{user}\" cannot {} resource \"{}\" in API group \"{}\" {place}: {reason}",
                action.verb,
                action.full_resource(),
                action.group,
            );
            ApiError::forbidden(&GroupResource::new(&action.group, &action.resource), &action.name, message)
        }
    }
}

fn missing_permission(attributes: &AuthorizationAttributes) -> Missing {
    let target = match &attributes.action {
        Action::Path { path, .. } => path.clone(),
        Action::Resource(action) if action.group.is_empty() => action.full_resource(),
        Action::Resource(action) => {
            let subresource = if action.subresource.is_empty() {
                String::new()
            } else {
                format!("/{}", action.subresource)
            };
            format!("{}.{}{subresource}", action.resource, action.group)
        }
    };
    Missing::permission(attributes.action.verb(), target, &attributes.user.name)
}
