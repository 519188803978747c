//! Write: validate every key, then apply all or nothing.
//!
//! Writers of one store plan one after another, each upon what those before it planned, and then wait together: whoever
//! comes first makes all planned changes durable at once and applies them in order.

use std::collections::{HashMap, HashSet, VecDeque};

use fga_model::{StoreId, TupleCondition, TupleKey, UserRef};
use parking_lot::Mutex;

use crate::{
    Engine, EngineError,
    answer::{Change, Operation},
    log::LogEntry,
    question::{OnDuplicate, OnMissing, WriteRequest},
    state::{State, StoreCell},
    ulid::Ulid,
};

type Key = (String, String, String);

/// What writers of one store share.
#[derive(Default)]
pub(crate) struct Commits {
    /// Held while a change is planned. Models and the store itself are changed under it too.
    pub planned: Mutex<Planned>,
    /// Held while planned changes are made durable. Taken before `planned` by whoever takes both.
    flushed: Mutex<Flushed>,
}

/// Changes that are decided but not yet durable.
#[derive(Default)]
pub(crate) struct Planned {
    /// Whether the store is gone.
    pub deleted: bool,
    last: u64,
    entries: Vec<LogEntry>,
    /// What the entries make of keys: the number of the last plan, and the tuple's condition where it will exist.
    keys: HashMap<Key, (u64, Option<Option<TupleCondition>>)>,
}

/// How far planned changes are settled.
#[derive(Default)]
struct Flushed {
    through: u64,
    /// Runs of plans that could not be kept, first to last, and why.
    failed: VecDeque<(u64, u64, String)>,
}

/// Runs of failed plans that are remembered. Plans that fail one after another are one run, so a writer would have to
/// sleep through as many changes between a working and a broken log to miss its own.
const FAILED_KEPT: usize = 1_024;

impl Flushed {
    fn fail(&mut self, through: u64, why: String) {
        let first = self.through + 1;
        match self.failed.back_mut() {
            Some((_, last, known)) if *last + 1 == first => (*last, *known) = (through, why),
            _ => self.failed.push_back((first, through, why)),
        }
        if self.failed.len() > FAILED_KEPT {
            self.failed.pop_front();
        }
        self.through = through;
    }

    fn failure(&self, plan: u64) -> Option<&str> {
        let run = self.failed.iter().rev().find(|(first, last, _)| (*first..=*last).contains(&plan));
        run.map(|(_, _, why)| why.as_str())
    }
}

impl Engine {
    /// Writes and deletes tuples in one step, deletes first.
    pub fn write(&self, store: &StoreId, request: &WriteRequest) -> Result<(), EngineError> {
        let cell = self.cell(store)?;
        if request.writes.is_empty() && request.deletes.is_empty() {
            return Err(EngineError::EmptyWrite);
        }
        let plan = {
            let mut planned = cell.commits.planned.lock();
            if planned.deleted {
                return Err(EngineError::StoreNotFound { store: store.to_string() });
            }
            let state = cell.state.read();
            self.validate(&state, store, request)?;
            let changes = self.plan(&state, &planned, request)?;
            drop(state);
            planned.add(store, changes)
        };
        self.settle(&cell, store, plan)
    }

    /// Waits until a plan is durable and visible; makes it so if nobody else is at it.
    fn settle(&self, cell: &StoreCell, store: &StoreId, plan: u64) -> Result<(), EngineError> {
        let mut flushed = cell.commits.flushed.lock();
        if flushed.through < plan {
            let (through, entries, deleted) = cell.commits.planned.lock().take();
            let kept = match deleted {
                true => Err(EngineError::StoreNotFound { store: store.to_string() }.to_string()),
                false if entries.is_empty() => Ok(()),
                false => self.log.append(&entries).map_err(|error| error.to_string()),
            };
            match kept {
                Ok(()) => {
                    self.apply(cell, &entries);
                    cell.commits.planned.lock().settled(through);
                    flushed.through = through;
                }
                Err(why) => {
                    // Whatever was planned since then stands on what failed.
                    let through = cell.commits.planned.lock().discard();
                    flushed.fail(through, why);
                }
            }
        }
        match flushed.failure(plan) {
            None => Ok(()),
            Some(what) => Err(EngineError::Log { what: what.to_owned() }),
        }
    }

    fn apply(&self, cell: &StoreCell, entries: &[LogEntry]) {
        if entries.is_empty() {
            return;
        }
        let mut state = cell.state.write();
        for entry in entries {
            let LogEntry::Tuples { changes, .. } = entry else { continue };
            for (id, change) in changes {
                if let Some(ulid) = Ulid::parse(id) {
                    state.apply(ulid, change, self.limits.changes_kept);
                }
            }
        }
    }

    fn validate(&self, state: &State, store: &StoreId, request: &WriteRequest) -> Result<(), EngineError> {
        if !request.writes.is_empty() {
            let model = state.compiled(store.as_str(), request.model.as_ref())?;
            let admission = self.admission(state, &model);
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
    fn plan(
        &self,
        state: &State,
        planned: &Planned,
        request: &WriteRequest,
    ) -> Result<Vec<(String, Change)>, EngineError> {
        let now = self.now();
        let mut changes = Vec::new();
        let mut add = |key: TupleKey, operation| {
            changes.push((self.ulids.next(now).to_string(), Change { key, operation, timestamp: now }));
        };
        for tuple in &request.deletes {
            match (planned.stored(state, tuple), request.on_missing) {
                (Some(_), _) => add(TupleKey { condition: None, ..tuple.clone() }, Operation::Delete),
                (None, OnMissing::Ignore) => {}
                (None, OnMissing::Error) => {
                    return Err(EngineError::TupleMissing { tuple: tuple.to_string() });
                }
            }
        }
        for tuple in &request.writes {
            match (planned.stored(state, tuple), request.on_duplicate) {
                (None, _) => add(tuple.clone(), Operation::Write),
                (Some(_), OnDuplicate::Error) => return Err(EngineError::exists(tuple)),
                (Some(condition), OnDuplicate::Ignore) if condition == tuple.condition.as_ref() => {}
                (Some(_), OnDuplicate::Ignore) => {
                    return Err(EngineError::ConditionConflict { tuple: tuple.to_string() });
                }
            }
        }
        Ok(changes)
    }
}

impl Planned {
    /// The tuple of a key as it will be: its condition, if it has one.
    fn stored<'a>(&'a self, state: &'a State, key: &TupleKey) -> Option<Option<&'a TupleCondition>> {
        if !self.keys.is_empty() {
            let key = (key.object.clone(), key.relation.clone(), key.user.clone());
            if let Some((_, tuple)) = self.keys.get(&key) {
                return tuple.as_ref().map(Option::as_ref);
            }
        }
        state.stored(key)
    }

    /// Adds a plan. One without changes waits for those before it all the same: its answer stands on them.
    fn add(&mut self, store: &StoreId, changes: Vec<(String, Change)>) -> u64 {
        if changes.is_empty() {
            return self.last;
        }
        self.last += 1;
        for (_, change) in &changes {
            let TupleKey { object, relation, user, condition } = change.key.clone();
            let tuple = (change.operation == Operation::Write).then_some(condition);
            self.keys.insert((object, relation, user), (self.last, tuple));
        }
        self.entries.push(LogEntry::Tuples { store: store.clone(), changes });
        self.last
    }

    fn take(&mut self) -> (u64, Vec<LogEntry>, bool) {
        (self.last, std::mem::take(&mut self.entries), self.deleted)
    }

    /// The state shows what was planned up to here.
    fn settled(&mut self, through: u64) {
        self.keys.retain(|_, (plan, _)| *plan > through);
    }

    fn discard(&mut self) -> u64 {
        self.entries.clear();
        self.keys.clear();
        self.last
    }
}

impl Commits {
    /// Runs something while no change of the store is planned or on its way.
    pub fn alone<T>(&self, run: impl FnOnce(&mut Planned) -> T) -> T {
        let _flushed = self.flushed.lock();
        run(&mut self.planned.lock())
    }
}
