//! The identity of an export: a secret key, whose hash names its API everywhere.

use std::sync::Arc;

use apiserver::{
    ApiError, GroupVersionResource, Partition, StoragePrefix, local::WriteParams, store::ObjectKey,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use kcp_api::{Condition, Severity, identity::IdentityKey, keys};
use serde_json::{Value, json};

use crate::{
    core::{Core, WeakCore, upgrade},
    kinds,
    reconcile::{Next, Reconcile, Source},
    records::{modify, set_conditions},
};

/// The loop over all APIExports.
pub(crate) fn controller(core: &WeakCore) -> (Vec<Source>, Reconcile) {
    let weak = core.clone();
    let secrets = Source::mapped(StoragePrefix::new("", "secrets"), {
        let weak = core.clone();
        move |event| exports_of_secret(&weak, &event.key)
    });
    let reconcile: Reconcile = Arc::new(move |key| {
        let weak = weak.clone();
        Box::pin(async move { reconcile(&upgrade(&weak)?, key).await })
    });
    (vec![Source::itself(kinds::api_exports()), secrets], reconcile)
}

/// A secret may be the identity of any export beside it.
fn exports_of_secret(core: &WeakCore, secret: &ObjectKey) -> Vec<ObjectKey> {
    let Ok(core) = upgrade(core) else { return Vec::new() };
    core.feeds.catch_up();
    let exports = core.bound.exports.in_cluster(secret.partition());
    exports.iter().filter(|e| e.identity.is_none()).map(|e| e.key.clone()).collect()
}

async fn reconcile(core: &Arc<Core>, key: ObjectKey) -> Result<Next, ApiError> {
    let Some(stored) = core.store().get(&kinds::api_exports(), &key) else { return Ok(Next::Wait) };
    let export = stored.value();
    if export["metadata"]["deletionTimestamp"].is_string() {
        return Ok(Next::Wait);
    }
    default_slice(core, &key, &export).await?;
    let cluster = key.partition();
    let Some((namespace, name)) = secret_ref(&export) else {
        ensure_secret(core, cluster, key.name()).await?;
        modify(core, &kinds::api_exports(), &key, |export| {
            export["spec"]["identity"]["secretRef"] =
                json!({"name": key.name(), "namespace": keys::IDENTITY_NAMESPACE});
            Ok(())
        })?;
        // The write wakes this key again; a second pass reads the secret.
        return Ok(Next::Wait);
    };
    let outcome = read_identity(core, cluster, &namespace, &name).await;
    let now = core.clock.now();
    modify(core, &kinds::api_exports(), &key, |export| {
        let recorded = export["status"]["identityHash"].as_str().unwrap_or_default().to_owned();
        let condition = match &outcome {
            Ok(hash) if recorded.is_empty() || recorded == *hash => {
                export["status"]["identityHash"] = hash.clone().into();
                Condition::is_true("IdentityValid")
            }
            Ok(hash) => verification_failed(format!(
                "hash mismatch: identity secret hash \"{hash}\" must match status.identityHash \"{recorded}\""
            )),
            Err(why) => verification_failed(why.clone()),
        };
        set_conditions(export, [condition], now);
        Ok(())
    })?;
    Ok(Next::Wait)
}

fn verification_failed(why: String) -> Condition {
    Condition::is_false("IdentityValid", "IdentityVerificationFailed", Severity::Error, why)
}

fn secret_ref(export: &Value) -> Option<(String, String)> {
    let reference = &export["spec"]["identity"]["secretRef"];
    let name = reference["name"].as_str().filter(|n| !n.is_empty())?;
    Some((reference["namespace"].as_str().unwrap_or_default().to_owned(), name.to_owned()))
}

fn secrets() -> GroupVersionResource {
    GroupVersionResource::new("", "v1", "secrets")
}

async fn ensure_secret(core: &Arc<Core>, cluster: &Partition, name: &str) -> Result<(), ApiError> {
    let local = core.controller(cluster, "apiexport");
    let namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": keys::IDENTITY_NAMESPACE}});
    exists_is_fine(local.create(&kinds::namespaces(), namespace, &WriteParams::default()).await)?;
    let key = IdentityKey::from_random(core.ids.bytes());
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": keys::IDENTITY_NAMESPACE},
        "type": "Opaque",
        "data": {keys::IDENTITY_SECRET_KEY: STANDARD.encode(key.secret_data())},
    });
    exists_is_fine(local.create(&secrets(), secret, &WriteParams::default()).await)
}

fn exists_is_fine(outcome: Result<Value, ApiError>) -> Result<(), ApiError> {
    match outcome {
        Err(error) if !error.is_already_exists() => Err(error),
        _ => Ok(()),
    }
}

async fn read_identity(
    core: &Arc<Core>,
    cluster: &Partition,
    namespace: &str,
    name: &str,
) -> Result<String, String> {
    let secret = core.controller(cluster, "apiexport").get(&secrets(), namespace, name).await;
    let secret = secret.map_err(|error| error.message.clone())?;
    let data = secret["data"][keys::IDENTITY_SECRET_KEY].as_str().unwrap_or_default();
    let bytes = STANDARD
        .decode(data)
        .map_err(|e| format!("secret `{namespace}/{name}`: `data.key` is not base64: {e}"))?;
    IdentityKey::from_secret(&bytes).map(|key| key.hash().as_str().to_owned()).map_err(|e| e.to_string())
}

/// Every export has an endpoint slice of its own name, unless an annotation says otherwise.
async fn default_slice(core: &Arc<Core>, key: &ObjectKey, export: &Value) -> Result<(), ApiError> {
    if !export["metadata"]["annotations"][keys::SKIP_ENDPOINT_SLICE].is_null() {
        return Ok(());
    }
    if core.store().get(&kinds::api_export_endpoint_slices(), key).is_some() {
        return Ok(());
    }
    let path = core.tree.path_of(key.partition());
    let slice = json!({
        "apiVersion": "apis.kcp.io/v1alpha1",
        "kind": "APIExportEndpointSlice",
        "metadata": {
            "name": key.name(),
            "ownerReferences": [{
                "apiVersion": "apis.kcp.io/v1alpha2",
                "kind": "APIExport",
                "name": key.name(),
                "uid": export["metadata"]["uid"],
            }],
        },
        "spec": {"export": {"name": key.name(), "path": &*path}},
    });
    let local = core.controller(key.partition(), "apiexport");
    exists_is_fine(local.create(&kinds::endpoint_slices_gvr(), slice, &WriteParams::default()).await)
}
