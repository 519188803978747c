//! Workspaces that are being set up or torn down, as the initializer or terminator of a type sees them.
//!
//! Logical clusters that still carry the marker can be listed and watched; their status can lose the marker and nothing
//! else. The content of each is reached through a proxy for as long as the marker is there.

use std::sync::Arc;

use apiserver::{
    ApiError, ApiSets, Partition, RequestCx, Scope, UserInfo, body::Body, rbac::Rule, store::ObjectKey,
};
use http::Response;
use kcp_api::{InitializerName, keys};
use serde_json::Value;
use verdict::{Stage as Link, Trace, Verdict};

use super::{Inside, VirtualCall, inside, lifecycle_apis::LifecycleApis};
use crate::{
    authorization::{Action, AuthorizationAttributes, ResourceAction, forbidden, forbidden_because},
    core::Core,
    kinds, pipeline,
    request_info::action_of,
    tree::{ClusterEntry, Phase},
    workspace_types,
};

/// Which end of a workspace's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Initializers work.
    Initializing,
    /// Terminators work.
    Terminating,
}

impl Stage {
    /// The verb on the workspace type.
    fn verb(self) -> &'static str {
        match self {
            Stage::Initializing => "initialize",
            Stage::Terminating => "terminate",
        }
    }

    /// The word for a marker.
    pub(super) fn marker(self) -> &'static str {
        match self {
            Stage::Initializing => "initializer",
            Stage::Terminating => "terminator",
        }
    }

    /// The list in status.
    pub(super) fn field(self) -> &'static str {
        match self {
            Stage::Initializing => "initializers",
            Stage::Terminating => "terminators",
        }
    }

    pub(super) fn phase(self) -> Phase {
        match self {
            Stage::Initializing => Phase::Initializing,
            Stage::Terminating => Phase::Terminating,
        }
    }

    fn permissions(self) -> &'static str {
        match self {
            Stage::Initializing => "initializerPermissions",
            Stage::Terminating => "terminatorPermissions",
        }
    }

    /// Whether the marker of a cluster is still there.
    fn holds(self, entry: &ClusterEntry, marker: &str) -> bool {
        let list = match self {
            Stage::Initializing => &entry.initializers,
            Stage::Terminating => &entry.terminators,
        };
        entry.phase == self.phase() && list.iter().any(|name| name == marker)
    }
}

pub(super) async fn handle(
    core: &Arc<Core>,
    call: VirtualCall,
    stage: Stage,
) -> Result<Response<Body>, ApiError> {
    let place = inside(&call, 1)?;
    let text = place.heads.first().cloned().unwrap_or_default();
    let marker = marker_of(&text, &call.user, stage)?;
    let action = action_of(call.request.method(), &place.rest, call.request.uri().query());
    may_use(core, (&call.user, &call.audit_id), &place, &marker, stage, &action).await?;
    if is_logical_cluster(&place.scope, &action) {
        let apis: Arc<dyn ApiSets> = Arc::new(LifecycleApis::new(core, &marker, stage)?);
        let cx = RequestCx::new(place.scope, apis, call.user);
        return Ok(core.server.handle(cx, pipeline::rewrite(call.request, &place.rest)?).await);
    }
    match place.scope {
        Scope::One(ref cluster) => {
            content(core, call, cluster.clone(), &place.rest, &marker, stage, action).await
        }
        Scope::All => Err(ApiError::no_such_resource()),
    }
}

/// The marker that a URL names. What cannot be one marks no workspace: `system:masters` see that, and discover what there
/// would be; others learn how markers are written.
fn marker_of(text: &str, user: &UserInfo, stage: Stage) -> Result<InitializerName, ApiError> {
    if let Ok(marker) = text.parse() {
        return Ok(marker);
    }
    let nobody = format!("system:none:{}", stage.marker());
    match nobody.parse() {
        Ok(marker) if user.in_group("system:masters") => Ok(marker),
        _ => Err(ApiError::new(
            404,
            "NotFound",
            format!("`{text}` is no {}: `<cluster name>:<type name>` is", stage.marker()),
        )),
    }
}

/// The logical cluster itself is served here; over all clusters there is nothing else, discovery included.
fn is_logical_cluster(scope: &Scope, action: &Action) -> bool {
    match (scope, action) {
        (_, Action::Resource(action)) => {
            action.group == "core.kcp.io" && action.resource == "logicalclusters"
        }
        (Scope::All, Action::Path { .. }) => true,
        (Scope::One(_), Action::Path { .. }) => false,
    }
}

/// The verb `initialize` or `terminate` on the type, judged where the type stands.
async fn may_use(
    core: &Arc<Core>,
    (user, audit_id): (&UserInfo, &str),
    place: &Inside,
    marker: &InitializerName,
    stage: Stage,
    action: &Action,
) -> Result<(), ApiError> {
    let mut trace = Trace::new();
    match marker.workspace_type() {
        Some((cluster, type_name)) => {
            let question = ResourceAction {
                verb: stage.verb().into(),
                group: workspace_types::TENANCY.into(),
                version: workspace_types::V1ALPHA1.into(),
                resource: "workspacetypes".into(),
                name: type_name.to_owned(),
                ..ResourceAction::default()
            };
            let home = Partition::from(cluster.as_str());
            let allowed = core.deep_allowed(user, &home, question).await;
            trace.record(match allowed {
                true => {
                    Verdict::allow(Link::Lifecycle, format!("verb `{}` on the workspace type", stage.verb()))
                }
                false => Verdict::deny(
                    Link::Lifecycle,
                    format!("verb `{}` on the workspace type is missing", stage.verb()),
                ),
            });
        }
        None => {
            let own = user.in_group("system:masters");
            trace.record(match own {
                true => Verdict::allow(Link::AlwaysAllowGroups, "member of `system:masters`"),
                false => Verdict::deny(Link::Lifecycle, "markers of the system belong to the server"),
            });
        }
    }
    let attributes = AuthorizationAttributes {
        user: user.clone(),
        cluster: place.scope.partition().cloned(),
        action: action.clone(),
        deep: false,
    };
    core.decisions.record(audit_id, marker.as_str(), &attributes, &trace);
    if trace.outcome().is_allow() { Ok(()) } else { Err(forbidden(&attributes, &trace)) }
}

/// The content proxy.
async fn content(
    core: &Arc<Core>,
    call: VirtualCall,
    cluster: Partition,
    rest: &str,
    marker: &InitializerName,
    stage: Stage,
    action: Action,
) -> Result<Response<Body>, ApiError> {
    core.feeds.catch_up();
    let mut attributes = AuthorizationAttributes {
        user: call.user.clone(),
        cluster: Some(cluster.clone()),
        action,
        deep: false,
    };
    let entry = core.tree.cluster(&cluster).filter(|entry| stage.holds(entry, marker.as_str()));
    if entry.is_none() {
        let text = format!("the workspace is not {} for `{marker}`", gerund(stage));
        return Err(forbidden_because(&attributes, &text));
    }
    attributes.user = acting_user(core, &attributes, &cluster, marker, stage).await?;
    pipeline::authorize(core, &call.audit_id, &attributes).await?;
    let apis: Arc<dyn ApiSets> = core.apis.clone();
    let cx = RequestCx::new(Scope::One(cluster), apis, attributes.user);
    Ok(core.server.handle(cx, pipeline::rewrite(call.request, rest)?).await)
}

fn gerund(stage: Stage) -> &'static str {
    match stage {
        Stage::Initializing => "initializing",
        Stage::Terminating => "terminating",
    }
}

/// As whom the content is reached: under declared rules the caller itself, else whoever created the workspace.
async fn acting_user(
    core: &Arc<Core>,
    attributes: &AuthorizationAttributes,
    cluster: &Partition,
    marker: &InitializerName,
    stage: Stage,
) -> Result<UserInfo, ApiError> {
    if let Some(rules) = declared_rules(core, marker, stage).await {
        if !rules.iter().any(|rule| rule.grants(&attributes.action.as_request())) {
            let text = format!("the {} of the workspace type do not cover this", stage.permissions());
            return Err(forbidden_because(attributes, &text));
        }
        let mut user = attributes.user.clone();
        user.groups.push(format!("system:kcp:{}:{marker}", stage.marker()));
        return Ok(user);
    }
    let key = ObjectKey::new(cluster.clone(), "", keys::LOGICAL_CLUSTER_NAME);
    let object = core.store().get(&kinds::logical_clusters(), &key).map(|s| s.value()).unwrap_or_default();
    let owner = match &object["spec"]["createdBy"] {
        Value::Null => object["metadata"]["annotations"][keys::OWNER]
            .as_str()
            .and_then(|text| serde_json::from_str::<Value>(text).ok())
            .unwrap_or_default(),
        created_by => created_by.clone(),
    };
    user_of(&owner)
        .ok_or_else(|| forbidden_because(attributes, "the workspace has no recorded creator to act as"))
}

async fn declared_rules(core: &Arc<Core>, marker: &InitializerName, stage: Stage) -> Option<Vec<Rule>> {
    let (cluster, name) = marker.workspace_type()?;
    let home = Partition::from(cluster.as_str());
    let object = core.read(&home, &workspace_types::gvr(), name).await?;
    let rules = object["spec"][stage.permissions()].as_array()?;
    Some(rules.iter().map(Rule::from_value).collect())
}

fn user_of(info: &Value) -> Option<UserInfo> {
    let name = info["username"].as_str().filter(|name| !name.is_empty())?;
    Some(UserInfo {
        name: name.to_owned(),
        uid: info["uid"].as_str().unwrap_or_default().to_owned(),
        groups: serde_json::from_value(info["groups"].clone()).unwrap_or_default(),
        extra: serde_json::from_value(info["extra"].clone()).unwrap_or_default(),
    })
}
