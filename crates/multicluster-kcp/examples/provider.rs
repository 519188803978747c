//! A provider: gives every Bucket of every consumer workspace an endpoint, in its status and in a ConfigMap beside it.
//!
//! ```text
//! $ cargo run -p platform-mesh-multicluster-kcp --example provider -- provider.kubeconfig
//! 2xj8f9k3m5n7p1q4 default/photos: https://photos.eu.storage.example.io
//! ```
//!
//! The kubeconfig names the workspace of the APIExport `storage.example.io`, whose only claim is on ConfigMaps; the rights of the user on
//! that export are all it needs. Consumers come and go while it runs. Ctrl-C ends it.

use std::{env, error::Error, path::PathBuf, sync::Arc};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    CustomResource, Resource as _, ResourceExt as _,
    api::{Patch, PatchParams},
};
use multicluster::{Action, Controller, Cx, Fleet};
use multicluster_kcp::{ApiExport, Connection};
use serde::{Deserialize, Serialize};
use serde_json::json;

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

pub(crate) async fn reconcile(bucket: Arc<Bucket>, cx: Cx<()>) -> Result<Action, kube::Error> {
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
        println!("{} {namespace}/{name}: {}", cx.cluster().id(), status.endpoint);
    }
    Ok(Action::await_change())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    runtime::install_crypto();
    let kubeconfig = PathBuf::from(env::args().nth(1).ok_or("usage: provider KUBECONFIG")?);
    let kcp = ApiExport::new(Connection::from_kubeconfig(&kubeconfig, None).await?, "storage.example.io");
    let fleet = Fleet::builder().provider(kcp).build()?;
    let buckets = Controller::<Bucket>::new("buckets", &fleet).owns::<ConfigMap>();
    buckets.run(reconcile, |_, _, _| Action::backoff(), Arc::new(()));
    let stop = runtime::Stop::new();
    fleet.run_until(async { stop.on_signals().await.unwrap_or_default() }).await?;
    Ok(())
}
