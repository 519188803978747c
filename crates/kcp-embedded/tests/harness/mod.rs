//! A server in process and short words to talk to it.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, dead_code, reason = "helpers of tests")]

use std::time::Duration;

use apiserver::UserInfo;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use kcp_embedded::{KcpServer, Options, Parts, RunningServer};
use serde_json::{Value, json};
use tower::ServiceExt as _;

pub struct Server(pub RunningServer);

pub async fn server() -> Server {
    server_with(Options::default(), Parts::default()).await
}

pub async fn server_with(options: Options, parts: Parts) -> Server {
    Server(KcpServer::start(options, parts).await.expect("the server starts"))
}

pub fn user(name: &str, groups: &[&str]) -> UserInfo {
    let mut groups: Vec<String> = groups.iter().map(|g| (*g).to_owned()).collect();
    groups.push("system:authenticated".into());
    UserInfo { name: name.into(), groups, ..UserInfo::default() }
}

pub fn admin() -> UserInfo {
    user("kcp-admin", &["system:kcp:admin"])
}

pub struct Answer {
    pub code: u16,
    pub body: Value,
    pub audit_id: String,
}

impl Server {
    pub async fn send(&self, who: Option<&UserInfo>, request: Request<Full<bytes::Bytes>>) -> Answer {
        let service = match who {
            Some(user) => self.0.service_as(user.clone()),
            None => self.0.service(),
        };
        let response = service.oneshot(request).await.unwrap();
        let code = response.status().as_u16();
        let audit_id = response.headers()["audit-id"].to_str().unwrap().to_owned();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into());
        Answer { code, body, audit_id }
    }

    pub async fn call(&self, who: &UserInfo, method: Method, path: &str, body: Value) -> Answer {
        let content_type =
            if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
        let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(&body).unwrap() };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", content_type)
            .body(Full::new(body.into()))
            .unwrap();
        self.send(Some(who), request).await
    }

    pub async fn get(&self, who: &UserInfo, path: &str) -> Answer {
        self.call(who, Method::GET, path, Value::Null).await
    }

    pub async fn post(&self, who: &UserInfo, path: &str, body: Value) -> Answer {
        self.call(who, Method::POST, path, body).await
    }

    pub async fn with_token(&self, token: &str, path: &str) -> Answer {
        let request = Request::builder()
            .uri(path)
            .header("authorization", format!("Bearer {token}"))
            .body(Full::default())
            .unwrap();
        self.send(None, request).await
    }

    /// Waits until the object at `path` satisfies the predicate.
    #[track_caller]
    pub fn until<'a>(
        &'a self,
        path: &'a str,
        what: impl Fn(&Answer) -> bool + 'a,
    ) -> impl Future<Output = Answer> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            for _ in 0..2000 {
                let answer = self.get(&admin(), path).await;
                if what(&answer) {
                    return answer;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let last = self.get(&admin(), path).await;
            panic!("{caller}: {path} never came to be: {} {:#}", last.code, last.body);
        }
    }

    pub async fn workspace(&self, who: &UserInfo, parent: &str, name: &str, type_: Value) -> Answer {
        let mut spec = json!({});
        if !type_.is_null() {
            spec["type"] = type_;
        }
        let body = json!({"apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "Workspace",
            "metadata": {"name": name}, "spec": spec});
        self.post(who, &format!("/clusters/{parent}/apis/tenancy.kcp.io/v1alpha1/workspaces"), body).await
    }

    /// Creates a workspace of a type and waits until it is ready.
    pub async fn ready(&self, parent: &str, name: &str, type_: Value) -> Value {
        let created = self.workspace(&admin(), parent, name, type_).await;
        assert_eq!(created.code, 201, "{:#}", created.body);
        let path = format!("/clusters/{parent}/apis/tenancy.kcp.io/v1alpha1/workspaces/{name}");
        self.until(&path, |a| a.body["status"]["phase"] == "Ready").await.body
    }

    pub async fn workspace_type(&self, parent: &str, name: &str, spec: Value) {
        let body = json!({"apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "WorkspaceType",
            "metadata": {"name": name}, "spec": spec});
        let path = format!("/clusters/{parent}/apis/tenancy.kcp.io/v1alpha1/workspacetypes");
        let answer = self.post(&admin(), &path, body).await;
        assert_eq!(answer.code, 201, "{:#}", answer.body);
    }
}

/// A bare type: no initializers, no bindings but those of tenancy, so that it is ready at once.
pub fn typed(path: &str, name: &str) -> Value {
    json!({"path": path, "name": name})
}
