//! Requests of one person in one workspace, with their answers as they came: refusals are part of the story.

use http::Request;
use kube::{Client, client::Body};
use serde_json::Value;

use super::Fault;
use crate::{Reach, bootstrap::path_of};

/// Somebody in a workspace.
#[derive(Clone)]
pub(super) struct Caller {
    client: Client,
}

/// An answer, whatever its status.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
    pub(super) audit_id: String,
}

impl Answer {
    /// The body of a success.
    pub(super) fn success(self, what: &str) -> Result<Value, Fault> {
        if self.status < 300 {
            return Ok(self.body);
        }
        let message = self.body["message"].as_str().unwrap_or("no message");
        Err(format!("{what}: {} {message}", self.status).into())
    }
}

impl Caller {
    pub(super) async fn new(reach: &Reach, token: &str, workspace: &str) -> Result<Self, Fault> {
        Ok(Self { client: reach.client(token, Some(workspace)).await? })
    }

    /// At the server's root.
    pub(super) async fn at_root(reach: &Reach, token: &str) -> Result<Self, Fault> {
        Ok(Self { client: reach.client(token, None).await? })
    }

    pub(super) async fn get(&self, path: &str) -> Result<Answer, Fault> {
        self.send(Request::get(path).body(Body::empty())?).await
    }

    pub(super) async fn delete(&self, path: &str) -> Result<Answer, Fault> {
        self.send(Request::delete(path).body(Body::empty())?).await
    }

    /// Creates an object where it belongs.
    pub(super) async fn create(&self, object: &Value) -> Result<Answer, Fault> {
        let path = path_of(object);
        let collection = path.rsplit_once('/').map_or(path.as_str(), |(collection, _)| collection);
        let request = Request::post(collection)
            .header("content-type", "application/json")
            .body(Body::from(object.to_string().into_bytes()))?;
        self.send(request).await
    }

    /// Server-side apply.
    pub(super) async fn apply(&self, object: &Value) -> Result<Answer, Fault> {
        let request = Request::patch(format!("{}?fieldManager=demo&force=true", path_of(object)))
            .header("content-type", "application/apply-patch+yaml")
            .body(Body::from(object.to_string().into_bytes()))?;
        self.send(request).await
    }

    /// Sends JSON to a path.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Answer, Fault> {
        let request = Request::post(path)
            .header("content-type", "application/json")
            .body(Body::from(body.to_string().into_bytes()))?;
        self.send(request).await
    }

    async fn send(&self, request: Request<Body>) -> Result<Answer, Fault> {
        let answer = self.client.send(request).await?;
        let status = answer.status().as_u16();
        let audit_id = answer
            .headers()
            .get("audit-id")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        let bytes = answer.into_body().collect_bytes().await?;
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Ok(Answer { status, body, audit_id })
    }
}
