//! An in-process server of many clusters, for tests of controllers: lists and watches with resource versions over one cluster or all, guarded
//! writes, finalizers, bookmarks, expiry; faults come from [`runtime::Faults`].
//!
//! It answers as a Kubernetes API server would as far as controllers notice; it knows no schemas, no admission and no authorization.
//!
//! ```
//! use multicluster::testing::FakeServer;
//! use serde_json::json;
//!
//! let server = FakeServer::new();
//! server.put("c1", json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "default", "name": "a"}}), "configmaps");
//! assert_eq!(server.get("c1", "", "configmaps", Some("default"), "a").unwrap()["metadata"]["resourceVersion"], "1");
//! ```

mod answer;
mod hand_fed;
mod kinds;
mod objects;
mod static_provider;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kube::{
    Client,
    discovery::{ApiResource, Scope},
};
use parking_lot::Mutex;
use runtime::{FaultLayer, Faults, Ids, ServeError, ServeOptions, Stop, serve_http};
use serde_json::Value;
use tokio::sync::watch;
use tower::Layer as _;

use crate::prefix_client;
pub use hand_fed::HandFed;
use objects::{Address, Objects};
pub use static_provider::StaticProvider;

type Sees = Arc<dyn Fn(&Value) -> bool + Send + Sync>;

/// What an endpoint shows, and how late.
#[derive(Clone, Default)]
pub(crate) struct Visible {
    sees: Option<Sees>,
    lag: Arc<Mutex<Option<Duration>>>,
    gone: Arc<AtomicBool>,
}

impl Visible {
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    pub(crate) fn sees(&self, object: &Value) -> bool {
        self.sees.as_ref().is_none_or(|sees| sees(object))
    }

    pub(crate) fn lag(&self) -> Option<Duration> {
        *self.lag.lock()
    }
}

/// What the server makes of a streaming list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Streaming {
    /// Objects, then the bookmark that ends them.
    #[default]
    Served,
    /// Objects, and never an end.
    Endless,
    /// 422.
    Refused,
}

pub(crate) struct Inner {
    pub(crate) objects: Mutex<Objects>,
    pub(crate) tick: watch::Sender<u64>,
    endpoints: Mutex<Vec<(String, Visible)>>,
    pub(crate) requests: Mutex<Vec<String>>,
    pub(crate) streaming: Mutex<Streaming>,
}

/// One server with its own revisions. Clones share it.
#[derive(Clone)]
pub struct FakeServer {
    inner: Arc<Inner>,
    faults: Faults,
    client: Arc<std::sync::OnceLock<Client>>,
}

impl Default for FakeServer {
    fn default() -> Self {
        Self::new()
    }
}

impl FakeServer {
    /// An empty server that answers below `/clusters/NAME` and `/clusters/*`.
    pub fn new() -> Self {
        let inner = Inner {
            objects: Mutex::default(),
            tick: watch::Sender::new(0),
            endpoints: Mutex::new(vec![(String::new(), Visible::default())]),
            requests: Mutex::default(),
            streaming: Mutex::default(),
        };
        FakeServer { inner: Arc::new(inner), faults: Faults::new(Ids::seeded(0)), client: Arc::default() }
    }

    /// Lists a kind in discovery, and names it in lists and bookmarks, before there is an object of it; kinds of objects that were written
    /// are listed without it.
    pub fn declare(&self, kind: &ApiResource, scope: &Scope) {
        self.inner.objects.lock().kinds.add(kind, scope);
    }

    /// Also answers below `PREFIX/clusters/…`, showing only what `visible` says; an object that stops being visible is seen as deleted.
    pub fn endpoint(&self, prefix: &str, visible: impl Fn(&Value) -> bool + Send + Sync + 'static) {
        let mut endpoints = self.inner.endpoints.lock();
        endpoints.retain(|(known, _)| known != prefix);
        endpoints.push((prefix.to_owned(), Visible { sees: Some(Arc::new(visible)), ..Visible::default() }));
    }

    /// Watches of an endpoint come this late, so that changes of different endpoints arrive in another order than they happened.
    pub fn lag(&self, prefix: &str, lag: Duration) {
        for (_, visible) in self.inner.endpoints.lock().iter().filter(|(known, _)| known == prefix) {
            *visible.lag.lock() = (!lag.is_zero()).then_some(lag);
        }
    }

    /// Takes an endpoint away: it answers 404, open watches end.
    pub fn remove_endpoint(&self, prefix: &str) {
        self.inner.endpoints.lock().retain(|(known, visible)| {
            let keep = known != prefix;
            visible.gone.fetch_or(!keep, Ordering::Relaxed);
            keep
        });
        self.bump();
    }

    /// What a streaming list comes to; [`Streaming::Served`] unless set.
    pub fn streaming(&self, streaming: Streaming) {
        *self.inner.streaming.lock() = streaming;
    }

    /// Serves HTTP on a listener until `stop`, for programs in other processes.
    ///
    /// # Errors
    /// Only when the listening socket fails for good.
    pub async fn serve(&self, listener: tokio::net::TcpListener, stop: Stop) -> Result<(), ServeError> {
        let (inner, faults) = (self.inner.clone(), self.faults.clone());
        let service = tower::service_fn(move |request: http::Request<hyper::body::Incoming>| {
            answer::answer(inner.clone(), request)
        });
        serve_http(listener, FaultLayer(faults).layer(service), ServeOptions::default(), stop).await
    }

    /// What goes wrong between clients and this server.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// A client at the server's root. Must be called inside a tokio runtime.
    pub fn client(&self) -> Client {
        let inner = self.inner.clone();
        let faults = self.faults.clone();
        let make = move || {
            let service = tower::service_fn(move |request| answer::answer(inner.clone(), request));
            Client::new(FaultLayer(faults).layer(service), "default")
        };
        self.client.get_or_init(make).clone()
    }

    /// A client at one cluster.
    pub fn cluster(&self, name: &str) -> Client {
        prefix_client(&self.client(), &format!("/clusters/{name}"))
    }

    /// Writes an object past the API: creates it, or replaces it as it is given.
    pub fn put(&self, cluster: &str, object: Value, plural: &str) {
        let address = Address::of(cluster, &object, plural);
        self.inner.objects.lock().put(address, object);
        self.bump();
    }

    /// Reads an object past the API.
    pub fn get(
        &self,
        cluster: &str,
        group: &str,
        plural: &str,
        namespace: Option<&str>,
        name: &str,
    ) -> Option<Value> {
        let address = Address::new(cluster, group, plural, namespace, name);
        self.inner.objects.lock().get(&address)
    }

    /// Removes an object at once, whatever its finalizers.
    pub fn remove(&self, cluster: &str, group: &str, plural: &str, namespace: Option<&str>, name: &str) {
        let address = Address::new(cluster, group, plural, namespace, name);
        self.inner.objects.lock().remove(&address);
        self.bump();
    }

    /// Forgets the history: watches from older resource versions expire with 410.
    pub fn compact(&self) {
        self.inner.objects.lock().compact();
        self.bump();
    }

    /// Every request so far, as `METHOD path?query`.
    pub fn requests(&self) -> Vec<String> {
        self.inner.requests.lock().clone()
    }

    /// How many requests so far contain `text`.
    pub fn count(&self, text: &str) -> usize {
        self.inner.requests.lock().iter().filter(|request| request.contains(text)).count()
    }

    fn bump(&self) {
        self.inner.tick.send_modify(|tick| *tick += 1);
    }
}

impl Inner {
    /// The endpoint of a path and what follows it.
    pub(crate) fn route<'a>(&self, path: &'a str) -> Option<(Visible, &'a str)> {
        let endpoints = self.endpoints.lock();
        let found = endpoints.iter().filter_map(|(prefix, visible)| {
            let rest = path.strip_prefix(prefix.as_str())?.strip_prefix("/clusters/")?;
            Some((prefix.len(), visible.clone(), rest))
        });
        found.max_by_key(|(length, _, _)| *length).map(|(_, visible, rest)| (visible, rest))
    }
}
