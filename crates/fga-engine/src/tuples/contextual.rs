//! A request's own tuples and names, valid for that request only.

use fga_model::TupleCondition;
use smallvec::SmallVec;

use crate::names::{Known, Names, ObjId, RelId, Subject, TypeId};

/// Tuples of a request, and objects that only the request names.
pub(crate) struct Contextual<'a> {
    first: u32,
    objects: SmallVec<[(&'a str, TypeId); 4]>,
    tuples: SmallVec<[ContextualTuple<'a>; 2]>,
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
    pub fn new(names: &Names) -> Self {
        Self { first: names.objects(), objects: SmallVec::new(), tuples: SmallVec::new() }
    }

    /// What the request, which may have named the object before, and the store know of it.
    pub fn known(&self, names: &Names, object: &str) -> Known {
        let own = self.objects.iter().position(|(name, _)| *name == object);
        match own.and_then(|at| Some((at, self.objects.get(at)?))) {
            Some((at, (_, type_id))) => Known::Object(self.id(at), *type_id),
            None => names.known(object),
        }
    }

    /// Takes a well-formed object that is not known.
    pub fn name(&mut self, object: &'a str, type_id: TypeId) -> ObjId {
        self.objects.push((object, type_id));
        self.id(self.objects.len() - 1)
    }

    fn id(&self, at: usize) -> ObjId {
        // A request has far fewer objects than numbers are left.
        ObjId(self.first.saturating_add(u32::try_from(at).unwrap_or(u32::MAX)))
    }

    /// Adds a tuple that was found valid.
    pub fn add(&mut self, tuple: ContextualTuple<'a>) {
        self.tuples.push(tuple);
    }

    pub fn tuples(&self) -> &[ContextualTuple<'a>] {
        &self.tuples
    }

    /// The same request's names with other tuples.
    pub fn with<'b>(&self, tuples: Vec<ContextualTuple<'b>>) -> Contextual<'b>
    where
        'a: 'b,
    {
        let objects = self.objects.iter().map(|(name, type_id)| (*name, *type_id)).collect();
        Contextual { first: self.first, objects, tuples: tuples.into() }
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

    pub fn type_of_subject(&self, names: &Names, subject: Subject) -> Option<TypeId> {
        match subject {
            Subject::Wildcard(type_id) => Some(type_id),
            Subject::Object(object) | Subject::Userset(object, _) => self.type_of(names, object),
        }
    }

    pub fn object_name<'n>(&self, names: &'n Names, id: ObjId) -> &'n str
    where
        'a: 'n,
    {
        self.own(id).map_or_else(|| names.object_name(id), |(name, _)| name)
    }
}
