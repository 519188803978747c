//! Which resources a workspace serves: scope and singular, as its discovery says.

mod discovery; // reading discovery documents

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::time::Instant;

pub(crate) use self::discovery::Table;

/// A resource of a workspace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ApiEntry {
    /// API group, empty for the core group.
    pub group: String,
    /// Singular name, in lower case.
    pub singular: String,
    /// Whether its objects live in namespaces.
    pub is_namespaced: bool,
}

/// Knows the resources of workspaces.
#[async_trait]
pub trait ApiTables: Send + Sync {
    /// The resource of this name in a workspace. An empty version means any; an empty group with a version means any
    /// group that serves it, the core group first.
    async fn find(&self, cluster: &str, group: &str, version: &str, resource: &str) -> Option<ApiEntry>;
}

/// Shortest time between two reads of one workspace's discovery.
const REREAD: Duration = Duration::from_millis(250);
/// Most workspaces whose table is kept; beyond that all are read anew.
const TABLES_MAX: usize = 20_000;
/// Longest time a table is used without another look.
const AGE_MAX: Duration = Duration::from_secs(300);

/// A client of a workspace by cluster name, for its discovery.
pub type ClientOf = Arc<dyn Fn(&str) -> kube::Client + Send + Sync>;

/// Tables by discovery: read at the first question, again when a resource is missing. Equal tables are kept once.
pub struct DiscoveredTables {
    client_of: ClientOf,
    known: Mutex<HashMap<String, Arc<Slot>>>,
    shared: Mutex<HashMap<[u8; 32], Weak<Table>>>,
}

#[derive(Default)]
struct Slot {
    // Held over a read, so that one caller reads for all.
    read: tokio::sync::Mutex<()>,
    table: Mutex<Option<(Instant, Arc<Table>)>>,
}

impl DiscoveredTables {
    /// Reads discovery with the clients that `client_of` makes.
    pub fn new(client_of: ClientOf) -> Self {
        Self { client_of, known: Mutex::default(), shared: Mutex::default() }
    }

    fn slot(&self, cluster: &str) -> Arc<Slot> {
        let mut known = self.known.lock();
        if known.len() >= TABLES_MAX {
            known.clear();
        }
        known.entry(cluster.to_owned()).or_default().clone()
    }

    async fn read(&self, cluster: &str, slot: &Slot) -> Option<Arc<Table>> {
        let _one = slot.read.lock().await;
        if let Some((at, table)) = slot.table.lock().as_ref()
            && at.elapsed() < REREAD
        {
            return Some(table.clone());
        }
        match Table::read(&(self.client_of)(cluster)).await {
            Ok(table) => {
                let table = self.share(table);
                *slot.table.lock() = Some((Instant::now(), table.clone()));
                Some(table)
            }
            Err(error) => {
                tracing::warn!(cluster, %error, "discovery of a workspace failed");
                slot.table.lock().as_ref().map(|(_, table)| table.clone())
            }
        }
    }

    fn share(&self, table: Table) -> Arc<Table> {
        let mut shared = self.shared.lock();
        let digest = table.digest();
        if let Some(known) = shared.get(&digest).and_then(Weak::upgrade) {
            return known;
        }
        shared.retain(|_, table| table.strong_count() > 0);
        let table = Arc::new(table);
        shared.insert(digest, Arc::downgrade(&table));
        table
    }
}

#[async_trait]
impl ApiTables for DiscoveredTables {
    async fn find(&self, cluster: &str, group: &str, version: &str, resource: &str) -> Option<ApiEntry> {
        let slot = self.slot(cluster);
        let held = slot.table.lock().clone();
        if let Some((at, table)) = held
            && at.elapsed() < AGE_MAX
            && let Some(entry) = table.find(group, version, resource)
        {
            return Some(entry);
        }
        self.read(cluster, &slot).await?.find(group, version, resource)
    }
}
