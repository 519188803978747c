//! A request's own tuples and names, valid for that request only.

use fga_model::{TupleCondition, TupleKey};

use crate::{
    admission::{Resolved, User},
    names::{Names, ObjId, RelId, Subject, TypeId},
};

/// Tuples of a request, and objects that only the request names.
pub(crate) struct Contextual<'a> {
    first: u32,
    objects: Vec<(&'a str, TypeId)>,
    tuples: Vec<ContextualTuple<'a>>,
}

/// A tuple of a request.
#[derive(Clone, Copy)]
pub(crate) struct ContextualTuple<'a> {
    pub object: ObjId,
    pub relation: RelId,
    pub subject: Subject,
    pub condition: Option<&'a TupleCondition>,
}

impl<'a> Contextual<'a> {
    pub fn new(names: &Names, tuples: usize) -> Self {
        Self {
            first: names.objects(),
            objects: Vec::with_capacity(tuples + 2),
            tuples: Vec::with_capacity(tuples),
        }
    }

    /// The object's id, of a type that is known.
    pub fn object_of(&mut self, names: &Names, object: &'a str, type_id: TypeId) -> ObjId {
        if let Some(id) = names.object_id(object) {
            return id;
        }
        let at = self.objects.iter().position(|(name, _)| *name == object).unwrap_or_else(|| {
            self.objects.push((object, type_id));
            self.objects.len() - 1
        });
        // A request has far fewer objects than numbers are left.
        ObjId(self.first.saturating_add(u32::try_from(at).unwrap_or(u32::MAX)))
    }

    /// The user as a subject, of a type and relation that are known.
    pub fn subject_of(&mut self, names: &Names, text: &'a str, user: User) -> Subject {
        match (user.wildcard, user.userset) {
            (true, _) => Subject::Wildcard(user.type_id),
            (false, None) => Subject::Object(self.object_of(names, text, user.type_id)),
            (false, Some(relation)) => {
                let object = text.split('#').next().unwrap_or_default();
                Subject::Userset(self.object_of(names, object, user.type_id), relation)
            }
        }
    }

    /// Adds a tuple that was found valid.
    pub fn add(&mut self, names: &Names, key: &'a TupleKey, target: Resolved, user: User) {
        let object = self.object_of(names, &key.object, target.type_id);
        let subject = self.subject_of(names, &key.user, user);
        let relation = target.relation;
        self.tuples.push(ContextualTuple { object, relation, subject, condition: key.condition.as_ref() });
    }

    pub fn tuples(&self) -> &[ContextualTuple<'a>] {
        &self.tuples
    }

    /// The same request's names with other tuples.
    pub fn with(&self, tuples: Vec<ContextualTuple<'a>>) -> Self {
        Self { first: self.first, objects: self.objects.clone(), tuples }
    }

    pub fn of(&self, object: ObjId, relation: RelId) -> impl Iterator<Item = &ContextualTuple<'a>> {
        self.tuples.iter().filter(move |t| t.object == object && t.relation == relation)
    }

    fn own(&self, id: ObjId) -> Option<(&'a str, TypeId)> {
        self.objects.get(id.0.checked_sub(self.first)? as usize).copied()
    }

    pub fn type_of(&self, names: &Names, id: ObjId) -> Option<TypeId> {
        names.type_of(id).or_else(|| self.own(id).map(|(_, type_id)| type_id))
    }

    pub fn object_name<'n>(&self, names: &'n Names, id: ObjId) -> &'n str
    where
        'a: 'n,
    {
        self.own(id).map_or_else(|| names.object_name(id), |(name, _)| name)
    }
}
