//! Every logical cluster of some shards, for platform administrators.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures::stream::BoxStream;
use kcp_api::core::v1alpha1::{LogicalCluster, LogicalClusterPhase};
use multicluster::{FleetEvent, Provider, ProviderError, ProviderName};

use crate::{
    Connection, Lister,
    endpoints::{Endpoints, Scopes, Source},
    state::Lapse,
};

/// One cluster for each logical cluster that reached phase Ready, until it is deleted.
pub struct LogicalClusters {
    name: ProviderName,
    connection: Connection,
    shards: Vec<String>,
    scopes: Scopes,
}

impl LogicalClusters {
    /// `shards` are the base URLs that `/clusters/*` is put behind.
    pub fn new(connection: Connection, shards: impl IntoIterator<Item = String>) -> Self {
        let shards = shards.into_iter().map(|url| url.trim_end_matches('/').to_owned()).collect();
        LogicalClusters { name: "kcp".into(), connection, shards, scopes: Scopes::default() }
    }

    /// Names the provider; needed where a fleet has several.
    #[must_use]
    pub fn named(mut self, name: impl Into<ProviderName>) -> Self {
        self.name = name.into();
        self
    }

    /// Reads kinds over all clusters at once, without a cache.
    pub fn lister(&self) -> Lister {
        Lister::new(self.scopes.clone())
    }
}

impl Provider for LogicalClusters {
    fn name(&self) -> ProviderName {
        self.name.clone()
    }

    fn fleet(self: Arc<Self>) -> BoxStream<'static, Result<FleetEvent, ProviderError>> {
        let ready = |cluster: &LogicalCluster, _: &str| {
            cluster.status.as_ref().is_some_and(|status| status.phase == LogicalClusterPhase::Ready)
        };
        let endpoints: Endpoints<LogicalCluster, LogicalCluster> = Endpoints {
            connection: self.connection.clone(),
            source: Source::Fixed(self.shards.clone()),
            qualifies: Arc::new(ready),
            lapse: Lapse::Never,
            flap_window: Duration::ZERO,
            scopes: self.scopes.clone(),
            last_url: Arc::new(OnceLock::new()),
        };
        Arc::new(endpoints).stream()
    }
}
