//! What a server holds when it is ready: RBAC for everywhere, root with its exports, types and first rights.

mod kubeconfig; // admin.kubeconfig
mod rbac; // roles and bindings of `system:admin`
mod root; // the root cluster

use apiserver::{ApiError, Partition, StoragePrefix, store::ObjectKey};
use serde_json::Value;

pub(crate) use kubeconfig::{AdminTokens, admin_kubeconfig};

use crate::{core::Core, records};

/// Creates what is missing. Safe to repeat.
///
/// # Errors
/// As [`records::create`].
pub(crate) fn run(core: &Core) -> Result<(), ApiError> {
    rbac::create(core)?;
    root::create(core)
}

/// Stores an object of `group`/`resource` in a cluster unless it is there.
fn put(core: &Core, cluster: &str, prefix: &StoragePrefix, object: Value) -> Result<Value, ApiError> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
    records::create(core, prefix, ObjectKey::new(Partition::from(cluster), &namespace, &name), object)
}
