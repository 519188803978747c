//! A request's own tuples and names, valid for that request only.

use fga_model::{TupleCondition, TupleKey, UserRef};

use crate::names::{Names, ObjId, RelId, Subject, TypeId};

/// Tuples of a request, and objects that only the request names.
pub(crate) struct Contextual<'a> {
    first: u32,
    objects: Vec<(&'a str, TypeId)>,
    tuples: Vec<ContextualTuple<'a>>,
}

/// A tuple of a request.
pub(crate) struct ContextualTuple<'a> {
    pub object: ObjId,
    pub relation: RelId,
    pub subject: Subject,
    pub condition: Option<&'a TupleCondition>,
}

impl<'a> Contextual<'a> {
    pub fn new(names: &Names) -> Self {
        Self { first: names.objects(), objects: Vec::new(), tuples: Vec::new() }
    }

    /// The object's id; one of the request's own where the store does not know it. `None` for a type that neither
    /// tuples nor models of the store ever named.
    pub fn object(&mut self, names: &Names, object: &'a str) -> Option<ObjId> {
        if let Some(id) = names.object_id(object) {
            return Some(id);
        }
        let at = match self.objects.iter().position(|(name, _)| *name == object) {
            Some(at) => at,
            None => {
                let type_id = names.type_id(object.split(':').next().unwrap_or_default())?;
                self.objects.push((object, type_id));
                self.objects.len() - 1
            }
        };
        Some(ObjId(self.first + u32::try_from(at).ok()?))
    }

    /// The user as a subject; `None` for names the store never heard of.
    pub fn subject(&mut self, names: &Names, user: &'a str) -> Option<Subject> {
        match UserRef::parse(user).ok()? {
            UserRef::Object(_) => self.object(names, user).map(Subject::Object),
            UserRef::Wildcard(type_name) => names.type_id(type_name).map(Subject::Wildcard),
            UserRef::Userset(_, relation) => {
                let object = self.object(names, user.split('#').next().unwrap_or_default())?;
                Some(Subject::Userset(object, names.relation_id(relation)?))
            }
        }
    }

    /// Adds a tuple that was found valid.
    pub fn add(&mut self, names: &Names, key: &'a TupleKey) {
        let object = self.object(names, &key.object);
        let subject = self.subject(names, &key.user);
        if let (Some(object), Some(relation), Some(subject)) =
            (object, names.relation_id(&key.relation), subject)
        {
            self.tuples.push(ContextualTuple {
                object,
                relation,
                subject,
                condition: key.condition.as_ref(),
            });
        }
    }

    pub fn tuples(&self) -> &[ContextualTuple<'a>] {
        &self.tuples
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
