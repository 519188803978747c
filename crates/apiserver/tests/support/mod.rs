//! A server for tests: built-in resources and two custom ones in every partition, called without a socket.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::sync::Arc;

use apiserver::body::{boxed, full};
use apiserver::controllers::Controllers;
use apiserver::defined::DefinedApis;
use apiserver::kinds::BuiltIns;
use apiserver::server::Parts;
use apiserver::{
    ApiServer, ApiSets, GroupVersionKind, Partition, RequestCx, Scale, Scope, ServedResource,
    StructuralSchema, UserInfo,
};
use http_body_util::BodyExt;
use runtime::{Clock, Ids};
use serde_json::{Value, json};

pub struct Host {
    pub server: ApiServer,
    pub apis: Arc<dyn ApiSets>,
}

pub fn host() -> Host {
    host_of(Parts::default())
}

pub fn host_of(parts: Parts) -> Host {
    let clock = Clock::manual("2030-01-01T00:00:00Z".parse().unwrap());
    let server = ApiServer::new(Parts { clock, ids: Ids::seeded(7), ..parts });
    let mut resources = BuiltIns::default().resources();
    resources.push(Arc::new(widgets()));
    resources.push(Arc::new(ServedResource::new(
        GroupVersionKind::new("example.com", "v1", "Crate"),
        "crates",
        false,
    )));
    Host { apis: Arc::new(DefinedApis::new(server.store().clone(), resources)), server }
}

fn widgets() -> ServedResource {
    let schema = json!({
        "type": "object",
        "properties": {
            "spec": {"type": "object", "required": ["size"], "properties": {
                "size": {"type": "integer", "minimum": 0}, "color": {"type": "string", "default": "red"},
                "replicas": {"type": "integer"},
                "parts": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                    "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "n": {"type": "integer"}}}},
            }},
            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        },
    });
    let mut widgets =
        ServedResource::new(GroupVersionKind::new("example.com", "v1", "Widget"), "widgets", true);
    widgets.schema = Some(Arc::new(StructuralSchema::parse(&schema, "schema").unwrap()));
    widgets.subresources.status = true;
    widgets.subresources.scale = Some(Scale {
        spec_replicas_path: ".spec.replicas".to_owned(),
        status_replicas_path: ".status.replicas".to_owned(),
        label_selector_path: None,
    });
    widgets.selectable_fields = vec![".spec.color".to_owned()];
    widgets
}

/// One answer.
#[derive(Debug)]
pub struct Answer {
    pub code: u16,
    pub body: Value,
    pub headers: http::HeaderMap,
}

impl Host {
    pub fn cx(&self, partition: &str) -> RequestCx {
        let scope = if partition == "*" { Scope::All } else { Scope::One(Partition::from(partition)) };
        RequestCx::new(scope, self.apis.clone(), UserInfo::system("alice"))
    }

    pub async fn call(&self, method: &str, url: &str, body: Value) -> Answer {
        self.call_as("a", method, url, "", "", body).await
    }

    pub async fn get(&self, url: &str) -> Answer {
        self.call("GET", url, Value::Null).await
    }

    pub async fn post(&self, url: &str, body: Value) -> Answer {
        self.call("POST", url, body).await
    }

    pub async fn call_as(
        &self,
        partition: &str,
        method: &str,
        url: &str,
        accept: &str,
        content: &str,
        body: Value,
    ) -> Answer {
        let bytes = if body.is_null() { Vec::new() } else { serde_json::to_vec(&body).unwrap() };
        let mut request = http::Request::builder().method(method).uri(url);
        if !accept.is_empty() {
            request = request.header("accept", accept);
        }
        if !content.is_empty() {
            request = request.header("content-type", content);
        }
        let response = self.server.handle(self.cx(partition), request.body(full(bytes)).unwrap()).await;
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            code: head.status.as_u16(),
            body: serde_json::from_slice(&bytes).unwrap_or_default(),
            headers: head.headers,
        }
    }

    /// The controllers of the host.
    pub fn controllers(&self) -> Controllers {
        Controllers {
            server: self.server.clone(),
            apis: self.apis.clone(),
            root_certificates: "PEM".to_owned(),
            tokens: None,
            default_accounts: true,
        }
    }

    /// Runs a story while the controllers run.
    pub async fn with_controllers(&self, story: impl Future<Output = ()>) {
        let controllers = self.controllers();
        tokio::select! {
            () = controllers.run(runtime::Stop::new()) => panic!("the controllers ended"),
            () = story => {}
        }
    }

    /// Waits until an object is gone, in bounded time.
    pub async fn until_gone(&self, url: &str) {
        self.until(url, |answer| answer.code == 404).await;
    }

    /// Waits until a read fulfils a condition, in bounded time.
    pub async fn until(&self, url: &str, holds: impl Fn(&Answer) -> bool) -> Answer {
        for _ in 0..500 {
            let answer = self.get(url).await;
            if holds(&answer) {
                return answer;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("{url} never came to the expected state: {:?}", self.get(url).await);
    }

    /// A kube client of one partition.
    pub fn client(&self, partition: &str) -> kube::Client {
        let (server, cx) = (self.server.clone(), self.cx(partition));
        let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
            let (server, cx) = (server.clone(), cx.clone());
            async move { Ok::<_, std::convert::Infallible>(server.handle(cx, request.map(boxed)).await) }
        });
        kube::Client::new(service, "default")
    }
}

pub const WIDGETS: &str = "/apis/example.com/v1/namespaces/default/widgets";

pub fn widget(name: &str, size: i64) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": name}, "spec": {"size": size}})
}
