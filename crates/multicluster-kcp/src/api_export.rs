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
use multicluster::{Cached, FleetEvent, Provider, ProviderError, ProviderName};

use crate::{
    Connection, Lister,
    endpoints::{Endpoints, FLAP_WINDOW, Scopes, Source, Urls},
    state::{Lapse, Qualifies},
};

/// One cluster for each logical cluster that binds an export. Its path (`kcp.io/path`) is an alias of it.
///
/// The URLs are those of an APIExportEndpointSlice; they come and go with the consumers of each shard. For virtual workspaces of one's own,
/// the object that holds the URLs ([`endpoint_object`](ApiExport::endpoint_object)) and the objects that stand for clusters
/// ([`marker`](ApiExport::marker)) may be of other kinds.
///
/// ```no_run
/// use std::time::Duration;
/// use multicluster_kcp::{ApiExport, Connection};
///
/// # async fn provider() -> Result<(), Box<dyn std::error::Error>> {
/// let connection = Connection::from_kubeconfig("provider.kubeconfig".as_ref(), None).await?;
/// let consumers = ApiExport::new(connection, "storage.example.io")
///     .named("storage")
///     .disengage_when_not_ready(Duration::from_secs(600));
/// # drop(consumers); Ok(()) }
/// ```
pub struct ApiExport<E = ApiExportEndpointSlice, M = ApiBinding> {
    name: ProviderName,
    connection: Connection,
    object: String,
    urls: Urls<E>,
    qualifies: Qualifies<M>,
    lapse: Lapse,
    flap_window: Duration,
    scopes: Scopes,
}

impl ApiExport {
    /// The slice must be in the connection's workspace; kcp makes one with the export's name.
    ///
    /// A cluster appears with the first binding of the export whose condition Ready is True, and stays until the last such binding is
    /// deleted, even if it is not ready meanwhile.
    pub fn new(connection: Connection, slice: impl Into<String>) -> Self {
        ApiExport {
            name: "kcp".into(),
            connection,
            object: slice.into(),
            urls: Arc::new(slice_urls),
            // An export that claims apibindings sees those of other exports as well; the URL says which is ours.
            qualifies: Arc::new(|binding, url| binds(binding, url) && is_ready(binding)),
            lapse: Lapse::Never,
            flap_window: FLAP_WINDOW,
            scopes: Scopes::default(),
        }
    }
}

impl<E, M> ApiExport<E, M> {
    /// Names the provider; needed where a fleet has several.
    #[must_use]
    pub fn named(mut self, name: impl Into<ProviderName>) -> Self {
        self.name = name.into();
        self
    }

    /// Which markers make a cluster appear, in place of bindings of the export that are ready.
    #[must_use]
    pub fn when(mut self, f: impl Fn(&M) -> bool + Send + Sync + 'static) -> Self {
        self.qualifies = Arc::new(move |marker, _| f(marker));
        self
    }

    /// A cluster whose markers do not qualify any more goes after this long, unless they qualify again. Without it, only deletion counts.
    #[must_use]
    pub fn disengage_when_not_ready(mut self, after: Duration) -> Self {
        self.lapse = Lapse::After(after);
        self
    }

    /// Objects of another kind stand for clusters: those for which `when` says so. They are watched at every endpoint URL, and say in
    /// annotation `kcp.io/cluster` which cluster they are in.
    #[must_use]
    pub fn marker<T>(self, when: impl Fn(&T) -> bool + Send + Sync + 'static) -> ApiExport<E, T> {
        ApiExport {
            name: self.name,
            connection: self.connection,
            object: self.object,
            urls: self.urls,
            qualifies: Arc::new(move |marker, _| when(marker)),
            lapse: self.lapse,
            flap_window: self.flap_window,
            scopes: self.scopes,
        }
    }

    /// The endpoint URLs are read from an object of another kind, with the name that was given in place of the slice's.
    #[must_use]
    pub fn endpoint_object<T>(
        self,
        urls: impl Fn(&T) -> Vec<String> + Send + Sync + 'static,
    ) -> ApiExport<T, M> {
        ApiExport {
            name: self.name,
            connection: self.connection,
            object: self.object,
            urls: Arc::new(move |object| urls(object).iter().map(|url| trimmed(url)).collect()),
            qualifies: self.qualifies,
            lapse: self.lapse,
            flap_window: self.flap_window,
            scopes: self.scopes,
        }
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
}

impl<E: Cached<DynamicType = ()>, M: Cached<DynamicType = ()>> Provider for ApiExport<E, M> {
    fn name(&self) -> ProviderName {
        self.name.clone()
    }

    fn fleet(self: Arc<Self>) -> BoxStream<'static, Result<FleetEvent, ProviderError>> {
        let endpoints = Endpoints {
            connection: self.connection.clone(),
            source: Source::Object { name: self.object.clone(), urls: self.urls.clone() },
            qualifies: self.qualifies.clone(),
            lapse: self.lapse,
            flap_window: self.flap_window,
            scopes: self.scopes.clone(),
            last_url: Arc::new(OnceLock::new()),
        };
        Arc::new(endpoints).stream()
    }
}

fn slice_urls(slice: &ApiExportEndpointSlice) -> Vec<String> {
    let endpoints = slice.status.as_ref().map(|status| status.endpoints.as_slice()).unwrap_or_default();
    endpoints.iter().map(|endpoint| trimmed(&endpoint.url)).collect()
}

fn trimmed(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}

/// Whether the condition Ready of a binding is True.
fn is_ready(binding: &ApiBinding) -> bool {
    let conditions = binding.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == ConditionStatus::True)
}

/// Whether a binding is of the export that an endpoint URL serves. A URL of another form serves one export only, and says nothing.
fn binds(binding: &ApiBinding, url: &str) -> bool {
    let Some((cluster, name)) = export_of(url) else { return true };
    let named = binding.spec.reference.export.as_ref().is_some_and(|export| export.name == name);
    // Exports of one name may lie in several workspaces; the binding knows the cluster of its own once it was resolved.
    let resolved = binding.status.as_ref().map(|status| status.api_export_cluster_name.as_str());
    named && resolved.is_none_or(|resolved| resolved.is_empty() || resolved == cluster)
}

/// Cluster and name of the export in `…/services/apiexport/CLUSTER/NAME`.
fn export_of(url: &str) -> Option<(&str, &str)> {
    let (_, rest) = url.split_once("/services/apiexport/")?;
    let (cluster, name) = rest.split_once('/')?;
    let name = name.split('/').next().unwrap_or_default();
    (!cluster.is_empty() && !name.is_empty()).then_some((cluster, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_url_names_the_export_it_serves() {
        let base = "https://kcp:6443/services/apiexport/1a2b/storage.example.io";
        assert_eq!(export_of(base), Some(("1a2b", "storage.example.io")));
        assert_eq!(export_of(&format!("{base}/clusters/*")), Some(("1a2b", "storage.example.io")));
        assert_eq!(export_of("https://kcp:6443/services/apiexport/1a2b/"), None);
        assert_eq!(export_of("https://kcp:6443/services/own/1a2b"), None);
    }
}
