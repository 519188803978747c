//! Write: validate every key, then apply all or nothing.

use std::collections::HashSet;

use fga_model::{StoreId, TupleKey, UserRef};

use crate::{
    Engine, EngineError,
    admission::Admission,
    answer::{Change, Operation},
    log::LogEntry,
    question::{OnDuplicate, OnMissing, WriteRequest},
    state::State,
};

impl Engine {
    /// Writes and deletes tuples in one step, deletes first.
    pub fn write(&self, store: &StoreId, request: &WriteRequest) -> Result<(), EngineError> {
        let cell = self.cell(store)?;
        if request.writes.is_empty() && request.deletes.is_empty() {
            return Err(EngineError::EmptyWrite);
        }
        let _writer = cell.writer.lock();
        let changes = {
            let state = cell.state.read();
            self.validate(&state, store, request)?;
            self.plan(&state, request)?
        };
        if changes.is_empty() {
            return Ok(());
        }
        let entry = LogEntry::Tuples { store: store.clone(), changes };
        self.append(&entry)?;
        if let LogEntry::Tuples { changes, .. } = &entry {
            let mut state = cell.state.write();
            for (id, change) in changes {
                if let Some(ulid) = crate::ulid::Ulid::parse(id) {
                    state.apply(ulid, change, self.limits.changes_kept);
                }
            }
        }
        Ok(())
    }

    fn validate(&self, state: &State, store: &StoreId, request: &WriteRequest) -> Result<(), EngineError> {
        if !request.writes.is_empty() {
            let (_, model) = state.model(store.as_str(), request.model.as_ref())?;
            let admission = Admission {
                model: &model,
                names: &state.names,
                condition_context_bytes_max: self.limits.condition_context_bytes_max,
            };
            for tuple in &request.writes {
                let refused = |why: String| EngineError::invalid(format!("invalid tuple `{tuple}`: {why}"));
                admission.tuple(tuple).map_err(refused)?;
                if tuple.user.split_once('#') == Some((tuple.object.as_str(), tuple.relation.as_str())) {
                    return Err(refused("a userset cannot be its own member".to_owned()));
                }
            }
        }
        for tuple in &request.deletes {
            // Only the user's form counts: tuples that no model allows any more must be deletable.
            UserRef::parse(&tuple.user).map_err(|e| EngineError::invalid(e.to_string()))?;
        }
        let mut seen = HashSet::new();
        for tuple in request.deletes.iter().chain(&request.writes) {
            if !seen.insert((&tuple.object, &tuple.relation, &tuple.user)) {
                return Err(EngineError::DuplicateKey { tuple: tuple.to_string() });
            }
        }
        let limit = self.limits.write_keys_max;
        if seen.len() > limit {
            return Err(EngineError::TooManyKeys { limit });
        }
        if state.tuples.len().saturating_add(request.writes.len()) > self.limits.tuples_max {
            return Err(EngineError::Full { what: "the number of tuples", limit: self.limits.tuples_max });
        }
        Ok(())
    }

    /// What really changes, with the ids that the changelog will show.
    fn plan(&self, state: &State, request: &WriteRequest) -> Result<Vec<(String, Change)>, EngineError> {
        let now = self.now();
        let mut changes = Vec::new();
        let mut add = |key: TupleKey, operation| {
            changes.push((self.ulids.next(now).to_string(), Change { key, operation, timestamp: now }));
        };
        for tuple in &request.deletes {
            match (state.row(tuple), request.on_missing) {
                (Some(_), _) => add(TupleKey { condition: None, ..tuple.clone() }, Operation::Delete),
                (None, OnMissing::Ignore) => {}
                (None, OnMissing::Error) => {
                    return Err(EngineError::TupleMissing { tuple: tuple.to_string() });
                }
            }
        }
        for tuple in &request.writes {
            match (state.row(tuple), request.on_duplicate) {
                (None, _) => add(tuple.clone(), Operation::Write),
                (Some(_), OnDuplicate::Error) => return Err(EngineError::exists(tuple)),
                (Some(row), OnDuplicate::Ignore) if row.condition == tuple.condition => {}
                (Some(_), OnDuplicate::Ignore) => {
                    return Err(EngineError::ConditionConflict { tuple: tuple.to_string() });
                }
            }
        }
        Ok(changes)
    }
}
