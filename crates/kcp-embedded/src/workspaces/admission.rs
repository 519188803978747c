//! Admission of Workspaces: who owns it, which type it gets, whether that type may stand here.

use apiserver::{Admission, ApiError, Attributes, Operation};
use async_trait::async_trait;
use kcp_api::workspaces::{self, TypeRefusal};
use serde_json::{Value, json};

use super::{OWNER, REQUIRED_GROUPS};
use crate::{
    core::{WeakCore, upgrade},
    identity::{GROUP_MASTERS, in_group},
    records::{set_annotation, set_label},
    workspace_types::{self, TENANCY},
};

/// The plugin.
pub struct WorkspaceAdmission(pub WeakCore);

fn concerns(attributes: &Attributes<'_>, operation: Operation) -> bool {
    attributes.operation == operation
        && attributes.resource.gvk.group.as_ref() == TENANCY
        && attributes.resource.plural.as_ref() == "workspaces"
        && attributes.subresource.is_none()
}

fn forbidden(attributes: &Attributes<'_>, why: impl std::fmt::Display) -> ApiError {
    ApiError::forbidden(&attributes.resource.group_resource(), attributes.name, why)
}

#[async_trait]
impl Admission for WorkspaceAdmission {
    async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        if !concerns(attributes, Operation::Create) {
            return Ok(());
        }
        let core = upgrade(&self.0)?;
        if !in_group(attributes.user, GROUP_MASTERS) {
            let owner = attributes.user.to_value().to_string();
            set_annotation(&mut attributes.object, OWNER, owner);
            let parent = core.tree.cluster(attributes.partition);
            if let Some(groups) = parent.and_then(|entry| entry.required_groups.clone()) {
                set_annotation(&mut attributes.object, REQUIRED_GROUPS, &*groups);
            }
        }
        let wanted = workspace_types::reference(&attributes.object["spec"]["type"]);
        let chosen = workspace_types::choose(&core, attributes.partition, wanted.as_ref())
            .map_err(|error| forbidden(attributes, error))?;
        if !attributes.object["spec"].is_object() {
            attributes.object["spec"] = json!({});
        }
        // Clients compare what they wrote: a path that is a cluster name stays one.
        let path = wanted.and_then(|wanted| wanted.path).unwrap_or_else(|| chosen.path.to_string());
        attributes.object["spec"]["type"] = json!({"name": chosen.name, "path": path});
        let labels = attributes.object["metadata"]["labels"].as_object().into_iter().flatten();
        let labels = labels.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()));
        for (key, value) in workspaces::label_additions(&chosen, &labels.collect()) {
            set_label(&mut attributes.object, &key, value);
        }
        Ok(())
    }

    async fn validate(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        if concerns(attributes, Operation::Update) {
            return fixed_fields(attributes);
        }
        if !concerns(attributes, Operation::Create) {
            return Ok(());
        }
        fixed_fields(attributes)?;
        let core = upgrade(&self.0)?;
        let refuse = |error: TypeRefusal| forbidden(attributes, error);
        let reference = workspace_types::reference(&attributes.object["spec"]["type"])
            .ok_or_else(|| forbidden(attributes, "spec.type must be set"))?;
        let chosen = workspace_types::find(&core, &reference, attributes.partition).map_err(refuse)?;
        let aliases = workspace_types::with_extended(&core, &chosen).map_err(refuse)?;
        if let Some(lacking) = workspace_types::not_usable(&core, attributes.user, &aliases).await {
            return Err(forbidden(attributes, workspaces::type_use_refusal(lacking)));
        }
        let parents = workspace_types::all_of_cluster(&core, attributes.partition).map_err(refuse)?;
        workspaces::check_nesting(&parents, &aliases).map_err(|refusal| forbidden(attributes, refusal))
    }
}

/// `spec.cluster` and `spec.URL` are the scheduler's.
fn fixed_fields(attributes: &Attributes<'_>) -> Result<(), ApiError> {
    if in_group(attributes.user, GROUP_MASTERS) {
        return Ok(());
    }
    for field in ["cluster", "URL"] {
        let text = |object: &Value| object["spec"][field].as_str().unwrap_or_default().to_owned();
        if text(&attributes.object) != text(&attributes.old) {
            return Err(forbidden(
                attributes,
                format!("spec.{field} can only be set by system privileged users"),
            ));
        }
    }
    Ok(())
}
