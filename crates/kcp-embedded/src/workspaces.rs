//! Workspaces: admission, scheduling into a logical cluster, phases, and their end.

mod admission; // owner, type, limits
mod controller; // schedule, mirror, delete
mod deletion; // content of a logical cluster that ends

use apiserver::{GroupVersionResource, StoragePrefix};

pub use admission::WorkspaceAdmission;
pub(crate) use controller::start;
pub(crate) use deletion::{Remaining, delete_content};
pub(crate) use kcp_api::keys::{
    LOGICAL_CLUSTER_FINALIZER as FINALIZER, OWNER, PHASE as PHASE_LABEL, REQUIRED_GROUPS, SCHEDULED_CLUSTER,
    SCHEDULED_SHARD, SHARD as SHARD_ANNOTATION, WORKSPACE_TYPE as TYPE,
};

use crate::workspace_types::{TENANCY, V1ALPHA1};

/// `workspaces.v1alpha1.tenancy.kcp.io`.
pub fn gvr() -> GroupVersionResource {
    GroupVersionResource::new(TENANCY, V1ALPHA1, "workspaces")
}

/// Where workspaces are stored: under the identity of root's tenancy export.
pub fn prefix(tenancy_identity: &str) -> StoragePrefix {
    StoragePrefix::with_identity(TENANCY, "workspaces", tenancy_identity)
}
