//! A reachable admission webhook that says yes to everything and remembers what it was asked.

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use parking_lot::Mutex;
use runtime::{Authority, Clock, End, ServeOptions, ServerNames, ServerTls, Tasks};
use serde_json::{Value, json};

/// The webhook; dropping it ends it.
pub struct Webhook {
    url: String,
    ca_pem: String,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
    _tasks: Tasks,
}

impl Webhook {
    /// Listens on a free port.
    pub async fn start() -> Self {
        runtime::install_crypto();
        let authority = Authority::new("webhook", &Clock::system()).unwrap();
        let identity = authority.issue_server("webhook", &ServerNames::local_and([])).unwrap();
        let tls = ServerTls::new(&identity, None).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
        let seen = asked.clone();
        let service = tower::service_fn(move |request: Request<Incoming>| {
            let seen = seen.clone();
            async move {
                let path = request.uri().path().to_owned();
                let bytes = request.into_body().collect().await.unwrap().to_bytes();
                let review: Value = serde_json::from_slice(&bytes).unwrap();
                let answer = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
                    "response": {"uid": review["request"]["uid"], "allowed": true}});
                seen.lock().push((path, review));
                let response = Response::builder().header("content-type", "application/json");
                Ok::<_, Infallible>(response.body(Full::new(Bytes::from(answer.to_string()))).unwrap())
            }
        });
        let tasks = Tasks::new();
        tasks.spawn_graceful("webhook", End::MayEnd, move |stop| {
            runtime::serve_https(listener, tls, service, ServeOptions::default(), stop)
        });
        Self { url, ca_pem: authority.certificate_pem().to_owned(), asked, _tasks: tasks }
    }

    /// Its address, without a path.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The authority that its certificate comes from.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Paths and reviews, in the order in which they came.
    pub fn asked(&self) -> Vec<(String, Value)> {
        self.asked.lock().clone()
    }
}
