//! Claim labels on every write: whoever writes, the labels say what is claimed and nothing else.

use apiserver::{
    ApiError,
    admission::{Admission, Attributes, Operation},
};
use async_trait::async_trait;
use kcp_api::builtins;

use super::{labels_for, set_labels};
use crate::core::{WeakCore, upgrade};

/// The plugin.
pub struct ClaimLabels(pub WeakCore);

#[async_trait]
impl Admission for ClaimLabels {
    async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        let writes = matches!(attributes.operation, Operation::Create | Operation::Update);
        if !writes || attributes.subresource.is_some() || attributes.resource.virtual_create.is_some() {
            return Ok(());
        }
        let core = upgrade(&self.0)?;
        core.feeds.catch_up();
        let gr = attributes.resource.group_resource();
        // Without an identity, only built-in kinds can be claimed; most clusters have no claim on most kinds.
        if attributes.resource.storage.identity.is_none()
            && builtins::claimable(&gr.group, &gr.resource).is_none()
        {
            return Ok(());
        }
        let wanted =
            labels_for(&core.bound, attributes.partition, &gr.group, &gr.resource, &attributes.object);
        set_labels(&mut attributes.object, &wanted);
        Ok(())
    }
}
