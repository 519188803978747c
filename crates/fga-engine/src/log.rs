//! The seam of durability: what a log must be told, and how a store is read back from it.

use fga_model::{AuthorizationModel, ModelId, StoreId};

use crate::answer::{Change, Store};

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
}

/// A log that could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct LogError(pub String);

/// Where the engine keeps what must survive it.
///
/// The engine calls `append` before a change becomes visible and answers the caller after it returned: an implementation
/// that syncs makes acknowledged changes durable. Calls for one store come one after another.
pub trait TupleLog: Send + Sync {
    /// Makes an entry durable, whole or not at all.
    fn append(&self, entry: &LogEntry) -> Result<(), LogError>;

    /// Gives every entry in order; later entries of one store supersede earlier ones.
    fn replay(&self, apply: &mut dyn FnMut(LogEntry)) -> Result<(), LogError>;
}

/// A log that keeps nothing: the engine's state lives and ends with the process.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLog;

impl TupleLog for NoLog {
    fn append(&self, _: &LogEntry) -> Result<(), LogError> {
        Ok(())
    }

    fn replay(&self, _: &mut dyn FnMut(LogEntry)) -> Result<(), LogError> {
        Ok(())
    }
}
