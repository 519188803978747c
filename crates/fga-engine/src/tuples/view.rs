//! What one request sees: a model, the stored tuples it allows, and the request's own tuples.

use std::cell::RefCell;

use fga_model::TupleCondition;

use super::{Edge, Tuples, contextual::Contextual};
use crate::{
    check::Fault,
    conditions::ConditionFault,
    deadline::{CONDITION_WORK, Deadline},
    model::{Admits, CompiledModel, RelKey},
    names::{Names, ObjId, RelId, Subject, TypeId},
    question::Context,
};

/// Model, names, stored and contextual tuples of one request.
pub(crate) struct View<'a> {
    pub model: &'a CompiledModel,
    pub names: &'a Names,
    pub tuples: &'a Tuples,
    pub contextual: Contextual<'a>,
    /// Values of the request for conditions.
    pub context: &'a Context,
    /// When the request has to end.
    pub deadline: &'a Deadline<'a>,
    /// The first condition that could not be evaluated.
    pub failure: RefCell<Option<ConditionFault>>,
}

/// A tuple that the current model allows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usable<'a> {
    pub subject: Subject,
    /// The condition it holds under, if any.
    pub condition: Option<&'a TupleCondition>,
}

/// What restrictions look at in a subject.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub type_id: TypeId,
    pub userset: Option<RelId>,
    pub wildcard: bool,
}

impl Shape {
    /// The shape of a subject whose object has the type.
    pub fn of(subject: Subject, type_id: TypeId) -> Self {
        match subject {
            Subject::Object(_) => Self { type_id, userset: None, wildcard: false },
            Subject::Wildcard(type_id) => Self { type_id, userset: None, wildcard: true },
            Subject::Userset(_, relation) => Self { type_id, userset: Some(relation), wildcard: false },
        }
    }

    /// Whether a tuple with such a subject is taken.
    pub fn is_taken(&self, admits: &Admits, condition: Option<&TupleCondition>) -> bool {
        admits.allows(self.type_id, self.userset, self.wildcard, condition.map(|c| c.name.as_str()))
    }
}

/// One reading of many tuples: those whose condition fails count only if none passed.
#[derive(Default)]
pub(crate) struct Scan {
    passed: bool,
    failed: bool,
    late: bool,
}

impl Scan {
    /// Whether the tuple takes part.
    pub fn passes(&mut self, view: &View<'_>, tuple: &Usable<'_>) -> bool {
        match view.holds(tuple) {
            Ok(true) => {
                self.passed = true;
                true
            }
            Ok(false) => false,
            Err(Fault::Deadline) => {
                self.late = true;
                false
            }
            Err(_) => {
                self.failed = true;
                false
            }
        }
    }

    /// Whether any condition failed.
    pub fn failed(&self) -> bool {
        self.failed
    }

    /// What the reading failed with, if it did. One that was not read to its end says nothing, whatever passed.
    pub fn fault(&self) -> Option<Fault> {
        let failed = (self.failed && !self.passed).then_some(Fault::Condition);
        self.late.then_some(Fault::Deadline).or(failed)
    }
}

impl<'a> View<'a> {
    pub fn new(
        model: &'a CompiledModel,
        names: &'a Names,
        tuples: &'a Tuples,
        contextual: Contextual<'a>,
        context: &'a Context,
        deadline: &'a Deadline<'a>,
    ) -> Self {
        Self { model, names, tuples, contextual, context, deadline, failure: RefCell::new(None) }
    }

    pub fn type_of(&self, object: ObjId) -> Option<TypeId> {
        self.contextual.type_of(self.names, object)
    }

    pub fn object_name(&self, object: ObjId) -> &str {
        self.contextual.object_name(self.names, object)
    }

    pub fn subject_name(&self, subject: Subject) -> String {
        match subject {
            Subject::Object(object) => self.object_name(object).to_owned(),
            Subject::Userset(object, relation) => {
                format!("{}#{}", self.object_name(object), self.names.relation_name(relation))
            }
            Subject::Wildcard(_) => self.names.subject_name(subject),
        }
    }

    /// The relation of an object, if the model has it.
    pub fn key(&self, object: ObjId, relation: RelId) -> Option<RelKey> {
        self.model.key(self.type_of(object)?, relation)
    }

    /// Whether the tuple holds: it has no condition, or its condition is true.
    pub fn holds(&self, tuple: &Usable<'_>) -> Result<bool, Fault> {
        let Some(condition) = tuple.condition else { return Ok(true) };
        if self.deadline.passed(CONDITION_WORK) {
            return Err(Fault::Deadline);
        }
        self.model.conditions().holds(condition, self.context).map_err(|fault| {
            self.failure.borrow_mut().get_or_insert(fault);
            Fault::Condition
        })
    }

    /// The tuple with exactly this user, if the model still allows it. A contextual tuple hides a stored one.
    pub fn exact(&self, object: ObjId, key: RelKey, subject: Subject) -> Option<Usable<'_>> {
        let relation = self.model.relation(key).relation;
        if let Some(own) = self.contextual.of(object, relation).find(|t| t.subject == subject) {
            return self.usable(key, subject, own.condition);
        }
        let edge = self.tuples.edge(object, relation, subject)?;
        self.stored(key, edge)
    }

    /// All tuples of (object, relation) that the model allows, stored ones first.
    pub fn scan(&self, object: ObjId, key: RelKey) -> impl Iterator<Item = Usable<'_>> {
        let relation = self.model.relation(key).relation;
        let stored = self.tuples.edges(object, relation).filter_map(move |edge| self.stored(key, edge));
        stored.chain(self.own(object, key))
    }

    /// The usersets among them.
    pub fn usersets(&self, object: ObjId, key: RelKey) -> impl Iterator<Item = Usable<'_>> {
        let relation = self.model.relation(key).relation;
        let stored = self.tuples.usersets(object, relation).filter_map(move |edge| self.stored(key, edge));
        stored.chain(self.own(object, key).filter(|t| matches!(t.subject, Subject::Userset(..))))
    }

    fn own(&self, object: ObjId, key: RelKey) -> impl Iterator<Item = Usable<'_>> {
        let relation = self.model.relation(key).relation;
        self.contextual
            .of(object, relation)
            .filter_map(move |own| self.usable(key, own.subject, own.condition))
    }

    fn stored(&self, key: RelKey, edge: Edge) -> Option<Usable<'_>> {
        let condition = match edge.conditional {
            true => Some(self.tuples.condition(edge.row)?),
            false => None,
        };
        self.admitted(key, edge.subject, edge.type_id, condition)
    }

    /// The read-time filter: a tuple that the model does not allow (any more) is not seen.
    pub fn usable<'c>(
        &self,
        key: RelKey,
        subject: Subject,
        condition: Option<&'c TupleCondition>,
    ) -> Option<Usable<'c>> {
        let type_id = self.contextual.type_of_subject(self.names, subject)?;
        self.admitted(key, subject, type_id, condition)
    }

    fn admitted<'c>(
        &self,
        key: RelKey,
        subject: Subject,
        type_id: TypeId,
        condition: Option<&'c TupleCondition>,
    ) -> Option<Usable<'c>> {
        let shape = Shape::of(subject, type_id);
        let taken = shape.is_taken(&self.model.relation(key).admits, condition);
        taken.then_some(Usable { subject, condition })
    }
}
