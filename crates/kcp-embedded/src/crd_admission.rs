//! What a cluster's own CustomResourceDefinitions may not be: kcp's groups, kcp's annotations, resources bound already.

use apiserver::{Admission, ApiError, Attributes, Operation};
use async_trait::async_trait;

use crate::{
    api_sets::BoundResources as _,
    core::{WeakCore, upgrade},
    identity::{GROUP_MASTERS, in_group},
};

const RESERVED_GROUP: &str = "apis.kcp.io";

/// The plugin.
pub struct CrdAdmission(pub WeakCore);

#[async_trait]
impl Admission for CrdAdmission {
    async fn validate(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        let concerned = attributes.resource.gvk.group.as_ref() == "apiextensions.k8s.io"
            && attributes.resource.plural.as_ref() == "customresourcedefinitions"
            && attributes.subresource.is_none()
            && matches!(attributes.operation, Operation::Create | Operation::Update);
        if !concerned || in_group(attributes.user, GROUP_MASTERS) {
            return Ok(());
        }
        let forbidden =
            |why: String| ApiError::forbidden(&attributes.resource.group_resource(), attributes.name, why);
        let crd = &attributes.object;
        let group = crd["spec"]["group"].as_str().unwrap_or_default();
        let plural = crd["spec"]["names"]["plural"].as_str().unwrap_or_default();
        if group == RESERVED_GROUP || group.ends_with(&format!(".{RESERVED_GROUP}")) {
            return Err(forbidden(format!("{group} is a reserved group")));
        }
        let annotations = crd["metadata"]["annotations"].as_object();
        let reserved = annotations.into_iter().flatten().find(|(key, value)| {
            key.starts_with("apis.kcp.io/")
                && attributes.old["metadata"]["annotations"][key.as_str()] != **value
        });
        if let Some((key, _)) = reserved {
            return Err(forbidden(format!("{key} is a reserved annotation")));
        }
        let core = upgrade(&self.0)?;
        if attributes.operation == Operation::Create
            && core.options.refuse_overlapping_crds
            && core.bound.provider(attributes.partition, group, plural).is_some()
        {
            return Err(forbidden(format!("overlapping CRD and bound API for {plural}.{group}")));
        }
        Ok(())
    }
}
