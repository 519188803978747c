//! The first namespaces of a universal workspace.

use apiserver::{ApiError, Partition, lifecycle};

use crate::core::Core;

/// Creates namespaces `default` and `kube-system`.
pub(super) fn initialize(core: &Core, cluster: &Partition) -> Result<(), ApiError> {
    for name in ["default", "kube-system"] {
        lifecycle::ensure_namespace(&core.server, cluster, name);
    }
    Ok(())
}
