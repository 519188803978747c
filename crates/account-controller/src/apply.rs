//! Carries out the writes of a plan. Every patch and deletion is guarded by what the plan has seen.

use account_model::{Action, Target, Write};
use kube::{
    Api,
    api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions},
};
use multicluster::{Cluster, dynamic_kind};
use platform_mesh_api::names;

use crate::error::ApplyError;

const MANAGER: &str = names::ACCOUNT_OPERATOR;

/// What a write did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Applied {
    /// It was done: `created`, `updated` or `deleted`.
    Done(&'static str),
    /// What the plan had seen is not there any more.
    Outdated,
}

pub(crate) async fn apply(write: &Write, cluster: &Cluster) -> Result<Applied, ApplyError> {
    let (kind, resource) = kind_of(write.target);
    let api: Api<DynamicObject> = cluster.all_with(&resource);
    let name = write.name.as_str();
    let (verb, done, result) = match &write.action {
        Action::Create(object) => {
            let object: DynamicObject = serde_json::from_value(object.clone())
                .map_err(|source| ApplyError::Derived { kind, source })?;
            let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
            ("create", "created", api.create(&params, &object).await.map(drop))
        }
        Action::Patch(patch) => {
            let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
            ("patch", "updated", api.patch(name, &params, &Patch::Merge(patch)).await.map(drop))
        }
        Action::Delete { uid } => {
            let preconditions =
                uid.clone().map(|uid| Preconditions { uid: Some(uid), resource_version: None });
            let params = DeleteParams { preconditions, ..DeleteParams::default() };
            ("delete", "deleted", api.delete(name, &params).await.map(drop))
        }
    };
    match result {
        Ok(()) => Ok(Applied::Done(done)),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(Applied::Outdated),
        // Already gone, or the kind is not served there any more: a workspace that ends loses its bindings first.
        Err(kube::Error::Api(status)) if status.code == 404 && verb == "delete" => Ok(Applied::Done(done)),
        Err(kube::Error::Api(status)) if status.code == 404 && verb == "patch" => Ok(Applied::Outdated),
        Err(source) => Err(ApplyError::Refused { verb, kind, name: name.to_owned(), source }),
    }
}

fn kind_of(target: Target) -> (&'static str, ApiResource) {
    let tenancy = |kind, plural| (kind, dynamic_kind("tenancy.kcp.io", "v1alpha1", kind, plural));
    match target {
        Target::WorkspaceType => tenancy("WorkspaceType", "workspacetypes"),
        Target::Workspace => tenancy("Workspace", "workspaces"),
        Target::AccountInfo => {
            ("AccountInfo", dynamic_kind(names::GROUP, names::VERSION, "AccountInfo", "accountinfos"))
        }
    }
}
