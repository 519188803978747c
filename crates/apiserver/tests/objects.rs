//! Create, read, update, patch and delete as clients see them.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use serde_json::{Value, json};
use support::{WIDGETS, host, widget};

#[tokio::test]
async fn dev_03_create_stamps_metadata_defaults_and_drops_status() {
    let host = host();
    let mut body = widget("a", 1);
    body["status"] = json!({"x": 1});
    body["spec"]["unknown"] = json!(true);
    let made = host.post(WIDGETS, body).await;
    assert_eq!(made.code, 201, "{made:?}");
    let metadata = &made.body["metadata"];
    assert_eq!(metadata["creationTimestamp"], "2030-01-01T00:00:00Z");
    assert_eq!((&metadata["generation"], &metadata["namespace"]), (&json!(1), &json!("default")));
    assert_eq!(metadata["uid"].as_str().unwrap().len(), 36);
    assert_eq!(made.body["spec"], json!({"size": 1, "color": "red"}));
    assert_eq!(made.body.get("status"), None);
    assert_eq!(made.headers["warning"], "299 - \"unknown field \\\"spec.unknown\\\"\"");
    let read = host.get(&format!("{WIDGETS}/a")).await;
    assert_eq!((read.code, &read.body), (200, &made.body));
}

#[tokio::test]
async fn dev_03_refusals_carry_the_texts_of_kubernetes() {
    let host = host();
    host.post(WIDGETS, widget("a", 1)).await;
    let check = |answer: support::Answer, code: u16, reason: &str, message: &str| {
        assert_eq!(answer.code, code, "{answer:?}");
        assert_eq!(
            (answer.body["reason"].as_str().unwrap(), answer.body["message"].as_str().unwrap()),
            (reason, message)
        );
    };
    let again = host.post(WIDGETS, widget("a", 1)).await;
    check(again, 409, "AlreadyExists", "widgets.example.com \"a\" already exists");
    let missing = host.get(&format!("{WIDGETS}/b")).await;
    assert_eq!(missing.body["details"], json!({"name": "b", "group": "example.com", "kind": "widgets"}));
    check(missing, 404, "NotFound", "widgets.example.com \"b\" not found");
    let mut stale = widget("a", 2);
    stale["metadata"]["resourceVersion"] = "1".into();
    let text = "Operation cannot be fulfilled on widgets.example.com \"a\": the object has been modified; please apply your changes to the latest version and try again";
    check(host.call("PUT", &format!("{WIDGETS}/a"), stale).await, 409, "Conflict", text);
    let none = host.call("PUT", &format!("{WIDGETS}/a"), widget("a", 2)).await;
    check(
        none,
        422,
        "Invalid",
        "Widget.example.com \"a\" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update",
    );
    let namespace = host.post("/apis/example.com/v1/namespaces/none/widgets", widget("a", 1)).await;
    check(namespace, 404, "NotFound", "namespaces \"none\" not found");
    let bad = host.post(WIDGETS, widget("A", -1)).await;
    assert_eq!(bad.code, 422);
    assert_eq!(bad.body["details"]["causes"].as_array().unwrap().len(), 2, "{bad:?}");
    let kind = host.get("/apis/example.com/v1/nothings").await;
    assert_eq!((kind.code, kind.body["reason"].as_str()), (404, Some("NotFound")));
    let strict = host.post(&format!("{WIDGETS}?fieldValidation=Strict"), json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "s"}, "spec": {"size": 1, "x": 1}})).await;
    check(
        strict,
        400,
        "BadRequest",
        "Widget in version \"v1\" cannot be handled as a Widget: strict decoding error: unknown field \"spec.x\"",
    );
}

#[tokio::test]
async fn dev_03_status_and_spec_are_isolated_and_generation_counts_spec_only() {
    let host = host();
    let mut object = host.post(WIDGETS, widget("a", 1)).await.body;
    object["spec"]["size"] = json!(2);
    object["status"] = json!({"ready": true});
    let updated = host.call("PUT", &format!("{WIDGETS}/a"), object.clone()).await;
    assert_eq!((updated.code, updated.body.get("status")), (200, None), "{updated:?}");
    assert_eq!(updated.body["metadata"]["generation"], 2);
    let mut object = updated.body;
    object["spec"]["size"] = json!(9);
    object["status"] = json!({"ready": true});
    object["metadata"]["labels"] = json!({"x": "y"});
    let status = host.call("PUT", &format!("{WIDGETS}/a/status"), object).await.body;
    assert_eq!((&status["spec"]["size"], &status["status"]), (&json!(2), &json!({"ready": true})));
    assert_eq!((&status["metadata"]["generation"], status["metadata"].get("labels")), (&json!(2), None));
    let same = host.call("PUT", &format!("{WIDGETS}/a"), status.clone()).await.body;
    assert_eq!(same["metadata"]["resourceVersion"], status["metadata"]["resourceVersion"]);
}

#[tokio::test]
async fn dev_03_patches_of_every_kind_change_objects() {
    let host = host();
    host.post(WIDGETS, widget("a", 1)).await;
    let url = format!("{WIDGETS}/a");
    let patch = |content: &'static str, url: String, body: Value| {
        let host = &host;
        async move { host.call_as("a", "PATCH", &url, "", content, body).await }
    };
    let merged = patch("application/merge-patch+json", url.clone(), json!({"spec": {"size": 2}})).await;
    assert_eq!((merged.code, &merged.body["spec"]["size"]), (200, &json!(2)), "{merged:?}");
    let json_patch = json!([{"op": "test", "path": "/spec/size", "value": 2}, {"op": "replace", "path": "/spec/size", "value": 3}]);
    let patched = patch("application/json-patch+json", url.clone(), json_patch.clone()).await;
    assert_eq!(patched.body["spec"]["size"], 3);
    assert_eq!(patch("application/json-patch+json", url.clone(), json_patch).await.code, 422);
    let strategic = patch("application/strategic-merge-patch+json", url.clone(), json!({})).await;
    assert_eq!((strategic.code, strategic.body["reason"].as_str()), (415, Some("UnsupportedMediaType")));
    let stale =
        patch("application/merge-patch+json", url.clone(), json!({"metadata": {"resourceVersion": "1"}}))
            .await;
    assert_eq!(stale.code, 409);
    let scaled =
        patch("application/merge-patch+json", format!("{url}/scale"), json!({"spec": {"replicas": 4}})).await;
    assert_eq!((scaled.code, &scaled.body["spec"]["replicas"]), (200, &json!(4)), "{scaled:?}");
    let dry =
        patch("application/merge-patch+json", format!("{url}?dryRun=All"), json!({"spec": {"size": 8}}))
            .await;
    assert_eq!(dry.body["spec"]["size"], 8);
    assert_eq!(host.get(&url).await.body["spec"]["size"], 3);
}

#[tokio::test]
async fn dev_03_server_side_apply_creates_merges_and_names_conflicting_managers() {
    let host = host();
    let url = |manager: &str, force: bool| format!("{WIDGETS}/a?fieldManager={manager}&force={force}");
    let apply = |url: String, spec: Value| {
        let host = &host;
        let body = json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a"}, "spec": spec});
        async move { host.call_as("a", "PATCH", &url, "", "application/apply-patch+yaml", body).await }
    };
    let made = apply(url("one", false), json!({"size": 1, "parts": [{"name": "x", "n": 1}]})).await;
    assert_eq!(made.code, 201, "{made:?}");
    let same = apply(url("one", false), json!({"size": 1, "parts": [{"name": "x", "n": 1}]})).await;
    assert_eq!(
        (same.code, &same.body["metadata"]["resourceVersion"]),
        (200, &made.body["metadata"]["resourceVersion"])
    );
    let merged = apply(url("two", false), json!({"parts": [{"name": "y", "n": 2}]})).await;
    assert_eq!(merged.body["spec"]["parts"].as_array().unwrap().len(), 2, "{merged:?}");
    let conflict = apply(url("two", false), json!({"size": 5})).await;
    assert_eq!((conflict.code, conflict.body["reason"].as_str()), (409, Some("Conflict")));
    assert!(conflict.body["message"].as_str().unwrap().contains("conflict with \"one\""), "{conflict:?}");
    let forced = apply(url("two", true), json!({"size": 5})).await;
    assert_eq!((forced.code, &forced.body["spec"]["size"]), (200, &json!(5)));
    assert_eq!(forced.body["spec"]["parts"].as_array().unwrap().len(), 1);
    let anonymous = host
        .call_as("a", "PATCH", &format!("{WIDGETS}/a"), "", "application/apply-patch+yaml", widget("a", 1))
        .await;
    assert_eq!(anonymous.code, 422);
}

#[tokio::test]
async fn dev_03_finalizers_hold_a_deleted_object_until_the_last_is_gone() {
    let host = host();
    let url = format!("{WIDGETS}/a");
    let mut body = widget("a", 1);
    body["metadata"]["finalizers"] = json!(["example.com/hold"]);
    host.post(WIDGETS, body).await;
    let marked = host.call("DELETE", &url, Value::Null).await.body;
    assert_eq!(marked["metadata"]["deletionTimestamp"], "2030-01-01T00:00:00Z");
    assert_eq!(marked["metadata"]["generation"], 2);
    let mut more = marked.clone();
    more["metadata"]["finalizers"] = json!(["example.com/hold", "example.com/more"]);
    assert_eq!(host.call("PUT", &url, more).await.code, 422);
    let mut free = marked;
    free["metadata"]["finalizers"] = json!([]);
    assert_eq!(host.call("PUT", &url, free).await.code, 200);
    assert_eq!(host.get(&url).await.code, 404);
    host.post(WIDGETS, widget("b", 1)).await;
    let wrong = json!({"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": "x"}});
    assert_eq!(host.call("DELETE", &format!("{WIDGETS}/b"), wrong).await.code, 409);
    let gone = host.call("DELETE", &format!("{WIDGETS}/b"), Value::Null).await;
    assert_eq!((gone.code, gone.body["status"].as_str()), (200, Some("Success")));
    assert_eq!(gone.body["details"]["kind"], "widgets");
}

#[tokio::test]
async fn dev_03_generated_names_and_built_in_rules() {
    let host = host();
    let named = host
        .post(
            "/api/v1/namespaces/default/configmaps",
            json!({"metadata": {"generateName": "c-"}, "data": {"a": "b"}}),
        )
        .await;
    assert_eq!(named.code, 201, "{named:?}");
    assert_eq!(named.body["metadata"]["name"].as_str().unwrap().len(), 7);
    assert_eq!(named.body["metadata"].get("generation"), None);
    let secret = host
        .post(
            "/api/v1/namespaces/default/secrets",
            json!({"metadata": {"name": "s"}, "stringData": {"k": "v"}}),
        )
        .await
        .body;
    assert_eq!((&secret["type"], &secret["data"]), (&json!("Opaque"), &json!({"k": "dg=="})));
    let wrong = host
        .post("/api/v1/namespaces/default/configmaps", json!({"metadata": {"name": "w"}, "data": {"a": 1}}))
        .await;
    assert_eq!(wrong.code, 400, "{wrong:?}");
    let role = json!({"metadata": {"name": "system:x"}, "rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]}]});
    assert_eq!(host.post("/apis/rbac.authorization.k8s.io/v1/clusterroles", role).await.code, 201);
    let bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
    let binding = json!({"metadata": {"name": "b"}, "roleRef": {"kind": "ClusterRole", "name": "system:x"}, "subjects": [{"kind": "User", "name": "alice"}]});
    let mut made = host.post(bindings, binding).await.body;
    assert_eq!(made["roleRef"]["apiGroup"], "rbac.authorization.k8s.io");
    made["roleRef"]["name"] = "other".into();
    let changed = host.call("PUT", &format!("{bindings}/b"), made).await;
    assert!(changed.body["message"].as_str().unwrap().ends_with("cannot change roleRef"), "{changed:?}");
    let me = host.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", json!({})).await;
    assert_eq!(me.body["status"]["userInfo"]["username"], "alice");
}

#[tokio::test]
async fn dev_03_both_faces_of_events_show_the_same_object() {
    let host = host();
    let event = json!({"metadata": {"name": "e"}, "regarding": {"kind": "Widget", "name": "a"}, "note": "hello", "reason": "R", "type": "Normal",
        "eventTime": "2030-01-01T00:00:00.000000Z", "reportingController": "c", "reportingInstance": "i", "action": "A"});
    let made = host.post("/apis/events.k8s.io/v1/namespaces/default/events", event).await;
    assert_eq!(made.code, 201, "{made:?}");
    let core = host.get("/api/v1/namespaces/default/events?fieldSelector=involvedObject.name=a").await.body;
    assert_eq!(
        (&core["items"][0]["message"], &core["kind"]),
        (&json!("hello"), &json!("EventList")),
        "{core}"
    );
    let got = host.get("/api/v1/namespaces/default/events/e").await.body;
    assert_eq!((&got["apiVersion"], &got["kind"]), (&json!("v1"), &json!("Event")));
}

#[tokio::test]
async fn dev_05_partitions_do_not_see_each_other() {
    let host = host();
    host.call_as("a", "POST", WIDGETS, "", "", widget("x", 1)).await;
    host.call_as("b", "POST", WIDGETS, "", "", widget("x", 2)).await;
    let one = host.call_as("a", "GET", "/apis/example.com/v1/widgets", "", "", Value::Null).await.body;
    assert_eq!(one["items"].as_array().unwrap().len(), 1);
    let all = host.call_as("*", "GET", "/apis/example.com/v1/widgets", "", "", Value::Null).await.body;
    assert_eq!(all["items"].as_array().unwrap().len(), 2);
    assert_eq!(host.call_as("*", "GET", &format!("{WIDGETS}/x"), "", "", Value::Null).await.code, 405);
}
