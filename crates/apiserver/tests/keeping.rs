//! What controllers keep: namespaces empty themselves, dependents follow owners, definitions are served.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use serde_json::{Value, json};
use support::{Host, WIDGETS, host, widget};

#[tokio::test(start_paused = true)]
async fn dev_03_a_deleted_namespace_takes_its_content_along() {
    let host = host();
    host.with_controllers(async {
        host.post("/api/v1/namespaces", json!({"metadata": {"name": "n"}})).await;
        let widgets = "/apis/example.com/v1/namespaces/n/widgets";
        let mut held = widget("held", 1);
        held["metadata"]["finalizers"] = json!(["example.com/hold"]);
        let held = host.post(widgets, held).await.body;
        host.post(widgets, widget("free", 1)).await;
        host.until("/api/v1/namespaces/n/serviceaccounts/default", |a| a.code == 200).await;
        host.until("/api/v1/namespaces/n/configmaps/kube-root-ca.crt", |a| a.body["data"]["ca.crt"] == "PEM")
            .await;
        let gone = host.call("DELETE", "/api/v1/namespaces/n", Value::Null).await;
        assert_eq!((gone.code, &gone.body["status"]["phase"]), (200, &json!("Terminating")), "{gone:?}");
        host.until_gone(&format!("{widgets}/free")).await;
        let late = host.post(widgets, widget("late", 1)).await;
        assert_eq!(late.code, 403);
        assert_eq!(late.body["details"]["causes"][0]["reason"], "NamespaceTerminating");
        let remaining =
            host.until("/api/v1/namespaces/n", |a| a.body["status"]["conditions"].is_array()).await;
        assert!(
            remaining.body["status"]["conditions"][0]["message"]
                .as_str()
                .unwrap()
                .contains("example.com/hold")
        );
        let patch = json!({"metadata": {"finalizers": null}});
        assert_eq!(object_name(&held), "held");
        let url = format!("{widgets}/held");
        host.call_as("a", "PATCH", &url, "", "application/merge-patch+json", patch).await;
        host.until_gone("/api/v1/namespaces/n").await;
        host.post(WIDGETS, widget("w", 1)).await;
        let stays = host.call("DELETE", "/api/v1/namespaces/default", Value::Null).await;
        assert_eq!(stays.code, 403, "{stays:?}");
    })
    .await;
}

fn object_name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap()
}

/// Creates `owner` and `child`, the child owned and blocking.
async fn family(host: &Host) {
    let owner = host.post(WIDGETS, widget("owner", 1)).await.body;
    let mut child = widget("child", 1);
    child["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "example.com/v1", "kind": "Widget", "name": "owner", "uid": owner["metadata"]["uid"], "blockOwnerDeletion": true,
    }]);
    assert_eq!(host.post(WIDGETS, child).await.code, 201);
}

#[tokio::test(start_paused = true)]
async fn dev_03_background_deletion_collects_dependents_of_the_same_partition() {
    let host = host();
    host.with_controllers(async {
        family(&host).await;
        host.call_as("b", "POST", WIDGETS, "", "", widget("owner", 1)).await;
        host.call("DELETE", &format!("{WIDGETS}/owner"), Value::Null).await;
        host.until_gone(&format!("{WIDGETS}/child")).await;
        let other = host.call_as("b", "GET", &format!("{WIDGETS}/owner"), "", "", Value::Null).await;
        assert_eq!(other.code, 200);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn dev_03_foreground_deletion_waits_for_blocking_dependents() {
    let host = host();
    host.with_controllers(async {
        family(&host).await;
        let child = format!("{WIDGETS}/child");
        let hold = json!({"metadata": {"finalizers": ["example.com/hold"]}});
        host.call_as("a", "PATCH", &child, "", "application/merge-patch+json", hold).await;
        let marked =
            host.call("DELETE", &format!("{WIDGETS}/owner?propagationPolicy=Foreground"), Value::Null).await;
        assert_eq!(marked.body["metadata"]["finalizers"], json!(["foregroundDeletion"]));
        host.until(&child, |a| a.body["metadata"]["deletionTimestamp"].is_string()).await;
        assert_eq!(host.get(&format!("{WIDGETS}/owner")).await.code, 200);
        let free = json!({"metadata": {"finalizers": null}});
        host.call_as("a", "PATCH", &child, "", "application/merge-patch+json", free).await;
        host.until_gone(&format!("{WIDGETS}/owner")).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn dev_03_orphan_deletion_releases_dependents() {
    let host = host();
    host.with_controllers(async {
        family(&host).await;
        let options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Orphan"});
        host.call("DELETE", &format!("{WIDGETS}/owner"), options).await;
        host.until_gone(&format!("{WIDGETS}/owner")).await;
        let child = host.get(&format!("{WIDGETS}/child")).await;
        assert_eq!((child.code, child.body["metadata"].get("ownerReferences")), (200, None));
    })
    .await;
}

fn definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "things.x.example"},
        "spec": {"group": "x.example", "scope": "Cluster", "names": {"plural": "things", "kind": "Thing", "shortNames": ["th"]},
            "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}],
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "properties": {"size": {"type": "integer", "default": 3}},
                        "x-kubernetes-validations": [{"rule": "self.size < 10", "message": "too big"}]},
                    "status": {"type": "object"}}}}}]},
    })
}

#[tokio::test(start_paused = true)]
async fn dev_06_a_definition_is_served_validated_and_cleaned_up() {
    let host = host();
    host.with_controllers(async {
        let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        let made = host.post(definitions, definition()).await;
        assert_eq!(made.code, 201, "{made:?}");
        host.until("/apis/x.example/v1/things", |a| a.code == 200).await;
        let thing = |name: &str, spec: Value| json!({"apiVersion": "x.example/v1", "kind": "Thing", "metadata": {"name": name}, "spec": spec});
        let made = host.post("/apis/x.example/v1/things", thing("a", json!({"x": 1}))).await;
        assert_eq!((made.code, &made.body["spec"]), (201, &json!({"size": 3})), "{made:?}");
        let big = host.post("/apis/x.example/v1/things", thing("b", json!({"size": 11}))).await;
        assert_eq!(big.code, 422);
        assert!(big.body["message"].as_str().unwrap().contains("too big"), "{big:?}");
        let other = host.call_as("b", "GET", "/apis/x.example/v1/things", "", "", Value::Null).await;
        assert_eq!(other.code, 404, "definitions serve their own partition only");
        let accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
        let table = host.call_as("a", "GET", "/apis/x.example/v1/things", accept, "", Value::Null).await.body;
        assert_eq!(table["rows"][0]["cells"], json!(["a", 3]));
        let marked = host.call("DELETE", &format!("{definitions}/things.x.example"), Value::Null).await;
        assert_eq!(marked.body["metadata"]["finalizers"], json!(["customresourcecleanup.apiextensions.k8s.io"]));
        host.until_gone(&format!("{definitions}/things.x.example")).await;
        assert_eq!(host.get("/apis/x.example/v1/things").await.code, 404);
    })
    .await;
}
