//! Admission of WorkspaceTypes: complete references, no root type elsewhere, no default binding its author may not bind.

use apiserver::{Admission, ApiError, Attributes, Operation};
use async_trait::async_trait;
use kcp_api::{keys, tenancy::v1alpha1::WorkspaceTypeSpec, workspaces};
use serde_json::Value;

use super::TENANCY;
use crate::{
    authorization::ResourceAction,
    core::{ROOT, WeakCore, upgrade},
    records::set_annotation,
};

/// The plugin.
pub struct WorkspaceTypeAdmission(pub WeakCore);

fn concerns(attributes: &Attributes<'_>) -> bool {
    attributes.resource.gvk.group.as_ref() == TENANCY
        && attributes.resource.plural.as_ref() == "workspacetypes"
        && attributes.subresource.is_none()
        && matches!(attributes.operation, Operation::Create | Operation::Update)
}

#[async_trait]
impl Admission for WorkspaceTypeAdmission {
    async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        if concerns(attributes) {
            let core = upgrade(&self.0)?;
            let path = core.tree.path_of(attributes.partition);
            set_annotation(&mut attributes.object, keys::PATH, &*path);
        }
        Ok(())
    }

    async fn validate(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        if !concerns(attributes) {
            return Ok(());
        }
        let core = upgrade(&self.0)?;
        let forbidden =
            |why: &str| ApiError::forbidden(&attributes.resource.group_resource(), attributes.name, why);
        if attributes.name == "root" && attributes.partition.as_str() != ROOT {
            return Err(forbidden("root workspace type can only be created in root cluster"));
        }
        let spec = &attributes.object["spec"];
        let typed: WorkspaceTypeSpec = serde_json::from_value(spec.clone())
            .map_err(|error| ApiError::bad_request(format!("spec cannot be read: {error}")))?;
        if let Some(refusal) = workspaces::check_workspace_type(&typed).first() {
            return Err(forbidden(refusal));
        }
        let before: Vec<(String, String)> = default_bindings(&attributes.old["spec"]);
        for (path, export) in default_bindings(spec) {
            if before.contains(&(path.clone(), export.clone())) {
                continue;
            }
            let cluster = match path.as_str() {
                "" => Some(attributes.partition.clone()),
                path => core.tree.find(path).map(|entry| entry.name.clone()),
            };
            let action = ResourceAction {
                verb: "bind".into(),
                group: "apis.kcp.io".into(),
                version: "v1alpha2".into(),
                resource: "apiexports".into(),
                name: export.clone(),
                ..ResourceAction::default()
            };
            let allowed = match &cluster {
                Some(cluster) => core.deep_allowed(attributes.user, cluster, action).await,
                None => false,
            };
            if !allowed {
                let path =
                    if path.is_empty() { core.tree.path_of(attributes.partition).to_string() } else { path };
                return Err(forbidden(&workspaces::type_binding_refusal(&path, &export)));
            }
        }
        Ok(())
    }
}

fn default_bindings(spec: &Value) -> Vec<(String, String)> {
    let list = spec["defaultAPIBindings"].as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    list.iter().map(|binding| (text(&binding["path"]), text(&binding["export"]))).collect()
}
