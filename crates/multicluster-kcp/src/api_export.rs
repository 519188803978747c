//! The consumers of an APIExport, through its virtual workspace.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures::stream::BoxStream;
use kcp_api::{
    ConditionStatus,
    apis::{v1alpha1::ApiExportEndpointSlice, v1alpha2::ApiBinding},
};
use multicluster::{FleetEvent, Provider, ProviderError, ProviderName};
use parking_lot::Mutex;

use crate::{
    Connection, Lister,
    endpoints::{Endpoints, FLAP_WINDOW, Scopes, Source},
};

type When = Arc<dyn Fn(&ApiBinding) -> bool + Send + Sync>;

/// One cluster for each logical cluster that binds an export. Its path (`kcp.io/path`) is an alias of it.
///
/// The URLs are those of an APIExportEndpointSlice; they come and go with the consumers of each shard.
pub struct ApiExport {
    name: ProviderName,
    connection: Connection,
    slice: String,
    when: Option<When>,
    flap_window: Duration,
    scopes: Scopes,
}

impl ApiExport {
    /// The slice must be in the connection's workspace; kcp makes one with the export's name.
    pub fn new(connection: Connection, slice: impl Into<String>) -> Self {
        ApiExport {
            name: "kcp".into(),
            connection,
            slice: slice.into(),
            when: None,
            flap_window: FLAP_WINDOW,
            scopes: Scopes::default(),
        }
    }

    /// Names the provider; needed where a fleet has several.
    #[must_use]
    pub fn named(mut self, name: impl Into<ProviderName>) -> Self {
        self.name = name.into();
        self
    }

    /// Which bindings make a cluster appear. Unless set: those of the slice's export whose condition Ready is True. A cluster stays until the
    /// last such binding is deleted, even if it is not ready meanwhile.
    #[must_use]
    pub fn when(mut self, f: impl Fn(&ApiBinding) -> bool + Send + Sync + 'static) -> Self {
        self.when = Some(Arc::new(f));
        self
    }

    /// How long a URL that vanished is kept while it still works. 10 seconds unless set.
    #[must_use]
    pub fn flap_window(mut self, window: Duration) -> Self {
        self.flap_window = window;
        self
    }

    /// Reads kinds over all consumers at once, without a cache.
    pub fn lister(&self) -> Lister {
        Lister::new(self.scopes.clone())
    }

    fn endpoints(&self) -> Endpoints<ApiExportEndpointSlice, ApiBinding> {
        // An export that claims apibindings sees those of other exports as well; the slice says which is ours.
        let export: Arc<Mutex<Option<String>>> = Arc::default();
        let ours = export.clone();
        let urls = move |slice: &ApiExportEndpointSlice| {
            *export.lock() = Some(slice.spec.export.name.clone()).filter(|name| !name.is_empty());
            let endpoints =
                slice.status.as_ref().map(|status| status.endpoints.as_slice()).unwrap_or_default();
            endpoints.iter().map(|endpoint| endpoint.url.trim_end_matches('/').to_owned()).collect()
        };
        let usual = move |binding: &ApiBinding| {
            let wanted = ours.lock();
            let named = binding.spec.reference.export.as_ref().map(|export| export.name.as_str());
            let is_ours = wanted.is_none() || named == wanted.as_deref();
            is_ours && is_ready(binding)
        };
        let when = self.when.clone().unwrap_or_else(|| Arc::new(usual));
        Endpoints {
            provider: self.name.clone(),
            connection: self.connection.clone(),
            source: Source::Object { name: self.slice.clone(), urls: Arc::new(urls) },
            qualifies: Arc::new(move |binding, _| when(binding)),
            sticky: true,
            flap_window: self.flap_window,
            scopes: self.scopes.clone(),
            last_url: Arc::new(OnceLock::new()),
        }
    }
}

/// Whether the condition Ready of a binding is True.
fn is_ready(binding: &ApiBinding) -> bool {
    let conditions = binding.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == ConditionStatus::True)
}

impl Provider for ApiExport {
    fn name(&self) -> ProviderName {
        self.name.clone()
    }

    fn fleet(self: Arc<Self>) -> BoxStream<'static, Result<FleetEvent, ProviderError>> {
        Arc::new(self.endpoints()).stream()
    }
}
