//! The provider of the story: gives every Bucket of every consumer workspace an endpoint, in its status and in a
//! ConfigMap beside it. Written as any provider would write it.

use std::sync::Arc;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    CustomResource, Resource as _, ResourceExt as _,
    api::{Patch, PatchParams},
};
use multicluster::{Action, Controller, Cx, Fleet, FleetError};
use multicluster_kcp::{ApiExport, Connection};
use runtime::{End, Tasks};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Name of the export, and group of its kind.
pub(super) const EXPORT: &str = "storage.example.io";
/// Name of the schema.
const SCHEMA: &str = "v1.buckets.storage.example.io";

#[derive(CustomResource, Clone, Debug, Deserialize, Serialize)]
#[kube(
    group = "storage.example.io",
    version = "v1",
    kind = "Bucket",
    namespaced,
    status = "BucketStatus",
    schema = "disabled"
)]
pub(super) struct BucketSpec {
    region: String,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
pub(super) struct BucketStatus {
    phase: String,
    endpoint: String,
}

async fn reconcile(bucket: Arc<Bucket>, cx: Cx<()>) -> Result<Action, kube::Error> {
    let (namespace, name) = (bucket.namespace().unwrap_or_default(), bucket.name_any());
    let endpoint = format!("https://{name}.{}.storage.example.io", bucket.spec.region);
    let ours = PatchParams::apply("bucket-provider").force();
    let map = format!("bucket-{name}");
    let content = json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": { "endpoint": endpoint },
        "metadata": { "name": map, "ownerReferences": [bucket.controller_owner_ref(&())] } });
    cx.cluster().namespaced::<ConfigMap>(&namespace).patch(&map, &ours, &Patch::Apply(content)).await?;
    let status = BucketStatus { phase: "Ready".into(), endpoint };
    if bucket.status.as_ref() != Some(&status) {
        let patch = Patch::Merge(json!({ "status": status }));
        cx.cluster()
            .namespaced::<Bucket>(&namespace)
            .patch_status(&name, &PatchParams::default(), &patch)
            .await?;
    }
    Ok(Action::await_change())
}

/// Runs the controller as a task.
pub(super) fn start(connection: Connection, tasks: &Tasks) -> Result<(), FleetError> {
    let fleet = Fleet::builder().provider(ApiExport::new(connection, EXPORT)).build()?;
    Controller::<Bucket>::new("buckets", &fleet).owns::<ConfigMap>().run(
        reconcile,
        |_, _, _| Action::backoff(),
        Arc::new(()),
    );
    tasks.spawn_graceful("bucket provider", End::MayEnd, move |stop| async move {
        fleet.run_until(async move { stop.cancelled().await }).await
    });
    Ok(())
}

/// Schema and export, with a claim on ConfigMaps.
pub(super) fn api() -> [Value; 2] {
    let text = json!({"type": "string"});
    let schema = json!({
        "apiVersion": "apis.kcp.io/v1alpha1",
        "kind": "APIResourceSchema",
        "metadata": {"name": SCHEMA},
        "spec": {
            "group": EXPORT,
            "names": {"kind": "Bucket", "listKind": "BucketList", "plural": "buckets", "singular": "bucket"},
            "scope": "Namespaced",
            "versions": [{
                "name": "v1",
                "served": true,
                "storage": true,
                "subresources": {"status": {}},
                "schema": {
                    "type": "object",
                    "properties": {
                        "spec": {"type": "object", "required": ["region"], "properties": {"region": text}},
                        "status": {"type": "object", "properties": {"phase": text, "endpoint": text}},
                    },
                },
            }],
        },
    });
    let export = json!({
        "apiVersion": "apis.kcp.io/v1alpha2",
        "kind": "APIExport",
        "metadata": {"name": EXPORT},
        "spec": {
            "resources": [{"group": EXPORT, "name": "buckets", "schema": SCHEMA, "storage": {"crd": {}}}],
            "permissionClaims": [{"group": "", "resource": "configmaps", "verbs": ["*"]}],
        },
    });
    [schema, export]
}

/// A binding of the export that accepts its claim.
pub(super) fn binding(provider: &str) -> Value {
    json!({
        "apiVersion": "apis.kcp.io/v1alpha2",
        "kind": "APIBinding",
        "metadata": {"name": EXPORT},
        "spec": {
            "reference": {"export": {"path": provider, "name": EXPORT}},
            "permissionClaims": [{
                "group": "", "resource": "configmaps", "verbs": ["*"],
                "state": "Accepted", "selector": {"matchAll": true},
            }],
        },
    })
}

/// A Bucket.
pub(super) fn bucket(name: &str) -> Value {
    json!({
        "apiVersion": "storage.example.io/v1",
        "kind": "Bucket",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"region": "eu"},
    })
}
