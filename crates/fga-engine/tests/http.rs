//! The HTTP API as a client of OpenFGA sees it.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::sync::Arc;

use fga_engine::{
    Engine,
    server::{ServerOptions, serve_http},
};
use reqwest::{Method, StatusCode};
use runtime::{End, Stop, Tasks};
use serde_json::{Value, json};
use tokio::net::TcpListener;

struct Server {
    base: String,
    client: reqwest::Client,
    _tasks: Tasks,
}

impl Server {
    async fn start(token: Option<&str>) -> Self {
        runtime::install_crypto();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let options = ServerOptions { token: token.map(str::to_owned), ..ServerOptions::default() };
        let tasks = Tasks::new();
        let engine = Arc::new(Engine::default());
        tasks.spawn("http", End::StopProcess, serve_http(engine, listener, options, Stop::new()));
        Self { base, client: reqwest::Client::builder().no_proxy().build().unwrap(), _tasks: tasks }
    }

    async fn text(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, String) {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let (status, text) = self.text(method, path, body).await;
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    async fn refused(&self, method: Method, path: &str, body: Option<Value>, wanted: (u16, &str)) {
        let (status, answer) = self.call(method, path, body).await;
        assert_eq!(
            (status.as_u16(), answer["code"].as_str()),
            (wanted.0, Some(wanted.1)),
            "{path}: {answer}"
        );
        assert!(answer["message"].as_str().is_some_and(|text| !text.is_empty()), "{answer}");
    }

    async fn organisation(&self) -> (String, String) {
        let (status, store) = self.call(Method::POST, "/stores", Some(json!({"name": "acme"}))).await;
        assert_eq!(status, StatusCode::CREATED);
        let at = format!("/stores/{}", store["id"].as_str().unwrap());
        let model = json!({"schema_version": "1.1", "type_definitions": [
            {"type": "user"},
            {"type": "doc", "relations": {"viewer": {"this": {}}},
             "metadata": {"relations": {"viewer": {"directly_related_user_types": [{"type": "user"}]}}}}]});
        let (status, made) =
            self.call(Method::POST, &format!("{at}/authorization-models"), Some(model)).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        (at, made["authorization_model_id"].as_str().unwrap().to_owned())
    }
}

fn key(user: &str) -> Value {
    json!({"object": "doc:1", "relation": "viewer", "user": user})
}

#[tokio::test]
async fn fga_06_store_model_write_check_and_lists_over_http() {
    let server = Server::start(None).await;
    let (at, model) = server.organisation().await;
    let written = json!({"writes": {"tuple_keys": [key("user:anne")]}});
    let wrote = server.call(Method::POST, &format!("{at}/write"), Some(written)).await;
    assert_eq!(wrote, (StatusCode::OK, json!({})));
    let url = format!("{}{at}/check", server.base);
    let response =
        server.client.post(url).json(&json!({"tuple_key": key("user:anne")})).send().await.unwrap();
    assert_eq!(response.headers()["openfga-authorization-model-id"], model.as_str());
    assert_eq!(response.json::<Value>().await.unwrap(), json!({"allowed": true, "resolution": ""}));
    let (_, denied) =
        server.call(Method::POST, &format!("{at}/check"), Some(json!({"tuple_key": key("user:bob")}))).await;
    assert_eq!(denied["allowed"], false);
    let question = json!({"type": "doc", "relation": "viewer", "user": "user:anne"});
    let (_, listed) = server.call(Method::POST, &format!("{at}/list-objects"), Some(question.clone())).await;
    assert_eq!(listed, json!({"objects": ["doc:1"]}));
    let (_, lines) = server.text(Method::POST, &format!("{at}/streamed-list-objects"), Some(question)).await;
    assert_eq!(lines, "{\"result\":{\"object\":\"doc:1\"}}\n");
    let question = json!({"object": {"type": "doc", "id": "1"}, "relation": "viewer", "user_filters": [{"type": "user"}]});
    let (_, users) = server.call(Method::POST, &format!("{at}/list-users"), Some(question)).await;
    assert_eq!(users["users"][0]["object"], json!({"type": "user", "id": "anne"}));
    let (_, read) = server.call(Method::POST, &format!("{at}/read"), Some(json!({"page_size": 1}))).await;
    assert_eq!(read["tuples"][0]["key"]["user"], "user:anne");
    let (_, changes) = server.call(Method::GET, &format!("{at}/changes?page_size=10&type=doc"), None).await;
    assert_eq!(changes["changes"][0]["operation"], "TUPLE_OPERATION_WRITE");
    for (start, code) in [
        ("2999-01-01T00:00:00Z", "validation_error"),
        ("10000-01-01T00:00:00Z", "validation_error"),
        ("1969-12-31T23:59:59Z", "invalid_start_time"),
    ] {
        server.refused(Method::GET, &format!("{at}/changes?start_time={start}"), None, (400, code)).await;
    }
    let (_, changes) =
        server.call(Method::GET, &format!("{at}/changes?start_time=2020-01-01T00:00:00Z"), None).await;
    assert!(!changes["changes"].as_array().unwrap().is_empty());
    let batch = json!({"checks": [{"tuple_key": key("user:anne"), "correlation_id": "a"}]});
    let (_, answers) = server.call(Method::POST, &format!("{at}/batch-check"), Some(batch)).await;
    assert_eq!(answers["result"]["a"]["allowed"], true);
    let (_, found) = server.call(Method::GET, &format!("{at}/authorization-models/{model}"), None).await;
    assert_eq!(
        found["authorization_model"]["type_definitions"][1]["relations"]["viewer"],
        json!({"this": {}})
    );
    let (status, _) = server.call(Method::DELETE, &at, None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    server.refused(Method::GET, &at, None, (404, "store_id_not_found")).await;
}

#[tokio::test]
async fn fga_06_refusals_have_openfgas_status_and_code() {
    let server = Server::start(None).await;
    let (at, _) = server.organisation().await;
    let path = |call: &str| format!("{at}/{call}");
    let unknown = json!({"tuple_key": {"object": "folder:1", "relation": "viewer", "user": "user:a"}});
    server.refused(Method::POST, &path("check"), Some(unknown), (400, "validation_error")).await;
    server.refused(Method::POST, &path("check"), Some(json!({})), (400, "validation_error")).await;
    server
        .refused(Method::POST, &path("check"), Some(json!({"tuple_key": 7})), (400, "validation_error"))
        .await;
    server.refused(Method::POST, &path("write"), Some(json!({})), (400, "invalid_write_input")).await;
    let missing = json!({"deletes": {"tuple_keys": [key("user:eve")]}});
    server
        .refused(Method::POST, &path("write"), Some(missing), (400, "write_failed_due_to_invalid_input"))
        .await;
    let list = json!({"type": "folder", "relation": "viewer", "user": "user:a"});
    server.refused(Method::POST, &path("list-objects"), Some(list), (400, "type_not_found")).await;
    let other = "/stores/01HVMMBCMGZNT3SED4Z17ECXCA/read";
    server.refused(Method::POST, other, Some(json!({})), (404, "store_id_not_found")).await;
    server.refused(Method::GET, &path("nothing"), None, (404, "undefined_endpoint")).await;
    server.refused(Method::GET, "/playground", None, (404, "undefined_endpoint")).await;
    let empty = json!({"type_definitions": [], "schema_version": "1.1"});
    let (status, _) = server.call(Method::POST, &path("authorization-models"), Some(empty)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn fga_06_assertions_stores_and_health_over_http() {
    let server = Server::start(None).await;
    let (at, model) = server.organisation().await;
    let url = format!("{at}/assertions/{model}");
    let body = json!({"assertions": [{"tuple_key": key("user:anne"), "expectation": true}]});
    let (status, _) = server.call(Method::PUT, &url, Some(body.clone())).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (_, read) = server.call(Method::GET, &url, None).await;
    assert_eq!(read["assertions"][0]["expectation"], true);
    assert_eq!(read["authorization_model_id"], model.as_str());
    let bad = json!({"assertions": [{"tuple_key": {"object": "doc:1", "relation": "x", "user": "user:a"}, "expectation": true}]});
    server.refused(Method::PUT, &url, Some(bad), (400, "validation_error")).await;
    let many = vec![body["assertions"][0].clone(); 101];
    server
        .refused(Method::PUT, &url, Some(json!({"assertions": many})), (400, "assertions_too_many_items"))
        .await;
    for name in ["beta", "gamma", "beta"] {
        server.call(Method::POST, "/stores", Some(json!({"name": name}))).await;
    }
    let (_, named) = server.call(Method::GET, "/stores?name=beta", None).await;
    assert_eq!(named["stores"].as_array().unwrap().len(), 2);
    let (_, page) = server.call(Method::GET, "/stores?page_size=3", None).await;
    let token = page["continuation_token"].as_str().unwrap();
    let (_, rest) =
        server.call(Method::GET, &format!("/stores?page_size=3&continuation_token={token}"), None).await;
    assert_eq!(
        (rest["stores"].as_array().unwrap().len(), rest["continuation_token"].as_str()),
        (1, Some(""))
    );
    let health = server.call(Method::GET, "/healthz", None).await;
    assert_eq!(health, (StatusCode::OK, json!({"status": "SERVING"})));
}

#[tokio::test]
async fn qrk_15_http_asks_for_the_token_but_not_for_health() {
    let server = Server::start(Some("secret")).await;
    server.refused(Method::GET, "/stores", None, (401, "bearer_token_missing")).await;
    let url = format!("{}/stores", server.base);
    let wrong = server.client.get(&url).bearer_auth("guess").send().await.unwrap();
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
    let right = server.client.get(&url).bearer_auth("secret").send().await.unwrap();
    assert_eq!(right.status(), StatusCode::OK);
    let (status, _) = server.call(Method::GET, "/healthz", None).await;
    assert_eq!(status, StatusCode::OK);
}
