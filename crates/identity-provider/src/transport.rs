//! How requests travel: over HTTPS, or straight into a service of this process.

use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use tower::ServiceExt as _;

/// Longest answer that is read, in bytes.
const ANSWER_MAX: usize = 8 << 20;

/// Sends one request and reads the whole answer. Redirects are not followed.
#[async_trait]
pub trait Transport: Send + Sync {
    /// The answer, or what the network said.
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, String>;
}

/// Over the network.
#[derive(Clone, Debug)]
pub struct HttpsTransport {
    client: reqwest::Client,
}

impl HttpsTransport {
    /// A client with a deadline for each call, that trusts `authority` (PEM), or the system's roots without one.
    ///
    /// # Errors
    /// A sentence, if `authority` is not PEM.
    pub fn new(deadline: Duration, authority: Option<&str>) -> Result<Self, String> {
        let mut builder =
            reqwest::Client::builder().timeout(deadline).redirect(reqwest::redirect::Policy::none());
        if let Some(pem) = authority {
            let roots = reqwest::Certificate::from_pem_bundle(pem.as_bytes())
                .map_err(|e| format!("certificate authority is not PEM: {e}"))?;
            builder = builder.tls_certs_merge(roots);
        }
        Ok(Self { client: builder.build().map_err(|e| e.to_string())? })
    }
}

#[async_trait]
impl Transport for HttpsTransport {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
        let request = reqwest::Request::try_from(request).map_err(|e| e.to_string())?;
        let mut answer = self.client.execute(request).await.map_err(|e| chain(&e))?;
        let mut response = Response::builder().status(answer.status());
        for (name, value) in answer.headers() {
            response = response.header(name, value);
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|e| chain(&e))? {
            if body.len() + chunk.len() > ANSWER_MAX {
                return Err(format!("the answer is longer than {ANSWER_MAX} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        response.body(body.into()).map_err(|e| e.to_string())
    }
}

/// Straight into a service of this process, with no socket.
#[derive(Clone, Debug)]
pub struct ServiceTransport {
    router: Router,
}

impl ServiceTransport {
    /// Requests go to `router`, by path alone.
    pub fn new(router: Router) -> Self {
        Self { router }
    }
}

#[async_trait]
impl Transport for ServiceTransport {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
        let request = request.map(|bytes| axum::body::Body::new(Full::new(bytes)));
        let answer = self.router.clone().oneshot(request).await.map_err(|e| e.to_string())?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_MAX).collect().await.map_err(|e| e.to_string())?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
