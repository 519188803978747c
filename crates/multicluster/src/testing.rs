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
mod objects;
mod static_provider;

use std::sync::Arc;

use kube::Client;
use parking_lot::Mutex;
use runtime::{FaultLayer, Faults, Ids};
use serde_json::Value;
use tokio::sync::watch;
use tower::Layer as _;

use crate::prefix_client;
use objects::{Address, Objects};
pub use static_provider::StaticProvider;

/// Which objects an endpoint shows.
pub(crate) type Visible = Arc<dyn Fn(&Value) -> bool + Send + Sync>;

pub(crate) struct Inner {
    pub(crate) objects: Mutex<Objects>,
    pub(crate) tick: watch::Sender<u64>,
    endpoints: Mutex<Vec<(String, Visible)>>,
    pub(crate) requests: Mutex<Vec<String>>,
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
            endpoints: Mutex::new(vec![(String::new(), Arc::new(|_: &Value| true))]),
            requests: Mutex::default(),
        };
        FakeServer { inner: Arc::new(inner), faults: Faults::new(Ids::seeded(0)), client: Arc::default() }
    }

    /// Also answers below `PREFIX/clusters/…`, showing only what `visible` says; an object that stops being visible is seen as deleted.
    pub fn endpoint(&self, prefix: &str, visible: impl Fn(&Value) -> bool + Send + Sync + 'static) {
        let mut endpoints = self.inner.endpoints.lock();
        endpoints.retain(|(known, _)| known != prefix);
        endpoints.push((prefix.to_owned(), Arc::new(visible)));
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
