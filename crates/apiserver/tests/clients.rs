//! What stock clients ask in odd corners, each answered as Kubernetes answers it.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use serde_json::{Value, json};
use support::host;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[tokio::test]
async fn dev_02_the_root_is_an_index_and_an_object_is_got_not_watched() {
    let host = host();
    let index = host.get("/").await;
    assert_eq!(index.code, 200);
    let paths = index.body["paths"].as_array().unwrap();
    for path in ["/api/v1", "/apis/rbac.authorization.k8s.io/v1", "/apis", "/openapi/v3", "/version"] {
        assert!(paths.contains(&path.into()), "{path}: {paths:?}");
    }
    host.post(MAPS, json!({"metadata": {"name": "a"}})).await;
    let got = host.get(&format!("{MAPS}/a?watch=true")).await;
    assert_eq!((got.code, &got.body["kind"]), (200, &"ConfigMap".into()));
}

#[tokio::test]
async fn dev_02_definitions_are_printed_with_the_moment_they_were_made() {
    let host = host();
    let definition = json!({
        "metadata": {"name": "gears.example.io"},
        "spec": {"group": "example.io", "scope": "Cluster", "names": {"plural": "gears", "kind": "Gear"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}]},
    });
    let url = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    assert_eq!(host.post(url, definition).await.code, 201);
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    let printed = host.call_as("a", "GET", url, table, "", Value::Null).await;
    assert_eq!(printed.body["rows"][0]["cells"], json!(["gears.example.io", "2030-01-01T00:00:00Z"]));
}

#[tokio::test]
async fn dev_03_metadata_of_a_wrong_type_is_a_bad_request() {
    let host = host();
    for (body, field) in [
        (json!({"metadata": {"name": 5}}), "ObjectMeta.metadata.name of type string"),
        (json!({"metadata": {"name": "a", "uid": {}}}), "ObjectMeta.metadata.uid of type string"),
        (json!({"metadata": "x"}), ".metadata of type v1.ObjectMeta"),
        (json!({"kind": 1, "metadata": {"name": "a"}}), "TypeMeta.kind of type string"),
    ] {
        let refused = host.post(MAPS, body).await;
        assert_eq!((refused.code, &refused.body["reason"]), (400, &"BadRequest".into()));
        let message = refused.body["message"].as_str().unwrap();
        assert!(message.contains("json: cannot unmarshal") && message.ends_with(field), "{message}");
    }
}

#[tokio::test]
async fn dev_03_data_has_room_for_a_mebibyte() {
    let host = host();
    let map =
        |bytes: usize| json!({"metadata": {"name": format!("m{bytes}")}, "data": {"a": "x".repeat(bytes)}});
    assert_eq!(host.post(MAPS, map(1 << 20)).await.code, 201);
    let refused = host.post(MAPS, map((1 << 20) + 1)).await;
    assert_eq!(refused.code, 422, "{}", refused.body["message"]);
    assert_eq!(refused.body["details"]["causes"][0]["field"], "data");
    // Secrets count what the base64 stands for.
    let secret = |bytes: usize| json!({"metadata": {"name": format!("s{bytes}")}, "stringData": {"a": "x".repeat(bytes)}});
    let secrets = "/api/v1/namespaces/default/secrets";
    assert_eq!(host.post(secrets, secret(1 << 20)).await.code, 201);
    assert_eq!(host.post(secrets, secret((1 << 20) + 1)).await.code, 422);
}

#[tokio::test]
async fn ssa_02_an_applied_field_that_the_kind_has_not_is_named_as_kubernetes_names_it() {
    let host = host();
    let applied = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "bogus": 1});
    let url = format!("{MAPS}/a?fieldManager=m");
    let refused = host.call_as("a", "PATCH", &url, "", "application/apply-patch+yaml", applied).await;
    assert_eq!(refused.code, 500);
    assert_eq!(
        refused.body["message"],
        "failed to create typed patch object (default/a; v1, Kind=ConfigMap): .bogus: field not declared in schema"
    );
}

#[tokio::test]
async fn dev_03_a_field_that_occurs_twice_is_refused_or_warned_of_as_the_client_wants() {
    let host = host();
    let text = r#"{"metadata": {"name": "twice", "name": "a"}, "data": {"x": "1", "x": "2"}}"#;
    let send = async |validation: &str| {
        let request = http::Request::post(format!("{MAPS}?fieldValidation={validation}&dryRun=All"));
        let body = apiserver::body::full(text);
        host.server.handle(host.cx("a"), request.body(body).unwrap()).await
    };
    assert_eq!(send("Strict").await.status(), 400);
    let warned = send("Warn").await;
    assert_eq!(warned.status(), 201);
    let warnings: Vec<_> = warned.headers().get_all("warning").iter().map(|w| w.to_str().unwrap()).collect();
    assert_eq!(
        warnings,
        [r#"299 - "duplicate field \"metadata.name\"""#, r#"299 - "duplicate field \"data.x\"""#]
    );
    assert!(send("Ignore").await.headers().get("warning").is_none());
}

/// Go clients compare what they listed with what they made; items of built-in kinds come without their kind.
#[tokio::test]
async fn dev_02_a_list_names_the_kind_of_its_items_as_kubernetes_does() {
    let host = host();
    host.post(MAPS, json!({"metadata": {"name": "a"}})).await;
    host.post(support::WIDGETS, support::widget("w", 1)).await;
    let maps = host.get(MAPS).await.body;
    assert_eq!((&maps["kind"], &maps["items"][0]["kind"]), (&"ConfigMapList".into(), &Value::Null));
    assert!(maps["items"][0]["apiVersion"].is_null());
    let widgets = host.get(support::WIDGETS).await.body;
    assert_eq!(
        (&widgets["items"][0]["kind"], &widgets["items"][0]["apiVersion"]),
        (&"Widget".into(), &"example.com/v1".into())
    );
    let metadata = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
    let partial = host.call_as("a", "GET", MAPS, metadata, "", Value::Null).await.body;
    assert_eq!(partial["items"][0]["kind"], "PartialObjectMetadata");
}
