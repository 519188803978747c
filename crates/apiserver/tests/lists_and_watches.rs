//! Lists, pages and watches as clients see them.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use apiserver::Store;
use apiserver::server::Parts;
use apiserver::store::Limits;
use futures::StreamExt;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use support::{Host, WIDGETS, host, host_of, widget};

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|i| i["metadata"]["name"].as_str().unwrap()).collect()
}

/// Events of a watch until nothing more comes, as `TYPE name`.
async fn watch(host: &Host, partition: &str, url: &str, at_most: usize) -> Vec<(String, Value)> {
    let request = http::Request::get(url).body(apiserver::body::empty()).unwrap();
    let response = host.server.handle(host.cx(partition), request).await;
    let mut body = response.into_body().into_data_stream();
    let mut events = Vec::new();
    while events.len() < at_most {
        let next = tokio::time::timeout(std::time::Duration::from_millis(50), body.next()).await;
        let Ok(Some(Ok(line))) = next else { break };
        let event: Value = serde_json::from_slice(&line).unwrap();
        events.push((event["type"].as_str().unwrap_or("STATUS").to_owned(), event["object"].clone()));
    }
    events
}

fn brief(events: &[(String, Value)]) -> Vec<String> {
    events.iter().map(|(t, o)| format!("{t} {}", o["metadata"]["name"].as_str().unwrap_or("-"))).collect()
}

#[tokio::test]
async fn dev_03_pages_show_one_moment_and_selectors_narrow() {
    let host = host();
    for (i, color) in ["red", "blue", "red", "blue", "red"].iter().enumerate() {
        let mut body = widget(&format!("w{i}"), 1);
        body["spec"]["color"] = (*color).into();
        body["metadata"]["labels"] = json!({"n": i.to_string()});
        host.post(WIDGETS, body).await;
    }
    let first = host.get(&format!("{WIDGETS}?limit=2")).await.body;
    assert_eq!((names(&first), &first["metadata"]["remainingItemCount"]), (vec!["w0", "w1"], &json!(3)));
    host.call("DELETE", &format!("{WIDGETS}/w2"), Value::Null).await;
    host.post(WIDGETS, widget("w9", 1)).await;
    let token = first["metadata"]["continue"].as_str().unwrap();
    let second = host.get(&format!("{WIDGETS}?limit=9&continue={token}")).await.body;
    assert_eq!(names(&second), ["w2", "w3", "w4"]);
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    let now = host.get(WIDGETS).await.body;
    assert_eq!(names(&now), ["w0", "w1", "w3", "w4", "w9"]);
    assert_eq!(
        names(&host.get(&format!("{WIDGETS}?fieldSelector=spec.color=blue")).await.body),
        ["w1", "w3"]
    );
    assert_eq!(names(&host.get(&format!("{WIDGETS}?labelSelector=n%20in%20(0,4)")).await.body), ["w0", "w4"]);
    assert_eq!(
        names(&host.get(&format!("{WIDGETS}?fieldSelector=spec.color=blue&limit=1")).await.body),
        ["w1"]
    );
    assert_eq!(host.get(&format!("{WIDGETS}?fieldSelector=spec.size=1")).await.code, 400);
    assert_eq!(host.get(&format!("{WIDGETS}?labelSelector=a%20in")).await.code, 400);
    host.server.store().compact(host.server.store().revision());
    let expired = host.get(&format!("{WIDGETS}?limit=9&continue={token}")).await;
    assert_eq!((expired.code, expired.body["reason"].as_str()), (410, Some("Expired")));
    let token = expired.body["metadata"]["continue"].as_str().unwrap();
    assert_eq!(names(&host.get(&format!("{WIDGETS}?continue={token}")).await.body), ["w3", "w4", "w9"]);
    assert_eq!(host.get(&format!("{WIDGETS}?resourceVersion=99999")).await.code, 504);
}

#[tokio::test(start_paused = true)]
async fn dev_04_watches_resume_and_expire() {
    let host = host();
    let made = host.post(WIDGETS, widget("a", 1)).await.body;
    let version = made["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    let merge = json!({"spec": {"size": 2}});
    host.call_as("a", "PATCH", &format!("{WIDGETS}/a"), "", "application/merge-patch+json", merge).await;
    host.call_as("b", "POST", WIDGETS, "", "", widget("other", 1)).await;
    host.call("DELETE", &format!("{WIDGETS}/a"), Value::Null).await;
    let url = format!("{WIDGETS}?watch=1&resourceVersion={version}");
    let events = watch(&host, "a", &url, 9).await;
    assert_eq!(brief(&events), ["MODIFIED a", "DELETED a"]);
    assert_ne!(events[1].1["metadata"]["resourceVersion"], events[0].1["metadata"]["resourceVersion"]);
    let all =
        watch(&host, "*", &format!("/apis/example.com/v1/widgets?watch=1&resourceVersion={version}"), 9)
            .await;
    assert_eq!(brief(&all), ["MODIFIED a", "ADDED other", "DELETED a"]);
    host.server.store().compact(host.server.store().revision());
    let gone = host.get(&url).await;
    assert_eq!((gone.code, gone.body["reason"].as_str()), (410, Some("Expired")));
}

#[tokio::test(start_paused = true)]
async fn dev_04_initial_events_end_with_the_marked_bookmark() {
    let host = host();
    host.post(WIDGETS, widget("a", 1)).await;
    let url = format!(
        "{WIDGETS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    );
    let events = watch(&host, "a", &url, 2).await;
    assert_eq!(brief(&events), ["ADDED a", "BOOKMARK -"]);
    assert_eq!(events[1].1["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    assert_eq!(host.get(&format!("{WIDGETS}?watch=1&sendInitialEvents=true")).await.code, 422);
}

#[tokio::test(start_paused = true)]
async fn dev_04_objects_enter_and_leave_a_selected_watch() {
    let host = host();
    let from = host.server.store().revision();
    host.post(WIDGETS, widget("a", 1)).await;
    let url = format!("{WIDGETS}/a");
    for color in ["blue", "blue", "red"] {
        let patch =
            json!({"spec": {"color": color, "size": color.len()}, "metadata": {"labels": {"c": color}}});
        host.call_as("a", "PATCH", &url, "", "application/merge-patch+json", patch).await;
        let patch = json!({"spec": {"replicas": 1}});
        host.call_as("a", "PATCH", &url, "", "application/merge-patch+json", patch).await;
    }
    let watched = format!("{WIDGETS}?watch=1&resourceVersion={from}&labelSelector=c=blue");
    assert_eq!(brief(&watch(&host, "a", &watched, 9).await), ["ADDED a", "MODIFIED a", "DELETED a"]);
    let watched = format!("{WIDGETS}?watch=1&resourceVersion={from}&fieldSelector=metadata.name=b");
    assert_eq!(brief(&watch(&host, "a", &watched, 9).await), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn dev_04_a_slow_watch_ends_and_bookmarks_come_to_idle_ones() {
    let limits = Limits { lag_events_max: 3, ..Limits::default() };
    let host = host_of(Parts { store: Store::new(limits), ..Parts::default() });
    let url = format!(
        "{WIDGETS}?watch=1&allowWatchBookmarks=true&resourceVersion={}",
        host.server.store().revision()
    );
    let request = || http::Request::get(&url).body(apiserver::body::empty()).unwrap();
    let slow = host.server.handle(host.cx("a"), request()).await;
    for i in 0..5 {
        host.post(WIDGETS, widget(&format!("w{i}"), 1)).await;
    }
    let bytes = slow.into_body().collect().await.unwrap().to_bytes();
    assert!(bytes.is_empty(), "a watcher beyond its bound gives nothing more");
    let url = format!(
        "{WIDGETS}?watch=1&allowWatchBookmarks=true&timeoutSeconds=130&resourceVersion={}",
        host.server.store().revision()
    );
    let request = http::Request::get(&url).body(apiserver::body::empty()).unwrap();
    let idle =
        host.server.handle(host.cx("a"), request).await.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(String::from_utf8_lossy(&idle).matches("BOOKMARK").count(), 3);
    assert_eq!(host.server.store().watches(), 0);
}

#[tokio::test]
async fn dev_02_tables_metadata_and_unknown_forms() {
    let host = host();
    host.post(
        "/api/v1/namespaces/default/configmaps",
        json!({"metadata": {"name": "c"}, "data": {"a": "1", "b": "2"}}),
    )
    .await;
    let accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
    let url = "/api/v1/namespaces/default/configmaps";
    let table = host.call_as("a", "GET", url, accept, "", Value::Null).await.body;
    let headers: Vec<&str> =
        table["columnDefinitions"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert_eq!((table["kind"].as_str(), headers), (Some("Table"), vec!["Name", "Data", "Age"]));
    assert_eq!(table["rows"][0]["cells"], json!(["c", 2, "0s"]));
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    let accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
    let partial = host.call_as("a", "GET", url, accept, "", Value::Null).await.body;
    assert_eq!(
        (&partial["kind"], partial["items"][0].get("data")),
        (&json!("PartialObjectMetadataList"), None)
    );
    let refused = host.call_as("a", "GET", url, "text/html", "", Value::Null).await;
    assert_eq!((refused.code, refused.body["reason"].as_str()), (406, Some("NotAcceptable")));
    let refused = host.call_as("a", "POST", url, "", "text/plain", json!({})).await;
    assert_eq!((refused.code, refused.body["reason"].as_str()), (415, Some("UnsupportedMediaType")));
    let huge = json!({"metadata": {"name": "h"}, "data": {"a": "x".repeat(4 << 20)}});
    assert_eq!(host.post(url, huge).await.code, 413);
}

#[tokio::test]
async fn dev_02_discovery_in_both_forms_names_the_same_resources() {
    let host = host();
    let groups = host.get("/apis").await.body;
    assert!(groups["groups"].as_array().unwrap().iter().any(|g| g["name"] == "example.com"));
    let list = host.get("/apis/example.com/v1").await.body;
    let legacy: Vec<&str> =
        list["resources"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect();
    assert_eq!(legacy, ["crates", "widgets", "widgets/status", "widgets/scale"]);
    let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    let all = host.call_as("a", "GET", "/apis", accept, "", Value::Null).await;
    assert!(all.headers["content-type"].to_str().unwrap().contains("APIGroupDiscoveryList"));
    let group = all.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|g| g["metadata"]["name"] == "example.com")
        .unwrap();
    assert_eq!(group["versions"][0]["resources"][1]["subresources"].as_array().unwrap().len(), 2);
    assert_eq!(host.get("/apis/none.example").await.code, 404);
    assert_eq!(host.get("/version").await.body["major"], "1");
}

#[tokio::test]
async fn dev_03_a_kube_client_works_without_a_socket() {
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::api::{Api, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
    let host = host();
    let api: Api<ConfigMap> = Api::default_namespaced(host.client("a"));
    let map: ConfigMap =
        serde_json::from_value(json!({"metadata": {"name": "c"}, "data": {"k": "v"}})).unwrap();
    let made = api.create(&PostParams::default(), &map).await.unwrap();
    let patch = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"k": "w"}});
    let conflict = api.patch("c", &PatchParams::apply("me"), &Patch::Apply(&patch)).await.unwrap_err();
    assert!(matches!(conflict, kube::Error::Api(ref s) if s.code == 409), "{conflict}");
    api.patch("c", &PatchParams::apply("me").force(), &Patch::Apply(&patch)).await.unwrap();
    let list = api.list(&ListParams::default()).await.unwrap();
    assert_eq!(list.items[0].data.as_ref().unwrap()["k"], "w");
    let version = made.metadata.resource_version.unwrap();
    let mut events = api.watch(&WatchParams::default(), &version).await.unwrap().boxed();
    let Some(Ok(WatchEvent::Modified(seen))) = events.next().await else { panic!("no event") };
    assert_eq!(seen.data.unwrap()["k"], "w");
    api.delete("c", &Default::default()).await.unwrap();
    assert!(api.get_opt("c").await.unwrap().is_none());
}
