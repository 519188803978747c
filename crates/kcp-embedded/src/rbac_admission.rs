//! Nobody grants what they do not hold: roles and bindings are checked against the author's own rules.

use apiserver::{
    Admission, ApiError, Attributes, Operation, UserInfo,
    rbac::{Rule, escalation_message, uncovered},
};
use async_trait::async_trait;

use crate::{
    authorization::{ResourceAction, Rules as _},
    core::{Core, SYSTEM_ADMIN, WeakCore, upgrade},
    identity::{GROUP_MASTERS, effective_users, in_group},
};

const GROUP: &str = "rbac.authorization.k8s.io";

/// The plugin.
pub struct RbacAdmission(pub WeakCore);

#[async_trait]
impl Admission for RbacAdmission {
    async fn validate(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        let concerned = attributes.resource.gvk.group.as_ref() == GROUP
            && attributes.subresource.is_none()
            && matches!(attributes.operation, Operation::Create | Operation::Update);
        if !concerned || in_group(attributes.user, GROUP_MASTERS) {
            return Ok(());
        }
        let core = upgrade(&self.0)?;
        core.feeds.catch_up();
        match attributes.resource.plural.as_ref() {
            "clusterroles" | "roles" => role(&core, attributes).await,
            _ => binding(&core, attributes).await,
        }
    }
}

async fn role(core: &Core, attributes: &Attributes<'_>) -> Result<(), ApiError> {
    let (new, old) = (&attributes.object, &attributes.old);
    if !old.is_null() && new["rules"] == old["rules"] && new["aggregationRule"] == old["aggregationRule"] {
        return Ok(());
    }
    if may(core, attributes, "escalate", attributes.resource.plural.as_ref(), attributes.name).await {
        return Ok(());
    }
    let held = held(core, attributes.user, attributes);
    if new["aggregationRule"].is_object() {
        let everything = [Rule::of(&["*"], &["*"], &["*"]), Rule::of_paths(&["*"], &["*"])];
        if !uncovered(&held, &everything).is_empty() {
            return Err(refuse(attributes, "must have cluster-admin privileges to use the aggregationRule"));
        }
    }
    match escalation_message(attributes.user, &held, &Rule::all_of(new), &[]) {
        Some(why) => Err(refuse(attributes, &why)),
        None => Ok(()),
    }
}

async fn binding(core: &Core, attributes: &Attributes<'_>) -> Result<(), ApiError> {
    let (new, old) = (&attributes.object, &attributes.old);
    if !old.is_null() && new["subjects"] == old["subjects"] && new["roleRef"] == old["roleRef"] {
        return Ok(());
    }
    let reference = &new["roleRef"];
    let name = reference["name"].as_str().unwrap_or_default();
    let plural = if reference["kind"] == "Role" { "roles" } else { "clusterroles" };
    if may(core, attributes, "bind", plural, name).await {
        return Ok(());
    }
    let namespace = (plural == "roles").then_some(attributes.namespace);
    let Some(rules) = core.rbac.role_rules(attributes.partition, namespace, name) else {
        let missing = apiserver::GroupResource::new(GROUP, plural);
        return Err(ApiError::not_found(&missing, name));
    };
    match escalation_message(attributes.user, &held(core, attributes.user, attributes), &rules, &[]) {
        Some(why) => Err(refuse(attributes, &why)),
        None => Ok(()),
    }
}

fn refuse(attributes: &Attributes<'_>, why: &str) -> ApiError {
    ApiError::forbidden(&attributes.resource.group_resource(), attributes.name, why)
}

async fn may(core: &Core, attributes: &Attributes<'_>, verb: &str, plural: &str, name: &str) -> bool {
    let action = ResourceAction {
        verb: verb.to_owned(),
        group: GROUP.to_owned(),
        version: "v1".to_owned(),
        resource: plural.to_owned(),
        namespace: attributes.namespace.to_owned(),
        name: name.to_owned(),
        ..ResourceAction::default()
    };
    core.deep_allowed(attributes.user, attributes.partition, action).await
}

/// Everything the author holds in the cluster, by all effective users.
fn held(core: &Core, user: &UserInfo, attributes: &Attributes<'_>) -> Vec<Rule> {
    let cluster = attributes.partition;
    let places = [SYSTEM_ADMIN.into(), cluster.clone()];
    effective_users(user, cluster.as_str())
        .iter()
        .flat_map(|user| {
            places.iter().flat_map(|place| core.rbac.rules_for(place, user, Some(attributes.namespace)))
        })
        .collect()
}
