//! The copy: an engine with the server's tuples and latest models, and as of when it is true.

use std::time::Duration;

use fga_engine::{
    Change, Engine, EngineParts, Limits, PageRequest, Replication, StoredModel, StoredTuple, TupleFilter,
};
use fga_model::{ModelId, StoreId, TupleKey};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::follow::Fault;
use crate::PAGE_SIZE_MAX;

/// Models that a copy keeps besides the latest.
const MODELS_KEPT: usize = 8;

/// A copy of a store.
pub(super) struct View {
    engine: Engine,
    store: StoreId,
    stands: Mutex<Stands>,
}

/// As of when a copy is true.
#[derive(Clone, Debug)]
pub(super) struct Stands {
    /// The server was asked for changes then, and no later change was missing.
    pub tuples: Instant,
    /// The server was asked for its latest model then.
    pub model_asked: Instant,
    /// The latest model.
    pub model: Option<ModelId>,
    /// The last write through this client that the copy has.
    pub covers: u64,
}

impl View {
    /// A copy without tuples and models, that is not true of any moment yet.
    pub fn empty(now: Instant) -> Result<Self, Fault> {
        // A copy needs no changelog, and takes what the server took.
        let limits =
            Limits { changes_kept: 0, models_kept: MODELS_KEPT, tuples_max: usize::MAX, ..Limits::default() };
        let parts = EngineParts { limits, ..EngineParts::default() };
        let engine = Engine::open(parts).map_err(|error| Fault::Copy(error.to_string()))?;
        let store = engine.create_store("replica").map_err(|error| Fault::Copy(error.to_string()))?.id;
        let stands = Stands { tuples: now, model_asked: now, model: None, covers: 0 };
        Ok(Self { engine, store, stands: Mutex::new(stands) })
    }

    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    pub fn store(&self) -> &StoreId {
        &self.store
    }

    /// Time since which something may have changed on the server that the copy does not have.
    pub fn age(&self) -> Duration {
        let stands = self.stands.lock();
        stands.tuples.min(stands.model_asked).elapsed()
    }

    pub fn stands(&self) -> Stands {
        self.stands.lock().clone()
    }

    pub fn model(&self) -> Option<ModelId> {
        self.stands.lock().model.clone()
    }

    pub fn covers(&self) -> u64 {
        self.stands.lock().covers
    }

    /// Takes over what happened, all at once.
    pub fn apply(&self, model: Option<StoredModel>, changes: Vec<Change>) -> Result<(), Fault> {
        if model.is_none() && changes.is_empty() {
            return Ok(());
        }
        let replication = Replication { model, changes };
        self.engine.replicate(&self.store, &replication).map_err(|error| Fault::Copy(error.to_string()))
    }

    /// The copy is true as of later than before. What was applied is there already, so an answer may be newer than it says,
    /// never older.
    pub fn stand(&self, stands: Stands) {
        *self.stands.lock() = stands;
    }

    pub fn has(&self, key: &TupleKey) -> bool {
        let page = PageRequest::default().sized(1);
        self.engine.read(&self.store, &TupleFilter::key(key), &page).is_ok_and(|page| !page.items.is_empty())
    }

    pub fn tuples(&self) -> Vec<StoredTuple> {
        let mut page = PageRequest::default().sized(PAGE_SIZE_MAX);
        let mut tuples = Vec::new();
        while let Ok(found) = self.engine.read(&self.store, &TupleFilter::everything(), &page) {
            tuples.extend(found.items);
            if found.token.is_empty() {
                break;
            }
            page = PageRequest::after(found.token).sized(PAGE_SIZE_MAX);
        }
        tuples
    }
}
