//! The engine: stores and models. Questions, writes and reads are in their own files.

use std::{collections::BTreeMap, sync::Arc};

use fga_model::{AuthorizationModel, ModelFault, ModelId, StoreId, validate_for_write};
use jiff::Timestamp;
use parking_lot::RwLock;
use runtime::{Clock, Ids};

use crate::{
    EngineError,
    answer::{Page, Store, StoredModel},
    conditions::Conditions,
    limits::Limits,
    log::{LogEntry, LogError, NoLog, TupleLog},
    model::CompiledModel,
    paging,
    question::PageRequest,
    state::StoreCell,
    ulid::{Ulid, Ulids},
};

/// What an engine is made of.
#[derive(Clone)]
pub struct EngineParts {
    /// Limits of calls and stores.
    pub limits: Limits,
    /// Time of ids and timestamps.
    pub clock: Clock,
    /// Randomness of ids.
    pub ids: Ids,
    /// What survives the process.
    pub log: Arc<dyn TupleLog>,
}

impl Default for EngineParts {
    fn default() -> Self {
        Self { limits: Limits::default(), clock: Clock::system(), ids: Ids::random(), log: Arc::new(NoLog) }
    }
}

/// Stores with OpenFGA's semantics, in this process.
///
/// Every call answers from one state of the store: a write is visible to all later calls, whole or not at all.
pub struct Engine {
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    pub(crate) ulids: Ulids,
    pub(crate) log: Arc<dyn TupleLog>,
    stores: RwLock<BTreeMap<StoreId, Arc<StoreCell>>>,
}

impl Default for Engine {
    fn default() -> Self {
        let EngineParts { limits, clock, ids, log } = EngineParts::default();
        Self { limits, clock, ulids: Ulids::new(ids), log, stores: RwLock::default() }
    }
}

impl Engine {
    /// An engine with what its log holds.
    pub fn open(parts: EngineParts) -> Result<Self, LogError> {
        let EngineParts { limits, clock, ids, log } = parts;
        let engine =
            Self { limits, clock, ulids: Ulids::new(ids), log: log.clone(), stores: RwLock::default() };
        log.replay(&mut |entry| engine.replay(entry))?;
        engine.stores.read().values().for_each(|cell| cell.state.write().loaded());
        Ok(engine)
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    fn replay(&self, entry: LogEntry) {
        match entry {
            LogEntry::Store(store) => {
                let known = self.stores.read().get(&store.id).cloned();
                match known {
                    Some(cell) => *cell.about.write() = store,
                    None => {
                        self.see(store.id.as_str());
                        self.stores.write().insert(store.id.clone(), Arc::new(StoreCell::new(store)));
                    }
                }
            }
            LogEntry::StoreDeleted(id) => {
                self.stores.write().remove(&id);
            }
            LogEntry::Model { store, id, model } => {
                if let (Ok(cell), Some(ulid)) = (self.cell(&store), Ulid::parse(id.as_str())) {
                    self.see(id.as_str());
                    self.install(&cell, ulid, Arc::new(model));
                }
            }
            LogEntry::Assertions { store, model, assertions } => {
                if let (Ok(cell), Some(ulid)) = (self.cell(&store), Ulid::parse(model.as_str())) {
                    cell.state.write().set_assertions(ulid, assertions);
                }
            }
            LogEntry::Loaded { store, tuples, changes } => {
                if let Ok(cell) = self.cell(&store) {
                    let mut state = cell.state.write();
                    tuples.into_iter().for_each(|(place, tuple)| state.load(place, tuple));
                    for (id, change) in changes {
                        self.see(&id);
                        let ulid = Ulid::parse(&id).unwrap_or(Ulid(0));
                        state.load_change(ulid, &change, self.limits.changes_kept);
                    }
                }
            }
            LogEntry::Tuples { store, changes } => {
                if let Ok(cell) = self.cell(&store) {
                    let mut state = cell.state.write();
                    for (id, change) in changes {
                        self.see(&id);
                        state.apply(Ulid::parse(&id).unwrap_or(Ulid(0)), &change, self.limits.changes_kept);
                    }
                }
            }
        }
    }

    fn see(&self, id: &str) {
        if let Some(ulid) = Ulid::parse(id) {
            self.ulids.seen(ulid);
        }
    }

    pub(crate) fn append(&self, entry: &LogEntry) -> Result<(), EngineError> {
        let entries = std::slice::from_ref(entry);
        self.log.append(entries).map_err(|error| EngineError::Log { what: error.to_string() })
    }

    pub(crate) fn cell(&self, store: &StoreId) -> Result<Arc<StoreCell>, EngineError> {
        let found = self.stores.read().get(store).cloned();
        found.ok_or_else(|| EngineError::StoreNotFound { store: store.to_string() })
    }

    /// The time in whole microseconds: what a log keeps.
    pub(crate) fn now(&self) -> Timestamp {
        let now = self.clock.now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    /// Makes a store. The name has 3 to 64 characters of `[a-zA-Z0-9\s.\-/^_&@]`.
    pub fn create_store(&self, name: &str) -> Result<Store, EngineError> {
        check_store_name(name)?;
        let now = self.now();
        let id = StoreId::new(self.ulids.next(now).to_string());
        let store = Store { id: id.clone(), name: name.to_owned(), created_at: now, updated_at: now };
        let mut stores = self.stores.write();
        if stores.len() >= self.limits.stores_max {
            return Err(EngineError::Full { what: "the number of stores", limit: self.limits.stores_max });
        }
        self.append(&LogEntry::Store(store.clone()))?;
        stores.insert(id, Arc::new(StoreCell::new(store.clone())));
        Ok(store)
    }

    /// The store with this id.
    pub fn get_store(&self, store: &StoreId) -> Result<Store, EngineError> {
        Ok(self.cell(store)?.about.read().clone())
    }

    /// A page of stores, oldest first; with a name only those that have exactly it.
    pub fn list_stores(&self, name: Option<&str>, page: &PageRequest) -> Result<Page<Store>, EngineError> {
        let size = paging::size(page)?;
        let after = paging::token(&page.token)?;
        let stores = self.stores.read();
        let from = (
            after.map_or(std::ops::Bound::Unbounded, |id| std::ops::Bound::Excluded(StoreId::new(id))),
            std::ops::Bound::Unbounded,
        );
        let matching = stores
            .range::<StoreId, _>(from)
            .map(|(_, cell)| cell.about.read().clone())
            .filter(|store| name.is_none_or(|name| store.name == name));
        Ok(paging::page(matching, size, |store| paging::to_token(store.id.as_str())))
    }

    /// Renames a store.
    pub fn update_store(&self, store: &StoreId, name: &str) -> Result<Store, EngineError> {
        check_store_name(name)?;
        let cell = self.cell(store)?;
        cell.commits.alone(|planned| {
            if planned.deleted {
                return Err(EngineError::StoreNotFound { store: store.to_string() });
            }
            let renamed =
                Store { name: name.to_owned(), updated_at: self.now(), ..cell.about.read().clone() };
            self.append(&LogEntry::Store(renamed.clone()))?;
            *cell.about.write() = renamed.clone();
            Ok(renamed)
        })
    }

    /// Deletes a store; one that does not exist is no error.
    pub fn delete_store(&self, store: &StoreId) -> Result<(), EngineError> {
        let Ok(cell) = self.cell(store) else { return Ok(()) };
        cell.commits.alone(|planned| {
            self.append(&LogEntry::StoreDeleted(store.clone()))?;
            planned.deleted = true;
            self.stores.write().remove(store);
            Ok(())
        })
    }

    /// Checks and stores a model; it is the latest from then on.
    pub fn write_model(&self, store: &StoreId, model: &AuthorizationModel) -> Result<ModelId, EngineError> {
        let cell = self.cell(store)?;
        validate_for_write(model, self.limits.model)?;
        Conditions::compile(model).map_err(ModelFault::Model)?;
        let model = AuthorizationModel { id: None, ..model.clone() };
        cell.commits.alone(|planned| {
            if planned.deleted {
                return Err(EngineError::StoreNotFound { store: store.to_string() });
            }
            let limit = self.limits.model_names_max;
            if cell.state.read().names.of_models() > limit {
                return Err(EngineError::Full { what: "the names of types and relations", limit });
            }
            let ulid = self.ulids.next(self.now());
            let id = ModelId::new(ulid.to_string());
            self.append(&LogEntry::Model { store: store.clone(), id: id.clone(), model: model.clone() })?;
            self.install(&cell, ulid, Arc::new(model));
            Ok(id)
        })
    }

    /// Interns the names, compiles beside the readers, then publishes.
    fn install(&self, cell: &StoreCell, ulid: Ulid, model: Arc<AuthorizationModel>) {
        CompiledModel::intern(&model, &mut cell.state.write().names);
        let compiled = Arc::new(CompiledModel::compile(model, &cell.state.read().names));
        cell.state.write().add_model(ulid, compiled, &self.limits);
    }

    /// The model with this id.
    pub fn read_model(&self, store: &StoreId, model: &ModelId) -> Result<AuthorizationModel, EngineError> {
        Ok(self.cell(store)?.state.read().source(model)?.as_ref().clone())
    }

    /// A page of models, newest first.
    pub fn list_models(&self, store: &StoreId, page: &PageRequest) -> Result<Page<StoredModel>, EngineError> {
        let size = paging::size(page)?;
        let before = match paging::token(&page.token)? {
            None => None,
            Some(text) => Some(Ulid::parse(&text).ok_or(EngineError::Token)?),
        };
        let cell = self.cell(store)?;
        let state = cell.state.read();
        let models =
            state.models().filter(|(id, _)| before.is_none_or(|before| *id < before)).map(|(id, model)| {
                StoredModel { id: ModelId::new(id.to_string()), model: model.as_ref().clone() }
            });
        Ok(paging::page(models, size, |model| paging::to_token(model.id.as_str())))
    }
}

fn check_store_name(name: &str) -> Result<(), EngineError> {
    let fine = |c: char| c.is_ascii_alphanumeric() || c.is_whitespace() || ".-/^_&@".contains(c);
    if (3..=64).contains(&name.chars().count()) && name.chars().all(fine) {
        return Ok(());
    }
    Err(EngineError::invalid(format!(
        "store name `{name}` is not valid: it has 3 to 64 letters, digits, white space and `.-/^_&@`"
    )))
}
