//! Clean up before an object goes, for reconcilers without a lifecycle.

use kube::{
    Api, Resource, ResourceExt as _,
    api::{Patch, PatchParams},
};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::Action;

/// Why a reconcile with a finalizer failed.
#[derive(Debug, thiserror::Error)]
pub enum FinalizerError<E: std::error::Error + 'static> {
    /// The reconcile or the cleanup failed.
    #[error(transparent)]
    Reconcile(E),
    /// The finalizer could not be added or removed.
    #[error("finalizer `{finalizer}` cannot be {verb}")]
    Write {
        /// The finalizer.
        finalizer: String,
        /// `added` or `removed`.
        verb: &'static str,
        /// The cause.
        #[source]
        source: kube::Error,
    },
}

/// Runs `apply` once the object holds the finalizer, or `cleanup` once it is being deleted, and removes the finalizer after success.
///
/// Writes are tested against the resource version that was read; a conflict is a quick retry, not an error.
pub async fn finalize<K, E, A, D>(
    api: &Api<K>,
    finalizer: &str,
    object: &K,
    apply: impl FnOnce() -> A,
    cleanup: impl FnOnce() -> D,
) -> Result<Action, FinalizerError<E>>
where
    K: Resource + Clone + DeserializeOwned + std::fmt::Debug,
    E: std::error::Error + 'static,
    A: Future<Output = Result<Action, E>>,
    D: Future<Output = Result<Action, E>>,
{
    let held = object.finalizers().iter().any(|held| held == finalizer);
    let mut list = object.finalizers().to_vec();
    match (object.meta().deletion_timestamp.is_some(), held) {
        (false, true) => apply().await.map_err(FinalizerError::Reconcile),
        (false, false) => {
            list.push(finalizer.to_owned());
            write(api, finalizer, "added", object, list).await
        }
        (true, true) => {
            let action = cleanup().await.map_err(FinalizerError::Reconcile)?;
            if action != Action::await_change() {
                return Ok(action);
            }
            list.retain(|held| held != finalizer);
            write(api, finalizer, "removed", object, list).await
        }
        (true, false) => Ok(Action::await_change()),
    }
}

async fn write<K, E>(
    api: &Api<K>,
    finalizer: &str,
    verb: &'static str,
    object: &K,
    list: Vec<String>,
) -> Result<Action, FinalizerError<E>>
where
    K: Resource + Clone + DeserializeOwned + std::fmt::Debug,
    E: std::error::Error + 'static,
{
    let body = json!({ "metadata": { "finalizers": list, "resourceVersion": object.resource_version() } });
    let written = api.patch(&object.name_any(), &PatchParams::default(), &Patch::Merge(&body)).await;
    match written {
        Ok(_) => Ok(Action::await_change()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(Action::await_change()),
        Err(kube::Error::Api(status)) if status.code == 409 => {
            Ok(Action::requeue(std::time::Duration::from_millis(250)))
        }
        Err(source) => Err(FinalizerError::Write { finalizer: finalizer.to_owned(), verb, source }),
    }
}
