//! What clients other than ours ask of the fake server: they look up kinds first, and check those of what they get.
#![allow(clippy::unwrap_used)]

use k8s_openapi::api::core::v1::Secret;
use kube::{
    Discovery,
    discovery::{ApiResource, Scope},
};
use multicluster::testing::FakeServer;
use serde_json::{Value, json};

fn server() -> FakeServer {
    let server = FakeServer::new();
    for version in ["v1alpha1", "v1alpha2"] {
        let binding = json!({"apiVersion": format!("apis.kcp.io/{version}"), "kind": "APIBinding", "metadata": {"name": version}});
        server.put("c1", binding, "apibindings");
    }
    server.declare(&ApiResource::erase::<Secret>(&()), &Scope::Namespaced);
    server
}

async fn get(server: &FakeServer, path: &str) -> Result<Value, kube::Error> {
    server.client().request(http::Request::get(path).body(Vec::new()).unwrap()).await
}

#[tokio::test(start_paused = true)]
async fn mcr_fake_discovery_lists_kinds_of_objects_and_declared_ones() {
    let server = server();
    for cluster in ["c1", "*"] {
        let found = Discovery::new(server.cluster(cluster)).run().await.unwrap();
        let mut kinds: Vec<String> = found
            .groups()
            .flat_map(|group| group.recommended_resources())
            .map(|(kind, can)| format!("{} {} {} {:?}", kind.api_version, kind.kind, kind.plural, can.scope))
            .collect();
        kinds.sort();
        assert_eq!(
            kinds,
            ["apis.kcp.io/v1alpha2 APIBinding apibindings Cluster", "v1 Secret secrets Namespaced"]
        );
    }
    let older = get(&server, "/clusters/*/apis/apis.kcp.io/v1alpha1").await.unwrap();
    assert_eq!(older["resources"][0]["kind"], "APIBinding");
    for path in ["/apis/example.com", "/apis/example.com/v1", "/apis/apis.kcp.io/v1", "/api/v2"] {
        let refused = get(&server, &format!("/clusters/c1{path}")).await.unwrap_err();
        assert!(matches!(&refused, kube::Error::Api(status) if status.code == 404), "{path}: {refused}");
    }
}

#[tokio::test(start_paused = true)]
async fn mcr_fake_lists_and_bookmarks_have_the_kind_even_without_an_object() {
    let server = server();
    let list = get(&server, "/clusters/*/api/v1/secrets").await.unwrap();
    assert_eq!((&list["kind"], &list["items"]), (&json!("SecretList"), &json!([])));
    // As Go's clients write it.
    let list = get(&server, "/clusters/%2A/apis/apis.kcp.io/v1alpha2/apibindings").await.unwrap();
    assert_eq!((&list["kind"], list["items"].as_array().map(Vec::len)), (&json!("APIBindingList"), Some(2)));
    let watch = "/clusters/*/api/v1/secrets?watch=true&sendInitialEvents=true&allowWatchBookmarks=true&timeoutSeconds=1";
    let request = http::Request::get(watch).body(Vec::new()).unwrap();
    let mut lines = server.client().request_stream(request).await.unwrap();
    let mut line = String::new();
    futures::AsyncBufReadExt::read_line(&mut lines, &mut line).await.unwrap();
    let event: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&event["type"], &event["object"]["kind"]), (&json!("BOOKMARK"), &json!("Secret")));
    assert_eq!(event["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
}
