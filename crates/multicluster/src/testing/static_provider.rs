//! A provider that reports what a test tells it.

use std::sync::Arc;

use futures::{StreamExt as _, stream::BoxStream};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::FakeServer;
use crate::{
    ClientSpec, ClusterId, ClusterSeed, Demux, FleetEvent, Gone, Provider, ProviderError, ProviderName,
    ScopeId, WatchScope, prefix_client,
};

/// Reports events in the order a test sends them. Clones share one stream. A second stream begins where the first was ended by
/// [`end`](StaticProvider::end).
#[derive(Clone)]
pub struct StaticProvider {
    name: ProviderName,
    wire: Arc<Mutex<Wire>>,
}

struct Wire {
    send: mpsc::UnboundedSender<Result<FleetEvent, ProviderError>>,
    receive: Option<mpsc::UnboundedReceiver<Result<FleetEvent, ProviderError>>>,
}

impl Wire {
    fn new() -> Self {
        let (send, receive) = mpsc::unbounded_channel();
        Wire { send, receive: Some(receive) }
    }
}

impl StaticProvider {
    /// Nothing reported so far.
    pub fn new(name: impl Into<ProviderName>) -> Self {
        StaticProvider { name: name.into(), wire: Arc::new(Mutex::new(Wire::new())) }
    }

    /// Ends the stream; what is sent from now on comes when the fleet asks again.
    pub fn end(&self) {
        *self.wire.lock() = Wire::new();
    }

    /// Reports an event.
    pub fn send(&self, event: FleetEvent) {
        // The stream ends with the fleet; late events of a test then have no reader.
        let _ = self.wire.lock().send.send(Ok(event));
    }

    /// Reports something that cannot be reported.
    pub fn fail(&self, reason: &str) {
        let error = ProviderError { provider: self.name.clone(), reason: reason.to_owned() };
        let _ = self.wire.lock().send.send(Err(error));
    }

    /// Reports that a scope went, with all its clusters.
    pub fn scope_down(&self, id: &str) {
        self.send(FleetEvent::ScopeDown(ScopeId::from(id)));
    }

    /// Reports a scope: all clusters below `PREFIX/clusters/` of a server.
    pub fn scope_up(&self, id: &str, server: &FakeServer, prefix: &str) {
        let read = |meta: &kube::api::ObjectMeta| {
            let annotations = meta.annotations.as_ref()?;
            annotations.get("kcp.io/cluster").map(|name| ClusterId::from(name.as_str()))
        };
        self.send(FleetEvent::ScopeUp(WatchScope {
            id: ScopeId::from(id),
            client: prefix_client(&server.client(), &format!("{prefix}/clusters/*")),
            redial: None,
            demux: Demux::Meta(Arc::new(read)),
        }));
    }

    /// Reports a cluster of a scope.
    pub fn up(&self, id: &str, scope: &str, aliases: &[&str], server: &FakeServer, prefix: &str) {
        let base = prefix_client(&server.client(), prefix);
        self.send(FleetEvent::Up(ClusterSeed {
            id: ClusterId::from(id),
            scope: ScopeId::from(scope),
            aliases: aliases.iter().map(|alias| Arc::from(*alias)).collect(),
            client: ClientSpec::Prefix { base, path: format!("/clusters/{id}").into() },
            meta: Arc::default(),
        }));
    }

    /// Reports that a cluster went.
    pub fn down(&self, id: &str, scope: &str) {
        self.send(FleetEvent::Down {
            id: ClusterId::from(id),
            scope: ScopeId::from(scope),
            why: Gone::Removed,
        });
    }

    /// Reports a scope with these clusters as a complete first report.
    pub fn start(&self, scope: &str, server: &FakeServer, clusters: &[&str]) {
        self.send(FleetEvent::Init);
        self.scope_up(scope, server, "");
        for id in clusters {
            self.up(id, scope, &[], server, "");
        }
        self.send(FleetEvent::InitDone);
    }
}

impl Provider for StaticProvider {
    fn name(&self) -> ProviderName {
        self.name.clone()
    }

    fn fleet(self: Arc<Self>) -> BoxStream<'static, Result<FleetEvent, ProviderError>> {
        match self.wire.lock().receive.take() {
            Some(mut receive) => futures::stream::poll_fn(move |cx| receive.poll_recv(cx)).boxed(),
            None => futures::stream::pending().boxed(),
        }
    }
}
