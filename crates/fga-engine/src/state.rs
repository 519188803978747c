//! One store: its models, tuples and changelog, readable by many while one writes.

use std::{collections::VecDeque, sync::Arc};

use fga_model::{AuthorizationModel, ModelId, TupleCondition, TupleKey};
use jiff::Timestamp;
use parking_lot::{Mutex, RwLock};

use crate::{
    EngineError,
    answer::{Change, Operation, Store},
    limits::Limits,
    model::CompiledModel,
    names::{Names, ObjId, RelId, Subject},
    tuples::{Row, Tuples},
    ulid::Ulid,
};

/// Compiled models that are kept; older ones are compiled when asked for.
const COMPILED_KEPT: usize = 8;

/// A store with its locks. A request holds `state` for reading as long as it lasts, so it sees one state; whoever
/// writes holds `writer` first, and `state` for writing only while the change is applied.
pub(crate) struct StoreCell {
    pub about: RwLock<Store>,
    pub state: RwLock<State>,
    pub writer: Mutex<()>,
}

/// What a store holds.
#[derive(Default)]
pub(crate) struct State {
    pub names: Names,
    pub tuples: Tuples,
    models: VecDeque<ModelEntry>,
    changes: VecDeque<ChangeRow>,
}

struct ModelEntry {
    id: Ulid,
    source: Arc<AuthorizationModel>,
    compiled: Option<Arc<CompiledModel>>,
}

/// A changelog entry.
pub(crate) struct ChangeRow {
    pub id: Ulid,
    operation: Operation,
    object: ObjId,
    relation: RelId,
    subject: Subject,
    condition: Option<TupleCondition>,
    timestamp: Timestamp,
}

impl StoreCell {
    pub fn new(about: Store) -> Self {
        Self { about: RwLock::new(about), state: RwLock::default(), writer: Mutex::new(()) }
    }
}

impl State {
    /// The model with this id, or the latest.
    pub fn model(
        &self,
        store: &str,
        id: Option<&ModelId>,
    ) -> Result<(Ulid, Arc<CompiledModel>), EngineError> {
        let entry = match id {
            None => self.models.back().ok_or_else(|| EngineError::NoModel { store: store.to_owned() })?,
            Some(id) => self.model_entry(id)?,
        };
        let compiled = entry
            .compiled
            .clone()
            .unwrap_or_else(|| Arc::new(CompiledModel::compile(entry.source.clone(), &self.names)));
        Ok((entry.id, compiled))
    }

    fn model_entry(&self, id: &ModelId) -> Result<&ModelEntry, EngineError> {
        let missing = || EngineError::ModelNotFound { model: id.to_string() };
        let ulid = Ulid::parse(id.as_str()).ok_or_else(missing)?;
        let at = self.models.binary_search_by(|entry| entry.id.cmp(&ulid)).map_err(|_| missing())?;
        self.models.get(at).ok_or_else(missing)
    }

    pub fn source(&self, id: &ModelId) -> Result<Arc<AuthorizationModel>, EngineError> {
        self.model_entry(id).map(|entry| entry.source.clone())
    }

    /// Models, newest first.
    pub fn models(&self) -> impl Iterator<Item = (Ulid, &Arc<AuthorizationModel>)> {
        self.models.iter().rev().map(|entry| (entry.id, &entry.source))
    }

    /// Adds a compiled model, the latest from now on.
    pub fn add_model(&mut self, id: Ulid, compiled: Arc<CompiledModel>, limits: &Limits) {
        self.models.push_back(ModelEntry { id, source: compiled.source.clone(), compiled: Some(compiled) });
        while self.models.len() > limits.models_kept.saturating_add(1) {
            self.models.pop_front();
        }
        let old = self.models.len().saturating_sub(COMPILED_KEPT);
        self.models.iter_mut().take(old).for_each(|entry| entry.compiled = None);
    }

    /// Object, relation and user of a key, where the store knows all of them.
    pub fn ids(&self, key: &TupleKey) -> Option<(ObjId, RelId, Subject)> {
        let object = self.names.object_id(&key.object)?;
        let relation = self.names.relation_id(&key.relation)?;
        Some((object, relation, self.subject(&key.user)?))
    }

    pub fn subject(&self, user: &str) -> Option<Subject> {
        if let Some((object, relation)) = user.split_once('#') {
            return Some(Subject::Userset(self.names.object_id(object)?, self.names.relation_id(relation)?));
        }
        match user.strip_suffix(":*") {
            Some(type_name) => self.names.type_id(type_name).map(Subject::Wildcard),
            None => self.names.object_id(user).map(Subject::Object),
        }
    }

    /// The stored tuple of a key.
    pub fn row(&self, key: &TupleKey) -> Option<&Row> {
        let (object, relation, subject) = self.ids(key)?;
        self.tuples.row(self.tuples.edge(object, relation, subject)?.number)
    }

    /// Applies a change and remembers it.
    pub fn apply(&mut self, id: Ulid, change: &Change, changes_kept: usize) {
        let object = self.names.intern_object(&change.key.object);
        let relation = self.names.intern_relation(&change.key.relation);
        let user = change.key.user.as_str();
        let subject = match (user.split_once('#'), user.strip_suffix(":*")) {
            (Some((object, relation)), _) => {
                Subject::Userset(self.names.intern_object(object), self.names.intern_relation(relation))
            }
            (None, Some(type_name)) => Subject::Wildcard(self.names.intern_type(type_name)),
            (None, None) => Subject::Object(self.names.intern_object(user)),
        };
        let (operation, timestamp, condition) =
            (change.operation, change.timestamp, change.key.condition.clone());
        self.tuples.remove(object, relation, subject);
        if operation == Operation::Write {
            self.tuples.insert(Row { object, relation, subject, condition: condition.clone(), timestamp });
        }
        self.changes.push_back(ChangeRow { id, operation, object, relation, subject, condition, timestamp });
        while self.changes.len() > changes_kept {
            self.changes.pop_front();
        }
    }

    /// Changes with a greater id, oldest first.
    pub fn changes_after(&self, id: Ulid) -> impl Iterator<Item = &ChangeRow> {
        let from = self.changes.partition_point(|change| change.id <= id);
        self.changes.range(from..)
    }
}

impl ChangeRow {
    pub fn has_type(&self, names: &Names, type_name: &str) -> bool {
        names.type_of(self.object).is_some_and(|t| names.type_name(t) == type_name)
    }

    pub fn change(&self, names: &Names) -> Change {
        let row = Row {
            object: self.object,
            relation: self.relation,
            subject: self.subject,
            condition: self.condition.clone(),
            timestamp: self.timestamp,
        };
        Change { key: row.key(names), operation: self.operation, timestamp: self.timestamp }
    }
}
