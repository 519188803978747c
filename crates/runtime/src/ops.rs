//! Health, readiness and metrics of a process.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use parking_lot::Mutex;
use prometheus_client::{encoding::text::encode, registry::Registry};
use tokio::net::TcpListener;

use crate::{ServeError, ServeOptions, Stop, serve_http};

/// A shared registry of metrics. Names are written as given: register with their full name.
#[derive(Clone, Default)]
pub struct Metrics(Arc<Mutex<Registry>>);

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    /// An empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers metrics: `metrics.with(|registry| registry.register(name, help, metric.clone()))`.
    pub fn with<T>(&self, f: impl FnOnce(&mut Registry) -> T) -> T {
        f(&mut self.0.lock())
    }

    /// The OpenMetrics text of all metrics.
    pub fn text(&self) -> String {
        let mut text = String::new();
        match encode(&mut text, &self.0.lock()) {
            Ok(()) => text,
            Err(error) => format!("# metrics cannot be written: {error}\n"),
        }
    }
}

/// What a readiness check says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckState {
    /// It is well.
    Ready,
    /// It waits for something, in words.
    Waiting(String),
}

type CheckFn = Box<dyn Fn() -> CheckState + Send + Sync>;

#[derive(Default)]
struct Checks(BTreeMap<String, CheckFn>);

/// Sets the state of one readiness check; starts as waiting.
#[derive(Clone, Debug)]
pub struct Check(Arc<Mutex<CheckState>>);

impl Check {
    /// It is well.
    pub fn ready(&self) {
        *self.0.lock() = CheckState::Ready;
    }

    /// It waits for something, in words.
    pub fn waiting(&self, why: impl Into<String>) {
        *self.0.lock() = CheckState::Waiting(why.into());
    }
}

/// `/healthz`, `/livez`, `/readyz` and `/metrics` of a process. Clones share state.
#[derive(Clone, Default)]
pub struct Ops {
    metrics: Metrics,
    readiness: Arc<Mutex<Checks>>,
    liveness: Arc<Mutex<Checks>>,
}

impl Ops {
    /// Without checks: ready and well.
    pub fn new(metrics: Metrics) -> Self {
        Ops { metrics, ..Ops::default() }
    }

    /// The registry behind `/metrics`.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Adds a readiness check that is set from outside.
    pub fn readiness(&self, name: &str) -> Check {
        let state = Arc::new(Mutex::new(CheckState::Waiting("starting".into())));
        let read = state.clone();
        self.readiness_fn(name, move || read.lock().clone());
        Check(state)
    }

    /// Adds a readiness check that is asked on each request.
    pub fn readiness_fn(&self, name: &str, check: impl Fn() -> CheckState + Send + Sync + 'static) {
        self.readiness.lock().0.insert(name.to_owned(), Box::new(check));
    }

    /// Adds a liveness check that is asked on each request.
    pub fn liveness_fn(&self, name: &str, check: impl Fn() -> CheckState + Send + Sync + 'static) {
        self.liveness.lock().0.insert(name.to_owned(), Box::new(check));
    }

    /// Whether all readiness checks are well.
    pub fn is_ready(&self) -> bool {
        self.readiness.lock().0.values().all(|check| check() == CheckState::Ready)
    }

    /// Answers a request for one of the four paths; 404 for any other.
    pub fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return plain(StatusCode::METHOD_NOT_ALLOWED, "only GET is served here\n".into());
        }
        match request.uri().path() {
            "/healthz" | "/livez" => report(&self.liveness.lock()),
            "/readyz" => report(&self.readiness.lock()),
            "/metrics" => {
                let mut response = plain(StatusCode::OK, self.metrics.text());
                let kind = http::HeaderValue::from_static(
                    "application/openmetrics-text; version=1.0.0; charset=utf-8",
                );
                response.headers_mut().insert(header::CONTENT_TYPE, kind);
                response
            }
            _ => plain(StatusCode::NOT_FOUND, "not found\n".into()),
        }
    }
}

/// Serves [`Ops`] over plain HTTP until `stop`.
pub async fn serve_ops(listener: TcpListener, ops: Ops, stop: Stop) -> Result<(), ServeError> {
    let service = tower::service_fn(move |request: Request<hyper::body::Incoming>| {
        let response = ops.answer(&request);
        async move { Ok::<_, std::convert::Infallible>(response) }
    });
    let options = ServeOptions { connections: 100, ..ServeOptions::default() };
    serve_http(listener, service, options, stop).await
}

fn report(checks: &Checks) -> Response<Full<Bytes>> {
    let mut text = String::new();
    let mut status = StatusCode::OK;
    for (name, check) in &checks.0 {
        let _ = match check() {
            CheckState::Ready => writeln!(text, "[+]{name} ok"),
            CheckState::Waiting(why) => {
                status = StatusCode::SERVICE_UNAVAILABLE;
                writeln!(text, "[-]{name} {why}")
            }
        };
    }
    if status == StatusCode::OK {
        text.push_str("ok\n");
    }
    plain(status, text)
}

fn plain(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let kind = http::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use prometheus_client::metrics::counter::Counter;

    use super::*;

    async fn get(ops: &Ops, path: &str) -> (u16, String) {
        let response = ops.answer(&Request::get(path).body(()).unwrap());
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn readiness_names_what_it_waits_for() {
        let ops = Ops::new(Metrics::new());
        let check = ops.readiness("fleet");
        assert_eq!(get(&ops, "/readyz").await, (503, "[-]fleet starting\n".into()));
        check.ready();
        assert_eq!(get(&ops, "/readyz").await, (200, "[+]fleet ok\nok\n".into()));
        assert_eq!(get(&ops, "/healthz").await.0, 200);
        assert_eq!(get(&ops, "/other").await.0, 404);
    }

    #[tokio::test]
    async fn metrics_are_served_by_their_full_name() {
        let ops = Ops::new(Metrics::new());
        let counter = Counter::<u64>::default();
        ops.metrics()
            .with(|registry| registry.register("multicluster_engagements", "Engagements", counter.clone()));
        counter.inc();
        assert!(get(&ops, "/metrics").await.1.contains("multicluster_engagements_total 1"));
    }
}
