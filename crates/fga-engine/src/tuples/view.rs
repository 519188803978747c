//! What one request sees: a model, the stored tuples it allows, and the request's own tuples.

use super::{Edge, Tuples, contextual::Contextual};
use crate::{
    model::{CompiledModel, RelKey},
    names::{Names, ObjId, RelId, Subject, TypeId},
};

/// Model, names, stored and contextual tuples of one request.
pub(crate) struct View<'a> {
    pub model: &'a CompiledModel,
    pub names: &'a Names,
    pub tuples: &'a Tuples,
    pub contextual: Contextual<'a>,
}

/// A tuple that the current model allows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usable {
    pub subject: Subject,
    pub condition: Tied,
}

/// Whether a tuple holds as it stands, or only under a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tied {
    Free,
    Conditional,
}

impl<'a> View<'a> {
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

    /// The tuple with exactly this user, if the model still allows it. A contextual tuple hides a stored one.
    pub fn exact(&self, object: ObjId, key: RelKey, subject: Subject) -> Option<Usable> {
        let relation = self.model.relation(key).relation;
        if let Some(own) = self.contextual.of(object, relation).find(|t| t.subject == subject) {
            let condition = own.condition.map(|c| c.name.as_str());
            return self.usable(key, subject, condition);
        }
        let edge = self.tuples.edge(object, relation, subject)?;
        self.stored(key, edge)
    }

    /// All tuples of (object, relation) that the model allows, stored ones first.
    pub fn scan(&self, object: ObjId, key: RelKey) -> impl Iterator<Item = Usable> {
        let relation = self.model.relation(key).relation;
        let stored =
            self.tuples.edges(object, relation).iter().filter_map(move |edge| self.stored(key, *edge));
        stored.chain(self.own(object, key))
    }

    /// The usersets among them.
    pub fn usersets(&self, object: ObjId, key: RelKey) -> impl Iterator<Item = Usable> {
        let relation = self.model.relation(key).relation;
        let edges = self.tuples.edges(object, relation);
        // Usersets are the end of the sorted users.
        let from = edges.partition_point(|e| !matches!(e.subject, Subject::Userset(..)));
        let stored =
            edges.get(from..).unwrap_or_default().iter().filter_map(move |edge| self.stored(key, *edge));
        stored.chain(self.own(object, key).filter(|t| matches!(t.subject, Subject::Userset(..))))
    }

    fn own(&self, object: ObjId, key: RelKey) -> impl Iterator<Item = Usable> {
        let relation = self.model.relation(key).relation;
        self.contextual
            .of(object, relation)
            .filter_map(move |own| self.usable(key, own.subject, own.condition.map(|c| c.name.as_str())))
    }

    fn stored(&self, key: RelKey, edge: Edge) -> Option<Usable> {
        if !edge.conditional {
            return self.usable(key, edge.subject, None);
        }
        let condition = self.tuples.row(edge.number)?.condition.as_ref()?;
        self.usable(key, edge.subject, Some(&condition.name))
    }

    /// The read-time filter: a tuple that the model does not allow (any more) is not seen.
    fn usable(&self, key: RelKey, subject: Subject, condition: Option<&str>) -> Option<Usable> {
        let (type_id, userset) = match subject {
            Subject::Object(object) => (self.type_of(object)?, None),
            Subject::Wildcard(type_id) => (type_id, None),
            Subject::Userset(object, relation) => (self.type_of(object)?, Some(relation)),
        };
        let wildcard = matches!(subject, Subject::Wildcard(_));
        let admitted = self.model.relation(key).admits.allows(type_id, userset, wildcard, condition);
        let condition = if condition.is_some() { Tied::Conditional } else { Tied::Free };
        admitted.then_some(Usable { subject, condition })
    }
}
