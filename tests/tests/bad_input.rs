//! Hostile callers: a clear refusal, bounded memory, and nobody else notices.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::time::{Duration, Instant};

use http::Method;
use scenarios::{Plane, resident_bytes};
use serde_json::{Value, json};

const MAPS: &str = "/clusters/root/api/v1/namespaces/default/configmaps";
const MEGABYTE: u64 = 1024 * 1024;

fn map(name: &str, size: usize) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"k": "x".repeat(size)}})
}

async fn still_answers(plane: &Plane) {
    let start = Instant::now();
    plane.get(plane.admin(), MAPS).await.expect(200);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn auz_03_unknown_paths_and_broken_tokens_are_refused_alike() {
    let plane = Plane::start().await;
    let forbidden = "forbidden: User \"alice\" cannot get path";
    let admin = plane.get(plane.admin(), "/services/nowhere/x").await;
    assert!(admin.message().ends_with("Path not resolved to a valid virtual workspace"), "{:#}", admin.body);
    for path in ["/nowhere", "/clusters/root/nowhere", "/clusters/root:nowhere/version", "/services/nowhere"]
    {
        let answer = plane.get("alice-token", path).await;
        assert_eq!(answer.code, 403, "{path}: {:#}", answer.body);
        assert_eq!(answer.body["reason"], "Forbidden", "{path}");
        assert!(answer.message().starts_with(forbidden), "{path}: {}", answer.message());
    }
    for token in ["nobody", "e30.e30.x", "e30.eyJpc3MiOiJodHRwczovL2V2aWwifQ.AAAA", &"t".repeat(10_000)] {
        for path in
            ["/clusters/root/api/v1/namespaces", "/clusters/root:nowhere/version", "/nowhere", "/version"]
        {
            let answer = plane.get(token, path).await;
            assert_eq!(answer.code, 401, "{path}: {:#}", answer.body);
            assert_eq!(answer.message(), "Unauthorized");
        }
    }
    assert_eq!(plane.get("", "/clusters/root/api/v1/namespaces").await.code, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_04_a_body_of_ten_megabytes_is_refused_by_every_verb() {
    let plane = Plane::start().await;
    plane.post(plane.admin(), MAPS, &map("m", 1)).await.expect(201);
    let before = resident_bytes();
    let big = map("m", 10 * 1024 * 1024).to_string().into_bytes();
    let own = format!("{MAPS}/m");
    for (method, path, content_type) in [
        (Method::POST, MAPS, "application/json"),
        (Method::PUT, &own, "application/json"),
        (Method::PATCH, &own, "application/merge-patch+json"),
        (Method::PATCH, &format!("{own}?fieldManager=t"), "application/apply-patch+yaml"),
        (Method::POST, MAPS, "application/vnd.kubernetes.protobuf"),
        (Method::DELETE, &own, "application/json"),
    ] {
        let answer = plane.send(plane.admin(), method.clone(), path, content_type, big.clone()).await;
        assert_eq!(answer.code, 413, "{method} {content_type}: {:#}", answer.body);
        assert_eq!(answer.body["reason"], "RequestEntityTooLarge", "{:#}", answer.body);
    }
    assert_eq!(plane.get(plane.admin(), &own).await.expect(200)["data"]["k"], "x");
    let growth = resident_bytes().saturating_sub(before);
    assert!(growth < 100 * MEGABYTE, "{growth} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_04_ten_thousand_brackets_are_refused_in_json_and_yaml() {
    let plane = Plane::start().await;
    plane.post(plane.admin(), MAPS, &map("m", 1)).await.expect(201);
    let own = format!("{MAPS}/m");
    let (open, close) = ("[".repeat(10_000), "]".repeat(10_000));
    let inside = |value: &str| {
        format!(
            r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"n"}},"data":{{"k":{value}}}}}"#
        )
    };
    let deep =
        [open.clone(), format!("{open}{close}"), inside(&format!("{open}{close}")), "{\"a\":".repeat(10_000)];
    for body in deep {
        for (method, path, content_type) in [
            (Method::POST, MAPS, "application/json"),
            (Method::POST, MAPS, "application/yaml"),
            (Method::PUT, &own, "application/json"),
            (Method::PATCH, &own, "application/merge-patch+json"),
            (Method::PATCH, &own, "application/json-patch+json"),
            (Method::PATCH, &own, "application/strategic-merge-patch+json"),
            (Method::PATCH, &format!("{own}?fieldManager=t"), "application/apply-patch+yaml"),
            (
                Method::POST,
                "/clusters/root/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
                "application/json",
            ),
        ] {
            let answer = plane
                .send(plane.admin(), method.clone(), path, content_type, body.clone().into_bytes())
                .await;
            assert!(
                (400..500).contains(&answer.code) && answer.body["kind"] == "Status",
                "{method} {content_type}: {} {:#}",
                answer.code,
                answer.body
            );
        }
    }
    assert_eq!(plane.get(plane.admin(), &own).await.expect(200)["data"]["k"], "x");
    assert_eq!(plane.get(plane.admin(), &format!("{MAPS}/n")).await.code, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn crd_05_a_rule_that_explodes_ends_in_a_refusal_and_harms_nobody() {
    let plane = Plane::start().await;
    let bomb =
        "self.items.all(a, self.items.all(b, self.items.all(c, self.items.all(d, a + b + c + d != 'x'))))";
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "bombs.demo.example.io"},
        "spec": {"group": "demo.example.io", "scope": "Cluster",
            "names": {"plural": "bombs", "singular": "bomb", "kind": "Bomb", "listKind": "BombList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "properties": {"spec": {"type": "object",
                    "properties": {"items": {"type": "array", "items": {"type": "string"}}},
                    "x-kubernetes-validations": [{"rule": bomb}]}}}}}]}});
    let path = "/clusters/root/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let created = plane.post(plane.admin(), path, &definition).await;
    // Refused by its estimated cost, or later by what it really costs: never run to its end.
    if created.code == 201 {
        let bombs = "/clusters/root/apis/demo.example.io/v1/bombs";
        plane.until(bombs, "served", |list| list["kind"] == "BombList").await;
        let items: Vec<String> = (0..500).map(|n| format!("item-{n}")).collect();
        let object = json!({"apiVersion": "demo.example.io/v1", "kind": "Bomb", "metadata": {"name": "b"},
            "spec": {"items": items}});
        let start = Instant::now();
        let (answer, ()) = tokio::join!(plane.post(plane.admin(), bombs, &object), still_answers(&plane));
        assert_eq!(answer.code, 422, "{:#}", answer.body);
        assert!(answer.message().contains("cost exceeds limit"), "{}", answer.message());
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
        assert_eq!(plane.get(plane.admin(), &format!("{bombs}/b")).await.code, 404);
    } else {
        assert_eq!(created.code, 422, "{:#}", created.body);
        assert!(created.message().contains("budget"), "{}", created.message());
    }
    still_answers(&plane).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_04_a_thousand_watches_that_never_read_leave_memory_bounded_and_others_unharmed() {
    const CONNECTIONS: usize = 20;
    const EACH: usize = 50;
    let plane = Plane::start().await;
    let admin = plane.admin();
    plane.post(admin, MAPS, &map("m", 1)).await.expect(201);
    let before = resident_bytes();
    let mut deaf = Vec::new();
    for _ in 0..CONNECTIONS {
        // Small windows: the server finds out at once that nobody reads.
        let client = plane
            .http()
            .http2_initial_stream_window_size(65_535)
            .http2_initial_connection_window_size(65_535);
        let client = client.build().unwrap();
        let url = format!("{}{MAPS}?watch=true", plane.url());
        let opened = (0..EACH).map(|_| client.get(&url).bearer_auth(admin).send());
        for response in futures::future::join_all(opened).await {
            let response = response.unwrap();
            assert_eq!(response.status(), 200);
            deaf.push(response);
        }
    }
    assert_eq!(deaf.len(), CONNECTIONS * EACH);

    // One that reads, among them.
    let url = format!("{}{MAPS}?watch=true&fieldSelector=metadata.name%3Dlast", plane.url());
    let mut reader = plane.http().build().unwrap().get(url).bearer_auth(admin).send().await.unwrap();
    let start = Instant::now();
    for number in 0..400 {
        let change = json!({"data": {"k": format!("{number}").repeat(5_000)}});
        plane.merge(admin, &format!("{MAPS}/m"), &change).await.expect(200);
    }
    plane.post(admin, MAPS, &map("last", 1)).await.expect(201);
    let event =
        tokio::time::timeout(Duration::from_secs(10), reader.chunk()).await.expect("an event in time");
    let event: Value = serde_json::from_slice(&event.unwrap().unwrap()).unwrap();
    assert_eq!(
        (event["type"].as_str(), event["object"]["metadata"]["name"].as_str()),
        (Some("ADDED"), Some("last"))
    );
    still_answers(&plane).await;
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());

    let growth = resident_bytes().saturating_sub(before);
    assert!(growth < 150 * MEGABYTE, "{} MiB for 1,000 watches and 400 changes", growth / MEGABYTE);
    println!("{} MiB for 1,000 watches and 400 changes", growth / MEGABYTE);
    drop(deaf);
    still_answers(&plane).await;
}
