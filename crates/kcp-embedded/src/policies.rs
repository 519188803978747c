//! ValidatingAdmissionPolicies: which ones a write meets, and what they say.
//!
//! As for webhooks, the policies beside the export hold for a bound resource in every consumer; for other resources those
//! of the cluster itself.

mod index; // policies and bindings by cluster
mod params; // the objects that a binding hands to its policy
mod status; // what a stored policy says of itself

use std::sync::Arc;

use apiserver::{
    ApiError, Partition,
    admission::{Admission, Attributes, Policy, Reason, Refusal, Seen},
    error::{Cause, Details},
};
use async_trait::async_trait;
use mesh_cel::Budget;
use serde_json::Value;

use self::index::{Binding, Entry};
pub(crate) use self::{index::Policies, status::controller};
use crate::{
    core::{Core, WeakCore, upgrade},
    kinds,
    webhooks::home_of,
};

/// The plugin.
pub(crate) struct PolicyAdmission(pub(crate) WeakCore);

#[async_trait]
impl Admission for PolicyAdmission {
    async fn validate(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        // Policies do not judge what puts them into force: a broken one could never be mended.
        if &*attributes.resource.gvk.group == "admissionregistration.k8s.io" {
            return Ok(());
        }
        let core = upgrade(&self.0)?;
        let home = home_of(&core, attributes);
        let in_force = core.policies.of(&home);
        if in_force.is_empty() {
            return Ok(());
        }
        let mut asked = Asked { core: &core, home, seen: None, namespace: None };
        for (entry, binding) in in_force {
            asked.one(&entry, &binding, attributes).await?;
        }
        Ok(())
    }
}

/// One write, with what is fetched for it once.
struct Asked<'a> {
    core: &'a Core,
    home: Partition,
    seen: Option<Seen>,
    namespace: Option<Value>,
}

impl Asked<'_> {
    async fn one(
        &mut self,
        entry: &Entry,
        binding: &Binding,
        attributes: &mut Attributes<'_>,
    ) -> Result<(), ApiError> {
        let matched = entry.matcher.matches(self.core, attributes).await
            && binding.matcher.matches(self.core, attributes).await;
        if !matched {
            return Ok(());
        }
        let policy = &entry.policy;
        let params = params::of(self.core, &self.home, entry, binding, attributes.namespace).await;
        let refusals = match params {
            Ok(params) => self.judge(policy, &params, attributes).await,
            Err(message) if policy.fails_closed => vec![Refusal { reason: Reason("Invalid", 422), message }],
            Err(message) => {
                tracing::warn!(policy = policy.name, error = message, "policy failed and is ignored");
                Vec::new()
            }
        };
        take_effect(policy, binding, refusals, attributes)
    }

    async fn judge(
        &mut self,
        policy: &Policy,
        params: &[Arc<Value>],
        attributes: &Attributes<'_>,
    ) -> Vec<Refusal> {
        if self.namespace.is_none() {
            self.namespace = Some(namespace_of(self.core, attributes).await);
        }
        let seen = self.seen.get_or_insert_with(|| Seen::of(attributes));
        let namespace = self.namespace.as_ref().unwrap_or(&Value::Null);
        let mut budget = Budget::default();
        params.iter().flat_map(|params| policy.judge(seen, namespace, params, &mut budget)).collect()
    }
}

async fn namespace_of(core: &Core, attributes: &Attributes<'_>) -> Value {
    if attributes.namespace.is_empty() || !attributes.resource.namespaced {
        return Value::Null;
    }
    let found = core.read(attributes.partition, &kinds::namespaces(), attributes.namespace).await;
    found.unwrap_or(Value::Null)
}

/// Refuses, or warns, as the binding says. Audit has no reader here.
fn take_effect(
    policy: &Policy,
    binding: &Binding,
    refusals: Vec<Refusal>,
    attributes: &mut Attributes<'_>,
) -> Result<(), ApiError> {
    let who = format!("ValidatingAdmissionPolicy '{}' with binding '{}'", policy.name, binding.name);
    for refusal in &refusals {
        if binding.warns {
            attributes.warnings.push(format!("Validation failed for {who}: {}", refusal.message));
        }
    }
    let Some(first) = refusals.first().filter(|_| binding.denies) else { return Ok(()) };
    let Reason(reason, code) = first.reason;
    let gr = attributes.resource.group_resource();
    let mut error =
        ApiError::forbidden(&gr, attributes.name, format!("{who} denied request: {}", first.message));
    (error.reason, error.code) = (reason, code);
    let causes = refusals.iter().map(|refusal| Cause {
        reason: String::new(),
        message: format!("{who} denied request: {}", refusal.message),
        field: String::new(),
    });
    error.details.get_or_insert_with(|| Box::new(Details::default())).causes.extend(causes);
    Err(error)
}
