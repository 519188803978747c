//! The seam of durability: what a log must be told, and how a store is read back from it.

use fga_model::{AuthorizationModel, ModelId, StoreId};

use crate::answer::{Assertion, Change, Store, StoredTuple};

/// One change of the engine's state, complete in itself.
#[derive(Clone, Debug, PartialEq)]
pub enum LogEntry {
    /// A store was made or renamed.
    Store(Store),
    /// A store was deleted, with everything in it.
    StoreDeleted(StoreId),
    /// A model was written.
    Model {
        /// The store.
        store: StoreId,
        /// The model's id.
        id: ModelId,
        /// Its content.
        model: AuthorizationModel,
    },
    /// Tuples were written and deleted, all or none.
    Tuples {
        /// The store.
        store: StoreId,
        /// The changes with their ids, in order.
        changes: Vec<(String, Change)>,
    },
    /// The assertions of a model were replaced.
    Assertions {
        /// The store.
        store: StoreId,
        /// The model.
        model: ModelId,
        /// All of them.
        assertions: Vec<Assertion>,
    },
    /// Only replayed: tuples as they stand, and the changes that led there. A log that keeps both gives
    /// them in as many entries as it likes.
    Loaded {
        /// The store.
        store: StoreId,
        /// Tuples in any order, each with its place in the order of writes.
        tuples: Vec<(u64, StoredTuple)>,
        /// Changes with their ids, in order; they are remembered, not applied.
        changes: Vec<(String, Change)>,
    },
}

/// A log that could not be written or read.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct LogError(pub String);

/// Where the engine keeps what must survive it.
///
/// The engine calls `append` before changes become visible and answers the callers after it returned: an implementation
/// that syncs makes acknowledged changes durable. Calls for one store come one after another; calls for several stores
/// may come at once.
pub trait TupleLog: Send + Sync {
    /// Makes entries durable, in order, all of them or none.
    ///
    /// # Errors
    /// Nothing was kept.
    fn append(&self, entries: &[LogEntry]) -> Result<(), LogError>;

    /// Gives every entry in order; later entries of one store supersede earlier ones.
    ///
    /// # Errors
    /// The log cannot be read.
    fn replay(&self, apply: &mut dyn FnMut(LogEntry)) -> Result<(), LogError>;
}

/// A log that keeps nothing: the engine's state lives and ends with the process.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLog;

impl TupleLog for NoLog {
    fn append(&self, _: &[LogEntry]) -> Result<(), LogError> {
        Ok(())
    }

    fn replay(&self, _: &mut dyn FnMut(LogEntry)) -> Result<(), LogError> {
        Ok(())
    }
}
