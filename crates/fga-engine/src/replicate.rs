//! Copies of other stores: what another server accepted is taken over as it is.

use std::sync::Arc;

use fga_model::{AuthorizationModel, StoreId};

use crate::{
    Engine, EngineError,
    answer::{Change, StoredModel},
    log::LogEntry,
    model::CompiledModel,
    ulid::Ulid,
};

/// What happened in the store that is copied.
#[derive(Clone, Debug, Default)]
pub struct Replication {
    /// A model with the id that the other server gave it: the latest from now on.
    pub model: Option<StoredModel>,
    /// Writes and deletes in their order.
    pub changes: Vec<Change>,
}

impl Engine {
    /// Takes over what happened in another store, all of it visible at once.
    ///
    /// A write replaces what its key had, a delete of nothing is passed over: the same changes may come again. Nothing is
    /// validated, for another server accepted it, perhaps under a model that is no longer known; as everywhere, a tuple
    /// that the model in use does not allow is not seen.
    ///
    /// # Errors
    /// The model is not newer than the latest one, the store would be full, or the log refuses. Nothing was taken over.
    pub fn replicate(&self, store: &StoreId, replication: &Replication) -> Result<(), EngineError> {
        let cell = self.cell(store)?;
        cell.commits.alone(|planned| {
            if planned.deleted {
                return Err(EngineError::StoreNotFound { store: store.to_string() });
            }
            let limit = self.limits.tuples_max;
            let stored = cell.state.read().tuples.len();
            // Deletes and repetitions make it fewer; a copy so near the limit is refused all the same.
            if stored.saturating_add(replication.changes.len()) > limit {
                return Err(EngineError::Full { what: "the number of tuples", limit });
            }
            let mut entries = Vec::new();
            let mut model = None;
            if let Some(StoredModel { id, model: source }) = &replication.model {
                let invalid =
                    |what: &str| EngineError::invalid(format!("model `{id}` cannot be taken over: {what}"));
                let ulid = Ulid::parse(id.as_str()).ok_or_else(|| invalid("its id is no ULID"))?;
                if cell.state.read().models().next().is_some_and(|(latest, _)| latest >= ulid) {
                    return Err(invalid("a model that is as new is known"));
                }
                self.ulids.seen(ulid);
                let source = AuthorizationModel { id: None, ..source.clone() };
                let (store, id) = (store.clone(), id.clone());
                entries.push(LogEntry::Model { store, id, model: source.clone() });
                model = Some((ulid, Arc::new(source)));
            }
            let now = self.now();
            let numbered = |change: &Change| (self.ulids.next(now).to_string(), change.clone());
            let changes: Vec<(String, Change)> = replication.changes.iter().map(numbered).collect();
            if !changes.is_empty() {
                entries.push(LogEntry::Tuples { store: store.clone(), changes });
            }
            self.log.append(&entries).map_err(|error| EngineError::Log { what: error.to_string() })?;
            let compiled = model.map(|(ulid, source)| {
                CompiledModel::intern(&source, &mut cell.state.write().names);
                (ulid, Arc::new(CompiledModel::compile(source, &cell.state.read().names)))
            });
            let mut state = cell.state.write();
            if let Some((ulid, compiled)) = compiled {
                state.add_model(ulid, compiled, &self.limits);
            }
            for entry in &entries {
                let LogEntry::Tuples { changes, .. } = entry else { continue };
                for (id, change) in changes {
                    if let Some(ulid) = Ulid::parse(id) {
                        state.apply(ulid, change, self.limits.changes_kept);
                    }
                }
            }
            Ok(())
        })
    }
}
