//! The examples of `multicluster-kcp`, with the worlds they make, over real HTTPS against the control plane that `MESH_BACKEND` names; and
//! on the control plane for tests, in no time at all.
#![allow(clippy::duplicate_mod, clippy::unwrap_used, missing_docs)]

#[expect(dead_code, reason = "its main is not run here")]
#[path = "../../crates/multicluster-kcp/examples/exports.rs"]
mod exports;
#[expect(dead_code, reason = "its main is not run here")]
#[path = "../../crates/multicluster-kcp/examples/initializer.rs"]
mod initializer;
#[expect(dead_code, reason = "its main is not run here")]
#[path = "../../crates/multicluster-kcp/examples/provider.rs"]
mod provider;

use k8s_openapi::api::core::v1::ConfigMap;
use kcp_embedded::envtest::Envtest;
use kube::{
    Api,
    api::{DynamicObject, PostParams},
};
use multicluster_kcp::Connection;
use scenarios::{ControlPlane, beside, client_at, kind, until};
use serde_json::{Value, json};

/// The value at a pointer of an object, none as long as object or value are not there.
async fn value(api: &Api<DynamicObject>, name: &str, pointer: &str) -> Option<Value> {
    let object = api.get_opt(name).await.ok()??;
    serde_json::to_value(object).ok()?.pointer(pointer).filter(|value| !value.is_null()).cloned()
}

#[tokio::test(flavor = "multi_thread")]
async fn mcr_example_provider_serves_every_consumer_and_its_claim() {
    let (_plane, admin) = ControlPlane::with_admin().await;
    let fleet = provider::fleet(provider::world(&admin).await.unwrap()).unwrap();
    beside(&fleet, async {
        for consumer in ["root:storage-one", "root:storage-two"] {
            let client = client_at(&admin, consumer);
            let buckets: Api<DynamicObject> =
                Api::default_namespaced_with(client.clone(), &kind("storage.example.io", "v1", "Bucket"));
            let endpoint =
                until(consumer, async || value(&buckets, "photos", "/status/endpoint").await).await;
            assert_eq!(endpoint, "https://photos.eu.storage.example.io");
            let map = Api::<ConfigMap>::default_namespaced(client).get("bucket-photos").await.unwrap();
            assert_eq!(map.data.unwrap()["endpoint"], "https://photos.eu.storage.example.io");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mcr_example_initializer_makes_a_workspace_ready_with_its_content() {
    let (_plane, admin) = ControlPlane::with_admin().await;
    let connection = initializer::world(&admin).await.unwrap();
    beside(&initializer::fleet(connection).unwrap(), async {
        let workspaces: Api<DynamicObject> =
            Api::all_with(client_at(&admin, "root"), &kind("tenancy.kcp.io", "v1alpha1", "Workspace"));
        let ready = async || value(&workspaces, "guided-one", "/status/phase").await.filter(|p| p == "Ready");
        until("guided-one ready", ready).await;
        let maps: Api<ConfigMap> = Api::namespaced(client_at(&admin, "root:guided-one"), "guide");
        assert_eq!(maps.get("welcome").await.unwrap().data.unwrap()["workspace"], "root:guided-one");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mcr_example_exports_counts_what_another_export_shows() {
    let (_plane, admin) = ControlPlane::with_admin().await;
    let fleet = exports::fleet(exports::world(&admin).await.unwrap()).unwrap();
    beside(&fleet, async {
        let client = client_at(&admin, "root:shop-one");
        let shops: Api<DynamicObject> =
            Api::default_namespaced_with(client.clone(), &kind("shops.example.io", "v1", "Shop"));
        let counts = async |wanted: u64| {
            let seen =
                async || value(&shops, "books", "/status/orders").await.filter(|n| *n == json!(wanted));
            until(&format!("{wanted} orders"), seen).await;
        };
        counts(2).await;
        let orders: Api<DynamicObject> =
            Api::default_namespaced_with(client, &kind("orders.example.io", "v1", "Order"));
        let third = json!({"apiVersion": "orders.example.io/v1", "kind": "Order",
            "metadata": {"name": "third"}, "spec": {"shop": "books"}});
        let third: DynamicObject = serde_json::from_value(third).unwrap();
        let made = orders.create(&PostParams::default(), &third).await;
        assert!(
            made.is_ok() || matches!(&made, Err(kube::Error::Api(status)) if status.code == 409),
            "{made:?}"
        );
        counts(3).await;
        orders.delete("third", &Default::default()).await.unwrap();
        counts(2).await;
    })
    .await;
}

/// How a user tests the same controller: real semantics, paused time.
#[tokio::test(start_paused = true)]
async fn mcr_example_provider_is_tested_on_paused_time() {
    let kcp = Envtest::start().await.unwrap();
    kcp.workspace("root:storage-provider").await.unwrap();
    let manifests = |text: &str| kcp_api::read_yaml(text.as_bytes()).unwrap();
    let folder = "../crates/multicluster-kcp/examples/manifests";
    for object in manifests(&std::fs::read_to_string(format!("{folder}/storage-provider.yaml")).unwrap()) {
        kcp.apply("root:storage-provider", &object).await.unwrap();
    }
    kcp.workspace("root:one").await.unwrap();
    for object in manifests(&std::fs::read_to_string(format!("{folder}/storage-consumer.yaml")).unwrap()) {
        kcp.apply("root:one", &object).await.unwrap();
    }
    let connection = Connection::in_process(&kcp.client(), "root:storage-provider");
    beside(&provider::fleet(connection).unwrap(), async {
        let bucket = "/apis/storage.example.io/v1/namespaces/default/buckets/photos";
        let ready =
            kcp.until("root:one", bucket, |bucket| bucket["status"]["phase"] == "Ready").await.unwrap();
        assert_eq!(ready["status"]["endpoint"], "https://photos.eu.storage.example.io");
        kcp.until("root:one", "/api/v1/namespaces/default/configmaps/bucket-photos", |_| true).await.unwrap();
    })
    .await;
    kcp.stop().await;
}
