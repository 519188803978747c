//! Reviews: whose token is this, may that user do this, what may I do — answered as the cluster's own chain would.

use apiserver::{
    ApiError, Cause, GroupVersionKind, Partition, RequestCx, UserInfo, subresource::VirtualCreate,
};
use async_trait::async_trait;
use serde_json::{Value, json};
use verdict::Decision;

use crate::{
    authentication::service_accounts,
    authorization::{Action, AuthorizationAttributes, ResourceAction},
    core::{SYSTEM_ADMIN, WeakCore, upgrade},
    identity::effective_users,
};

/// Which review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Review {
    /// TokenReview.
    Token,
    /// SubjectAccessReview.
    SubjectAccess,
    /// LocalSubjectAccessReview.
    LocalSubjectAccess,
    /// SelfSubjectAccessReview.
    SelfSubjectAccess,
    /// SelfSubjectRulesReview.
    SelfSubjectRules,
}

/// Answers one kind of review.
pub struct ReviewHandler {
    /// Which.
    pub review: Review,
    /// The server.
    pub core: WeakCore,
}

#[async_trait]
impl VirtualCreate for ReviewHandler {
    async fn create(
        &self,
        cx: &RequestCx,
        namespace: Option<&str>,
        mut object: Value,
    ) -> Result<Value, ApiError> {
        let core = upgrade(&self.core)?;
        core.feeds.catch_up();
        let cluster = cx.partition()?;
        object["status"] = match self.review {
            Review::Token => self.token(&object["spec"], cluster).await?,
            Review::SelfSubjectRules => {
                let namespace = object["spec"]["namespace"].as_str().unwrap_or_default().to_owned();
                rules_status(&core, &cx.user, cluster, &namespace)
            }
            Review::SelfSubjectAccess => {
                let action = action_of(&object["spec"]).ok_or_else(|| {
                    self.invalid(
                        "spec.resourceAttributes",
                        "exactly one of nonResourceAttributes or resourceAttributes must be specified",
                    )
                })?;
                self.access(cx.user.clone(), cluster, action).await?
            }
            Review::SubjectAccess | Review::LocalSubjectAccess => {
                let spec = &object["spec"];
                let user = user_of(spec);
                if user.name.is_empty() && user.groups.is_empty() {
                    return Err(self.invalid("spec.user", "at least one of user or group must be specified"));
                }
                let action = action_of(spec).ok_or_else(|| {
                    self.invalid(
                        "spec.resourceAttributes",
                        "exactly one of nonResourceAttributes or resourceAttributes must be specified",
                    )
                })?;
                if self.review == Review::LocalSubjectAccess {
                    let of = action.resource().map(|a| a.namespace.as_str()).unwrap_or_default();
                    if namespace != Some(of) {
                        return Err(self
                            .invalid("spec.resourceAttributes.namespace", "must match metadata.namespace"));
                    }
                }
                self.access(user, cluster, action).await?
            }
        };
        Ok(object)
    }
}

impl ReviewHandler {
    fn invalid(&self, field: &str, why: &str) -> ApiError {
        let kind = match self.review {
            Review::Token => "TokenReview",
            Review::SubjectAccess => "SubjectAccessReview",
            Review::LocalSubjectAccess => "LocalSubjectAccessReview",
            Review::SelfSubjectAccess => "SelfSubjectAccessReview",
            Review::SelfSubjectRules => "SelfSubjectRulesReview",
        };
        let group =
            if self.review == Review::Token { "authentication.k8s.io" } else { "authorization.k8s.io" };
        ApiError::invalid(
            &GroupVersionKind::new(group, "v1", kind),
            "",
            vec![Cause::invalid(field, &Value::Null, why)],
        )
    }

    async fn token(&self, spec: &Value, cluster: &Partition) -> Result<Value, ApiError> {
        let core = upgrade(&self.core)?;
        let token = spec["token"].as_str().unwrap_or_default();
        if token.is_empty() {
            return Err(self.invalid("spec.token", "token is required"));
        }
        let authentication =
            core.authentication.get().ok_or_else(|| ApiError::unavailable("the server is starting"))?;
        Ok(match authentication.authenticate_token(token, Some(cluster)).await {
            Ok(user) => {
                let wanted: Vec<&str> = crate::records::strings(&spec["audiences"]);
                if !wanted.is_empty() && !wanted.contains(&service_accounts::ISSUER) {
                    return Ok(
                        json!({"user": {}, "error": "token audiences do not match the audiences asked for"}),
                    );
                }
                json!({"authenticated": true, "user": user.to_value(), "audiences": [service_accounts::ISSUER]})
            }
            Err(_) => json!({"user": {}, "error": "invalid bearer token"}),
        })
    }

    async fn access(&self, user: UserInfo, cluster: &Partition, action: Action) -> Result<Value, ApiError> {
        let core = upgrade(&self.core)?;
        let question = AuthorizationAttributes { user, cluster: Some(cluster.clone()), action, deep: false };
        let outcome = core.chain.authorize(&question).await.outcome();
        let mut status = json!({"allowed": outcome.is_allow()});
        if outcome.decision == Decision::Deny {
            status["denied"] = true.into();
        }
        // The grounds stay inside, as in refusals.
        status["reason"] = if outcome.is_allow() { "access granted" } else { "access denied" }.into();
        if let Some(fault) = outcome.fault {
            status["evaluationError"] = fault.into();
        }
        Ok(status)
    }
}

/// The user a SubjectAccessReview asks about.
pub fn user_of(spec: &Value) -> UserInfo {
    let text = |field: &str| spec[field].as_str().unwrap_or_default().to_owned();
    let texts =
        |value: &Value| crate::records::strings(value).into_iter().map(str::to_owned).collect::<Vec<_>>();
    let extra = spec["extra"]
        .as_object()
        .map(|extra| extra.iter().map(|(key, values)| (key.to_ascii_lowercase(), texts(values))).collect())
        .unwrap_or_default();
    UserInfo { name: text("user"), uid: text("uid"), groups: texts(&spec["groups"]), extra }
}

/// The action of a review; `None` unless exactly one of both forms is given.
pub fn action_of(spec: &Value) -> Option<Action> {
    let text = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
    match (&spec["resourceAttributes"], &spec["nonResourceAttributes"]) {
        (resource @ Value::Object(_), Value::Null) => Some(Action::Resource(ResourceAction {
            verb: text(resource, "verb"),
            group: text(resource, "group"),
            version: text(resource, "version"),
            resource: text(resource, "resource"),
            subresource: text(resource, "subresource"),
            namespace: text(resource, "namespace"),
            name: text(resource, "name"),
        })),
        (Value::Null, path @ Value::Object(_)) => {
            Some(Action::Path { verb: text(path, "verb"), path: text(path, "path") })
        }
        _ => None,
    }
}

/// The union of the rules of all effective users, by bootstrap policy and in the cluster.
fn rules_status(core: &crate::core::Core, user: &UserInfo, cluster: &Partition, namespace: &str) -> Value {
    let rules = core.chain.rules();
    let places = [Partition::from(SYSTEM_ADMIN), cluster.clone()];
    let mut resources: Vec<Value> = Vec::new();
    let mut paths: Vec<Value> = Vec::new();
    for user in effective_users(user, cluster.as_str()) {
        for place in &places {
            for rule in rules.rules_for(place, &user, Some(namespace)) {
                let list = if rule.non_resource_urls.is_empty() { &mut resources } else { &mut paths };
                let value = rule.to_value();
                if !list.contains(&value) {
                    list.push(value);
                }
            }
        }
    }
    json!({"resourceRules": resources, "nonResourceRules": paths, "incomplete": false})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auz_06_review_needs_exactly_one_kind_of_attributes() {
        let resource =
            json!({"resourceAttributes": {"verb": "bind", "group": "apis.kcp.io", "resource": "apiexports"}});
        assert_eq!(
            action_of(&resource).map(|a| a.to_string()).as_deref(),
            Some("bind apiexports.apis.kcp.io")
        );
        let both = json!({"resourceAttributes": {}, "nonResourceAttributes": {}});
        assert_eq!((action_of(&both), action_of(&json!({}))), (None, None));
        let user = user_of(&json!({"user": "a", "extra": {"Authentication.kcp.io/Scopes": ["cluster:x"]}}));
        assert_eq!(user.extra["authentication.kcp.io/scopes"], ["cluster:x"]);
    }
}
