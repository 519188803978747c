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

/// Reports events in the order a test sends them. Clones share one stream.
#[derive(Clone)]
pub struct StaticProvider {
    name: ProviderName,
    send: mpsc::UnboundedSender<FleetEvent>,
    receive: Arc<Mutex<Option<mpsc::UnboundedReceiver<FleetEvent>>>>,
}

impl StaticProvider {
    /// Nothing reported so far.
    pub fn new(name: impl Into<ProviderName>) -> Self {
        let (send, receive) = mpsc::unbounded_channel();
        StaticProvider { name: name.into(), send, receive: Arc::new(Mutex::new(Some(receive))) }
    }

    /// Reports an event.
    pub fn send(&self, event: FleetEvent) {
        // The stream ends with the fleet; late events of a test then have no reader.
        let _ = self.send.send(event);
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
        match self.receive.lock().take() {
            Some(mut receive) => futures::stream::poll_fn(move |cx| receive.poll_recv(cx)).map(Ok).boxed(),
            None => futures::stream::pending().boxed(),
        }
    }
}
