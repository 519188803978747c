//! Workspaces: admission, scheduling into a logical cluster, phases, and their end.

mod admission; // owner, type, limits
mod controller; // schedule, mirror, delete
mod deletion; // content of a logical cluster that ends

use apiserver::{GroupVersionResource, StoragePrefix};

pub use admission::WorkspaceAdmission;
pub(crate) use controller::start;
pub(crate) use deletion::{Remaining, delete_content};

use crate::workspace_types::{TENANCY, V1ALPHA1};

/// Finalizer of a workspace whose logical cluster exists.
pub const FINALIZER: &str = "core.kcp.io/logicalcluster";
/// Annotation with the creator.
pub const OWNER: &str = "experimental.tenancy.kcp.io/owner";
/// Annotation with the cluster chosen.
pub const SCHEDULED_CLUSTER: &str = "internal.tenancy.kcp.io/cluster";
/// Annotation with the hash of the shard chosen.
pub const SCHEDULED_SHARD: &str = "internal.tenancy.kcp.io/shard";
/// Annotation with the shard's name.
pub const SHARD_ANNOTATION: &str = "core.kcp.io/shard";
/// Annotation with the groups a caller must belong to.
pub const REQUIRED_GROUPS: &str = "authorization.kcp.io/required-groups";
/// Annotation of a logical cluster with its type.
pub const TYPE: &str = "internal.tenancy.kcp.io/type";
/// Label that mirrors the phase.
pub const PHASE_LABEL: &str = "tenancy.kcp.io/phase";

/// `workspaces.v1alpha1.tenancy.kcp.io`.
pub fn gvr() -> GroupVersionResource {
    GroupVersionResource::new(TENANCY, V1ALPHA1, "workspaces")
}

/// Where workspaces are stored: under the identity of root's tenancy export.
pub fn prefix(tenancy_identity: &str) -> StoragePrefix {
    StoragePrefix::with_identity(TENANCY, "workspaces", tenancy_identity)
}
