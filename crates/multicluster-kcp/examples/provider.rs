//! A provider with a claim: gives every Bucket of every consumer workspace an endpoint, in its status and in a ConfigMap beside it.
//!
//! ```text
//! $ platform-mesh up                                                                            # in another terminal
//! $ cargo run -p platform-mesh-multicluster-kcp --example provider -- .platform-mesh/admin.kubeconfig
//! root:storage-one default/photos: https://photos.eu.storage.example.io
//! root:storage-two default/photos: https://photos.eu.storage.example.io
//! ```
//!
//! The export `storage.example.io` claims ConfigMaps, and its consumers accept that. Rights on the export are all that a provider needs;
//! here the administrator plays it. Consumers come and go while it runs. Ctrl-C ends it.

mod setup;

use std::sync::Arc;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Config, CustomResource, Resource as _, ResourceExt as _,
    api::{Patch, PatchParams},
};
use multicluster::{Action, Controller, Cx, Fleet, FleetError};
use multicluster_kcp::{ApiExport, Connection};
use serde::{Deserialize, Serialize};
use serde_json::json;
use setup::Fault;

#[derive(CustomResource, Clone, Debug, Deserialize, Serialize)]
#[kube(
    group = "storage.example.io",
    version = "v1",
    kind = "Bucket",
    namespaced,
    status = "BucketStatus",
    schema = "disabled"
)]
pub(crate) struct BucketSpec {
    region: String,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
pub(crate) struct BucketStatus {
    phase: String,
    endpoint: String,
}

async fn reconcile(bucket: Arc<Bucket>, cx: Cx<()>) -> Result<Action, kube::Error> {
    let (here, namespace, name) = (cx.cluster(), bucket.namespace().unwrap_or_default(), bucket.name_any());
    let endpoint = format!("https://{name}.{}.storage.example.io", bucket.spec.region);
    let ours = PatchParams::apply("bucket-provider").force();

    let map = format!("bucket-{name}");
    let content = json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": { "endpoint": endpoint },
        "metadata": { "name": map, "ownerReferences": [bucket.controller_owner_ref(&())] } });
    here.namespaced::<ConfigMap>(&namespace).patch(&map, &ours, &Patch::Apply(content)).await?;

    let status = BucketStatus { phase: "Ready".into(), endpoint };
    if bucket.status.as_ref() != Some(&status) {
        let patch = Patch::Merge(json!({ "status": status }));
        here.namespaced::<Bucket>(&namespace).patch_status(&name, &PatchParams::default(), &patch).await?;
        let workspace = here.alias().unwrap_or_else(|| here.id().as_str().into());
        println!("{workspace} {namespace}/{name}: {}", status.endpoint);
    }
    Ok(Action::await_change())
}

pub(crate) fn fleet(provider: Connection) -> Result<Fleet, FleetError> {
    let fleet = Fleet::builder().provider(ApiExport::new(provider, "storage.example.io")).build()?;
    let buckets = Controller::<Bucket>::new("buckets", &fleet).owns::<ConfigMap>();
    buckets.run(reconcile, |_, _, _| Action::backoff(), Arc::new(()));
    Ok(fleet)
}

/// The provider's workspace with the export, and two consumers with a Bucket each.
pub(crate) async fn world(admin: &Config) -> Result<Connection, Fault> {
    let provider = setup::workspace(admin, "storage-provider", "universal").await?;
    setup::apply(&provider, include_str!("manifests/storage-provider.yaml")).await?;
    for name in ["storage-one", "storage-two"] {
        let consumer = setup::workspace(admin, name, "universal").await?;
        setup::apply(&consumer, include_str!("manifests/storage-consumer.yaml")).await?;
    }
    Ok(Connection::from_config(provider)?)
}

#[tokio::main]
async fn main() -> Result<(), Fault> {
    runtime::install_crypto();
    let fleet = fleet(world(&setup::administrator().await?).await?)?;
    let stop = runtime::Stop::new();
    fleet.run_until(async { stop.on_signals().await.unwrap_or_default() }).await?;
    Ok(())
}
