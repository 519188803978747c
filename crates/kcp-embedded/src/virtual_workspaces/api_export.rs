//! The view of a provider: its own resources and accepted claims, in one consumer or in all.
//!
//! Access is judged in three steps: the consumer bound the export and accepted the claim; the caller may see the export's
//! content; the export that provides a claimed resource permits it. What passes runs under the caller's name with a
//! warrant of full rights in the consumer.

use std::sync::Arc;

use apiserver::{ApiError, ApiSets, Partition, RequestCx, Scope, UserInfo, body::Body, store::ObjectKey};
use http::{Request, Response, header};
use kcp_api::{
    claims::{ClaimRequest, Claims, Coverage},
    keys,
};
use verdict::{Stage, Trace, Verdict};

use super::{VirtualCall, export_apis::ExportApis, inside};
use crate::{
    authorization::{Action, AuthorizationAttributes, ResourceAction, allowed_anywhere, forbidden, prefixed},
    bindings::BindingEntry,
    core::Core,
    exports::ExportEntry,
    identity::{effective_users, warrants::warrant_value},
    pipeline::rewrite,
    request_info::action_of,
};

/// Who stands behind writes of providers; the consumer's cluster is the scope of the warrant.
const WARRANT_USER: &str = "system:serviceaccount:default:rest";

pub(super) async fn handle(core: &Arc<Core>, call: VirtualCall) -> Result<Response<Body>, ApiError> {
    let place = inside(&call, 2)?;
    let [cluster, name] = place.heads.as_slice() else { return Err(ApiError::no_such_resource()) };
    if cluster.contains(':') {
        let text = format!("`{cluster}` is no cluster name: virtual workspaces take names, not paths");
        return Err(ApiError::new(403, "Forbidden", text));
    }
    let key = ObjectKey::new(Partition::from(cluster.as_str()), "", name);
    let action = action_of(call.request.method(), &place.rest, call.request.uri().query());
    let export = core.bound.exports.get(&key);
    let question = Question {
        core,
        export: export.as_deref(),
        key: &key,
        scope: &place.scope,
        user: &call.user,
        action: &action,
    };
    let trace = question.judge().await;
    let attributes = AuthorizationAttributes {
        user: call.user.clone(),
        cluster: place.scope.partition().cloned(),
        action: action.clone(),
        deep: false,
    };
    let path = core.tree.path_of(key.partition());
    core.decisions.record(&call.audit_id, &path, &attributes, &trace);
    if !trace.outcome().is_allow() {
        return Err(forbidden(&attributes, &trace));
    }
    // Only who may see the content learns whether the export is there.
    let export = export.clone().ok_or_else(|| {
        ApiError::new(404, "NotFound", format!("apiexports.apis.kcp.io \"{name}\" not found"))
    })?;
    let apis: Arc<dyn ApiSets> = Arc::new(ExportApis::new(core.clone(), export.clone()));
    question.apply_may_create(&apis, &call.request)?;
    let user = match &place.scope {
        Scope::One(consumer) => with_warrant(call.user, consumer),
        Scope::All => call.user,
    };
    let cx = RequestCx::new(place.scope, apis, user);
    Ok(core.server.handle(cx, rewrite(call.request, &place.rest)?).await)
}

/// The caller, with all rights in the consumer: the checks above stand for the consumer's own.
fn with_warrant(mut user: UserInfo, consumer: &Partition) -> UserInfo {
    let extra = [(keys::CLUSTER_NAME_EXTRA.to_owned(), vec![consumer.to_string()])];
    let warrant = UserInfo {
        name: WARRANT_USER.to_owned(),
        uid: String::new(),
        groups: vec!["system:kcp:admin".to_owned()],
        extra: extra.into_iter().collect(),
    };
    user.extra.entry(keys::WARRANT_EXTRA.to_owned()).or_default().push(warrant_value(&warrant));
    user
}

/// A request to judge.
struct Question<'a> {
    core: &'a Arc<Core>,
    export: Option<&'a ExportEntry>,
    key: &'a ObjectKey,
    scope: &'a Scope,
    user: &'a UserInfo,
    action: &'a Action,
}

impl Question<'_> {
    async fn judge(&self) -> Trace {
        let mut trace = Trace::new();
        if self.user.in_group("system:masters") {
            trace.record(Verdict::allow(Stage::AlwaysAllowGroups, "member of `system:masters`"));
            return trace;
        }
        match self.bound_api() {
            Ok(()) => {}
            Err(verdict) => {
                trace.record(*verdict);
                return trace;
            }
        }
        let content = self.content().await;
        if !content.outcome().is_allow() {
            trace.record(Verdict { stage: Stage::ExportContent, ..content.outcome() });
            return trace;
        }
        if let Err(verdict) = self.claimed_policy() {
            trace.record(*verdict);
            return trace;
        }
        trace.record(Verdict::allow(Stage::ExportContent, content.outcome().reason));
        trace
    }

    /// The consumer bound the export, and the resource is its own or claimed and accepted.
    fn bound_api(&self) -> Result<(), Box<Verdict>> {
        let (Scope::One(consumer), Action::Resource(action)) = (self.scope, self.action) else {
            return Ok(());
        };
        let deny = |text: &str| Err(Box::new(Verdict::deny(Stage::BoundApi, text)));
        let Some(binding) = self.core.bound.bindings.to_export(consumer, self.key) else {
            return deny("could not find suitable APIBinding in target logical cluster");
        };
        let offered = self.export.is_some_and(|export| export.offers(&action.group, &action.resource));
        let bound =
            binding.bound.iter().any(|b| *b.group == *action.group && *b.resource == *action.resource);
        if offered || bound {
            return Ok(());
        }
        let coverage = self.coverage(&binding, action, &action.verb);
        if coverage.is_covered() {
            return Ok(());
        }
        if action.group == "apis.kcp.io" && action.resource == "apibindings" {
            return match action.verb.as_str() {
                "get" | "list" | "watch" => Ok(()),
                _ => Err(Box::new(Verdict::no_opinion(
                    Stage::BoundApi,
                    "bindings can be read, not written, without a claim on them",
                ))),
            };
        }
        Err(Box::new(coverage.verdict()))
    }

    fn coverage(&self, binding: &BindingEntry, action: &ResourceAction, verb: &str) -> Coverage {
        let identity = self.claim_identity(action).unwrap_or_default();
        let request = ClaimRequest::new(verb, &action.group, &action.resource).of_identity(&identity);
        Claims::new(&binding.asked, &binding.answers).covers(&request)
    }

    /// `apiexports/content` in the provider's workspace, where the caller needs access as well.
    async fn content(&self) -> Trace {
        let verb = match self.action {
            Action::Resource(action) => action.verb.clone(),
            Action::Path { verb, .. } => verb.clone(),
        };
        let question = AuthorizationAttributes {
            user: self.user.clone(),
            cluster: Some(self.key.partition().clone()),
            action: Action::Resource(ResourceAction {
                verb,
                group: "apis.kcp.io".into(),
                version: "v1alpha2".into(),
                resource: "apiexports".into(),
                subresource: "content".into(),
                namespace: String::new(),
                name: self.key.name().to_owned(),
            }),
            deep: false,
        };
        self.core.chain.authorize(&question).await
    }

    /// A claimed API of somebody else: every export of its identity that bounds its consumers must permit this.
    fn claimed_policy(&self) -> Result<(), Box<Verdict>> {
        let Action::Resource(action) = self.action else { return Ok(()) };
        let Some(identity) = self.claim_identity(action) else { return Ok(()) };
        let exports = self.core.bound.exports.of_identity(&identity);
        if exports.is_empty() {
            return Err(Box::new(Verdict::deny(
                Stage::MaximalPermissionPolicy,
                "no export has the identity of this claim",
            )));
        }
        let rules = self.core.chain.rules();
        for export in exports.iter().filter(|export| export.has_local_policy) {
            // In the eyes of the other export a service account is the global one.
            let users = effective_users(self.user, export.cluster().as_str());
            let permitted = users.iter().any(|user| {
                allowed_anywhere(rules.as_ref(), &prefixed(user), self.action, export.cluster()).is_some()
            });
            if !permitted {
                let text = "the export that provides this API does not permit it to its consumers";
                return Err(Box::new(Verdict::no_opinion(Stage::MaximalPermissionPolicy, text)));
            }
        }
        Ok(())
    }

    /// Server-side apply makes an object that is not there, so on a claimed resource it needs `create` as well.
    fn apply_may_create(&self, apis: &Arc<dyn ApiSets>, request: &Request<Body>) -> Result<(), ApiError> {
        let (Scope::One(consumer), Action::Resource(action)) = (self.scope, self.action) else {
            return Ok(());
        };
        let kind =
            request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let applies = action.verb == "patch" && kind.starts_with("application/apply-patch");
        let own = self.export.is_some_and(|export| export.offers(&action.group, &action.resource));
        if !applies || own || !action.subresource.is_empty() {
            return Ok(());
        }
        let binding = self.core.bound.bindings.to_export(consumer, self.key);
        if binding.is_some_and(|binding| self.coverage(&binding, action, "create").is_covered()) {
            return Ok(());
        }
        let served = apis.lookup(self.scope, &action.group, &action.version, &action.resource, None)?;
        let key = ObjectKey::new(consumer.clone(), &action.namespace, &action.name);
        if self.core.store().get(&served.storage, &key).is_some() {
            return Ok(());
        }
        let attributes = AuthorizationAttributes {
            user: self.user.clone(),
            cluster: Some(consumer.clone()),
            action: self.action.clone(),
            deep: false,
        };
        let text = "the accepted claim has no verb `create`, and the object to apply does not exist";
        Err(crate::authorization::forbidden_because(&attributes, text))
    }

    fn claim_identity(&self, action: &ResourceAction) -> Option<String> {
        let export = self.export?;
        if export.offers(&action.group, &action.resource) {
            return None;
        }
        let claims = export.claims.as_array()?;
        let claim = claims.iter().find(|c| {
            c["group"].as_str().unwrap_or_default() == action.group
                && c["resource"] == action.resource.as_str()
        })?;
        claim["identityHash"].as_str().filter(|hash| !hash.is_empty()).map(str::to_owned)
    }
}
