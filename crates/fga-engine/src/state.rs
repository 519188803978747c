//! One store: its models, tuples and changelog, readable by many while one writes.

use std::{
    borrow::Cow,
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use fga_model::{AuthorizationModel, ModelId, TupleCondition, TupleKey};
use jiff::Timestamp;
use parking_lot::RwLock;

use crate::{
    EngineError,
    answer::{Assertion, Change, Operation, Store, StoredTuple},
    limits::Limits,
    model::CompiledModel,
    names::{Names, ObjId, RelId, Subject},
    tuples::Tuples,
    ulid::Ulid,
    write::Commits,
};

/// Compiled models that are kept; older ones are compiled when asked for.
const COMPILED_KEPT: usize = 8;

/// Names of objects that are kept although nothing mentions them any more.
const NAMES_SPARE: usize = 4_096;

/// A store with its locks. A request holds `state` for reading as long as it lasts, so it sees one state; whoever
/// writes goes through `commits`, and holds `state` for writing only while changes are applied.
pub(crate) struct StoreCell {
    pub about: RwLock<Store>,
    pub state: RwLock<State>,
    pub commits: Commits,
}

/// What a store holds.
#[derive(Default)]
pub(crate) struct State {
    pub names: Names,
    pub tuples: Tuples,
    models: VecDeque<ModelEntry>,
    changes: VecDeque<ChangeRow>,
    assertions: BTreeMap<Ulid, Vec<Assertion>>,
}

struct ModelEntry {
    id: Ulid,
    /// The id as every answer names it.
    name: ModelId,
    source: Arc<AuthorizationModel>,
    relations: usize,
    compiled: Option<Arc<CompiledModel>>,
}

impl ModelEntry {
    fn compiled(&self, names: &Names) -> Cow<'_, Arc<CompiledModel>> {
        match &self.compiled {
            Some(compiled) => Cow::Borrowed(compiled),
            None => Cow::Owned(Arc::new(CompiledModel::compile(self.source.clone(), names))),
        }
    }
}

/// A changelog entry.
pub(crate) struct ChangeRow {
    pub id: Ulid,
    operation: Operation,
    object: ObjId,
    relation: RelId,
    subject: Subject,
    condition: Option<Box<TupleCondition>>,
    pub timestamp: Timestamp,
}

impl StoreCell {
    pub fn new(about: Store) -> Self {
        Self { about: RwLock::new(about), state: RwLock::default(), commits: Commits::default() }
    }
}

impl State {
    /// The model with this id, or the latest.
    pub fn model(
        &self,
        store: &str,
        id: Option<&ModelId>,
    ) -> Result<(Ulid, Arc<CompiledModel>), EngineError> {
        let entry = self.latest_or(store, id)?;
        Ok((entry.id, entry.compiled(&self.names).into_owned()))
    }

    /// The same model as long as the state is held.
    pub fn compiled(
        &self,
        store: &str,
        id: Option<&ModelId>,
    ) -> Result<Cow<'_, Arc<CompiledModel>>, EngineError> {
        Ok(self.latest_or(store, id)?.compiled(&self.names))
    }

    /// The id of the latest model.
    pub fn latest(&self, store: &str) -> Result<&ModelId, EngineError> {
        self.latest_or(store, None).map(|entry| &entry.name)
    }

    fn latest_or(&self, store: &str, id: Option<&ModelId>) -> Result<&ModelEntry, EngineError> {
        match id {
            None => self.models.back().ok_or_else(|| EngineError::NoModel { store: store.to_owned() }),
            Some(id) => self.model_entry(id),
        }
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
        let relations = compiled.source.types.iter().map(|definition| definition.relations.len() + 1).sum();
        let source = compiled.source.clone();
        let name = ModelId::new(id.to_string());
        self.models.push_back(ModelEntry { id, name, source, relations, compiled: Some(compiled) });
        while self.models.len() > limits.models_kept.saturating_add(1)
            || (self.models.len() > 1 && self.relations_kept() > limits.relations_kept)
        {
            if let Some(gone) = self.models.pop_front() {
                self.assertions.remove(&gone.id);
            }
        }
        let old = self.models.len().saturating_sub(COMPILED_KEPT);
        self.models.iter_mut().take(old).for_each(|entry| entry.compiled = None);
    }

    /// Relations of all models but the latest.
    fn relations_kept(&self) -> usize {
        let old = self.models.len().saturating_sub(1);
        self.models.iter().take(old).map(|entry| entry.relations).sum()
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

    /// The stored tuple of a key: its condition, if it has one.
    pub fn stored(&self, key: &TupleKey) -> Option<Option<&TupleCondition>> {
        let (object, relation, subject) = self.ids(key)?;
        Some(self.tuples.condition(self.tuples.edge(object, relation, subject)?.row))
    }

    fn intern(&mut self, key: &TupleKey) -> (ObjId, RelId, Subject) {
        let object = self.names.intern_object(&key.object);
        let relation = self.names.intern_relation(&key.relation);
        let user = key.user.as_str();
        let subject = match (user.split_once('#'), user.strip_suffix(":*")) {
            (Some((object, relation)), _) => {
                Subject::Userset(self.names.intern_object(object), self.names.intern_relation(relation))
            }
            (None, Some(type_name)) => Subject::Wildcard(self.names.intern_type(type_name)),
            (None, None) => Subject::Object(self.names.intern_object(user)),
        };
        (object, relation, subject)
    }

    /// Applies a change and remembers it.
    pub fn apply(&mut self, id: Ulid, change: &Change, changes_kept: usize) {
        let (object, relation, subject) = self.intern(&change.key);
        self.tuples.remove(object, relation, subject);
        if change.operation == Operation::Write {
            let condition = change.key.condition.clone();
            let user = (subject, self.names.type_of_subject(subject));
            self.tuples.insert(object, relation, user, condition, change.timestamp);
        }
        self.remember(id, change, (object, relation, subject), changes_kept);
        self.pack_names();
    }

    fn remember(&mut self, id: Ulid, change: &Change, ids: (ObjId, RelId, Subject), changes_kept: usize) {
        let (object, relation, subject) = ids;
        let (operation, timestamp) = (change.operation, change.timestamp);
        let condition = change.key.condition.clone().map(Box::new);
        self.changes.push_back(ChangeRow { id, operation, object, relation, subject, condition, timestamp });
        while self.changes.len() > changes_kept {
            self.changes.pop_front();
        }
    }

    /// Takes a tuple from a log, without a change. It is found after [`State::loaded`].
    pub fn load(&mut self, place: u64, tuple: StoredTuple) {
        let (object, relation, subject) = self.intern(&tuple.key);
        let user = (subject, self.names.type_of_subject(subject));
        self.tuples.load(place, object, relation, user, tuple.key.condition, tuple.timestamp);
    }

    /// All tuples of a log were taken.
    pub fn loaded(&mut self) {
        self.tuples.loaded();
    }

    /// Takes a change from a log that has the tuples as they stand.
    pub fn load_change(&mut self, id: Ulid, change: &Change, changes_kept: usize) {
        let ids = self.intern(&change.key);
        self.remember(id, change, ids, changes_kept);
    }

    /// Forgets names of objects that neither tuples nor changes mention, once they are the greater part.
    fn pack_names(&mut self) {
        let mentioned = 2 * (self.tuples.len() + self.changes.len());
        if self.names.objects() as usize <= 2 * mentioned + NAMES_SPARE {
            return;
        }
        let old = self.names.take_objects();
        let names = &mut self.names;
        let mut name = |object: ObjId| names.intern_object(old.text(object.0));
        self.tuples.rename(&mut name);
        for change in &mut self.changes {
            change.object = name(change.object);
            change.subject = match change.subject {
                Subject::Object(user) => Subject::Object(name(user)),
                Subject::Userset(user, of) => Subject::Userset(name(user), of),
                everybody => everybody,
            };
        }
    }

    /// The assertions of a model.
    pub fn assertions(&self, model: Ulid) -> Vec<Assertion> {
        self.assertions.get(&model).cloned().unwrap_or_default()
    }

    pub fn set_assertions(&mut self, model: Ulid, assertions: Vec<Assertion>) {
        self.assertions.insert(model, assertions);
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
        let key = TupleKey {
            object: names.object_name(self.object).to_owned(),
            relation: names.relation_name(self.relation).to_owned(),
            user: names.subject_name(self.subject),
            condition: self.condition.as_deref().cloned(),
        };
        Change { key, operation: self.operation, timestamp: self.timestamp }
    }
}
