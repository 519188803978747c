//! The control plane for tests of controllers: real semantics, no waiting, the same run for the same seed.
#![allow(clippy::unwrap_used, missing_docs)]

use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kcp_embedded::envtest::{Envtest, EnvtestError};
use kube::{Api, Client, api::PostParams};
use runtime::{Fault, FaultRule};
use serde_json::{Value, json};

const SLICE: &str = "/apis/apis.kcp.io/v1alpha1/apiexportendpointslices/widgets.example.io";

fn api() -> [Value; 2] {
    let schema = json!({"apiVersion": "apis.kcp.io/v1alpha1", "kind": "APIResourceSchema",
        "metadata": {"name": "v1.widgets.widgets.example.io"},
        "spec": {"group": "widgets.example.io", "scope": "Namespaced",
            "names": {"kind": "Widget", "listKind": "WidgetList", "plural": "widgets", "singular": "widget"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"type": "object",
                "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}}]}});
    let export = json!({"apiVersion": "apis.kcp.io/v1alpha2", "kind": "APIExport",
        "metadata": {"name": "widgets.example.io"},
        "spec": {"resources": [{"group": "widgets.example.io", "name": "widgets",
            "schema": "v1.widgets.widgets.example.io", "storage": {"crd": {}}}]}});
    [schema, export]
}

/// A provider, a consumer that binds it and has a Widget; answers the endpoint's path.
async fn world(kcp: &Envtest) -> String {
    kcp.workspace("root:provider").await.unwrap();
    for object in api() {
        kcp.apply("root:provider", &object).await.unwrap();
    }
    kcp.workspace("root:consumer").await.unwrap();
    let binding = json!({"apiVersion": "apis.kcp.io/v1alpha2", "kind": "APIBinding",
        "metadata": {"name": "widgets.example.io"},
        "spec": {"reference": {"export": {"path": "root:provider", "name": "widgets.example.io"}}}});
    kcp.apply("root:consumer", &binding).await.unwrap();
    let widget = json!({"apiVersion": "widgets.example.io/v1", "kind": "Widget", "metadata": {"name": "w"},
        "spec": {"size": 3}});
    kcp.apply("root:consumer", &widget).await.unwrap();
    let slice = kcp.until("root:provider", SLICE, |slice| slice["status"]["endpoints"][0]["url"].is_string());
    let url = slice.await.unwrap()["status"]["endpoints"][0]["url"].as_str().unwrap().to_owned();
    url.strip_prefix(kcp.server().url()).unwrap().to_owned()
}

async fn list(client: &Client, path: &str) -> Value {
    client.request(http::Request::get(path).body(Vec::new()).unwrap()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_a_consumer_makes_is_seen_through_the_export_and_a_seed_repeats_the_run() {
    let mut runs = Vec::new();
    for seed in [7, 7, 8] {
        let kcp = Envtest::seeded(seed).await.unwrap();
        let endpoint = world(&kcp).await;
        let found =
            list(&kcp.client(), &format!("{endpoint}/clusters/*/apis/widgets.example.io/v1/widgets")).await;
        assert_eq!(found["items"][0]["spec"]["size"], 3);
        let cluster = found["items"][0]["metadata"]["annotations"]["kcp.io/cluster"].as_str().unwrap();
        runs.push((endpoint, cluster.to_owned(), found["items"][0]["metadata"]["uid"].clone()));
        kcp.stop().await;
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}

#[tokio::test(start_paused = true)]
async fn schemas_and_rights_are_those_of_a_real_server() {
    let kcp = Envtest::start().await.unwrap();
    world(&kcp).await;
    let wrong = json!({"apiVersion": "widgets.example.io/v1", "kind": "Widget", "metadata": {"name": "x"},
        "spec": {"size": "large"}});
    let refused = kcp.apply("root:consumer", &wrong).await.unwrap_err();
    let EnvtestError::Refused { source, .. } = refused else { panic!("{refused}") };
    assert!(matches!(*source, kube::Error::Api(status) if status.code == 422));
    let nobody = apiserver::UserInfo { name: "eve".into(), ..Default::default() };
    let eve = Api::<ConfigMap>::default_namespaced(kcp.client_as(nobody, "/clusters/root:consumer"));
    let denied = eve.list(&Default::default()).await.unwrap_err();
    assert!(matches!(denied, kube::Error::Api(status) if status.code == 403));
}

#[tokio::test(start_paused = true)]
async fn faults_come_between_its_clients_and_the_server() {
    let kcp = Envtest::start().await.unwrap();
    let team = kcp.workspace("root:team").await.unwrap();
    let maps = Api::<ConfigMap>::default_namespaced(team);
    kcp.faults().add(FaultRule::new(Fault::LostAnswer).path("/configmaps").times(1));
    let map = ConfigMap {
        metadata: kube::api::ObjectMeta { name: Some("a".into()), ..Default::default() },
        ..Default::default()
    };
    assert!(maps.create(&PostParams::default(), &map).await.is_err(), "the answer is lost");
    assert!(maps.get_opt("a").await.unwrap().is_some(), "the write is not");
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_in_the_runtimes_time() {
    let kcp = Envtest::start().await.unwrap();
    let (begun, clock) = (std::time::Instant::now(), tokio::time::Instant::now());
    let never = kcp.until("root", "/api/v1/namespaces/none", |_| true).await.unwrap_err();
    assert!(matches!(never, EnvtestError::Never { .. }), "{never}");
    assert!(clock.elapsed() >= Duration::from_secs(60) && begun.elapsed() < Duration::from_secs(30));
}
