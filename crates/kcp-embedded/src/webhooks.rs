//! Admission webhooks: which ones a write meets, and what they answer.
//!
//! For a bound resource the configurations beside the export hold in every consumer; for other resources those of the
//! cluster itself.

mod call; // HTTPS to one webhook
mod configurations; // all configurations, by cluster
mod review; // AdmissionReview out and in

use apiserver::{
    ApiError, Partition,
    admission::{Admission, Attributes, Seen},
};
use async_trait::async_trait;
use mesh_cel::Budget;

use self::configurations::{FailurePolicy, Kind, Webhook};
pub use self::{call::Calls, configurations::Configurations};
use crate::{
    api_sets::BoundResources as _,
    core::{Core, WeakCore, upgrade},
};

/// The plugin that asks webhooks.
pub struct Webhooks {
    core: WeakCore,
    calls: Calls,
}

impl Webhooks {
    /// Asks the webhooks that the core's configurations name.
    pub fn new(core: WeakCore) -> Self {
        Self { core, calls: Calls::default() }
    }

    async fn run(&self, attributes: &mut Attributes<'_>, kind: Kind) -> Result<(), ApiError> {
        // The configurations themselves are not subject to webhooks: a broken one could never be mended.
        if &*attributes.resource.gvk.group == "admissionregistration.k8s.io" {
            return Ok(());
        }
        let core = upgrade(&self.core)?;
        core.feeds.catch_up();
        let home = home_of(&core, attributes);
        for webhook in core.webhooks.of(&home, kind) {
            if webhook.matcher.matches(&core, attributes).await && self.meets(&webhook, attributes)? {
                self.ask(&webhook, attributes, kind).await?;
            }
        }
        Ok(())
    }

    /// Whether the match conditions hold. One that cannot be evaluated counts as the failure policy says.
    fn meets(&self, webhook: &Webhook, attributes: &Attributes<'_>) -> Result<bool, ApiError> {
        if webhook.conditions.is_empty() {
            return Ok(true);
        }
        let mut seen = Seen::of(attributes);
        seen.object = review::shown(&seen.object, attributes);
        seen.old = review::shown(&seen.old, attributes);
        match webhook.conditions.hold(&seen.inputs(), &mut Budget::default()) {
            Ok(holds) => Ok(holds),
            Err(error) if webhook.failure_policy == FailurePolicy::Ignore => {
                tracing::warn!(webhook = webhook.name, error, "match condition failed, webhook is not asked");
                Ok(false)
            }
            Err(error) => {
                Err(ApiError::forbidden(&attributes.resource.group_resource(), attributes.name, error))
            }
        }
    }

    async fn ask(
        &self,
        webhook: &Webhook,
        attributes: &mut Attributes<'_>,
        kind: Kind,
    ) -> Result<(), ApiError> {
        if attributes.dry_run && !webhook.is_dry_run_safe {
            let text = format!("admission webhook \"{}\" does not support dry run", webhook.name);
            return Err(ApiError::bad_request(text));
        }
        let asked = async {
            let review = review::request(webhook, attributes)?;
            let answer = self.calls.post(webhook, review.body).await?;
            review::response(webhook, &review.uid, &answer, kind)
        };
        match asked.await {
            Ok(answer) => answer.take_effect(webhook, attributes),
            Err(error) if webhook.failure_policy == FailurePolicy::Ignore => {
                tracing::warn!(webhook = webhook.name, %error, "webhook failed and is ignored");
                Ok(())
            }
            Err(error) => {
                Err(ApiError::internal(format!("failed calling webhook \"{}\": {error}", webhook.name)))
            }
        }
    }
}

/// The cluster whose configurations hold for a write.
pub(crate) fn home_of(core: &Core, attributes: &Attributes<'_>) -> Partition {
    let gr = attributes.resource.group_resource();
    let provider = core.bound.provider(attributes.partition, &gr.group, &gr.resource);
    provider.unwrap_or_else(|| attributes.partition.clone())
}

#[async_trait]
impl Admission for Webhooks {
    async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        self.run(attributes, Kind::Mutating).await
    }

    async fn validate(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        self.run(attributes, Kind::Validating).await
    }
}
