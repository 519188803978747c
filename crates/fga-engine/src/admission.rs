//! Which keys and tuples a model accepts in requests: loosely for questions, strictly for tuples.

use fga_model::{ObjectRef, TupleCondition, TupleKey, UserRef, check_relation};
use serde_json::Value;

use crate::{
    EngineError,
    model::{CompiledModel, RelKey},
    names::{Known, Names, ObjId, RelId, Subject, TypeId},
    tuples::{
        contextual::{Contextual, ContextualTuple},
        view::Shape,
    },
};

/// A model with the names of its store.
#[derive(Clone, Copy)]
pub(crate) struct Admission<'a> {
    pub model: &'a CompiledModel,
    pub names: &'a Names,
    pub condition_context_bytes_max: usize,
}

/// A key whose names the model knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resolved {
    pub relation: RelId,
    pub key: RelKey,
}

impl Admission<'_> {
    /// The type, if the model has it.
    pub fn type_id(&self, name: &str) -> Option<TypeId> {
        self.names.type_id(name).filter(|id| self.model.has_type(*id))
    }

    /// The relation, if the model has it.
    pub fn key(&self, type_name: &str, relation: &str) -> Option<RelKey> {
        self.model.key(self.names.type_id(type_name)?, self.names.relation_id(relation)?)
    }

    /// Object and relation of a question.
    pub fn target(&self, object: &str, relation: &str) -> Result<Resolved, EngineError> {
        let object_ref = ObjectRef::parse(object).map_err(|e| EngineError::invalid(e.to_string()))?;
        if object_ref.id == "*" {
            return Err(EngineError::invalid(format!("object `{object}` must not be a wildcard")));
        }
        check_relation(relation).map_err(|e| EngineError::invalid(e.to_string()))?;
        let type_name = object_ref.type_name;
        let type_id = self
            .type_id(type_name)
            .ok_or_else(|| EngineError::TypeNotFound { type_name: type_name.to_owned() })?;
        let resolved = self
            .names
            .relation_id(relation)
            .and_then(|relation| Some(Resolved { relation, key: self.model.key(type_id, relation)? }));
        resolved.ok_or_else(|| EngineError::RelationNotFound {
            type_name: type_name.to_owned(),
            relation: relation.to_owned(),
        })
    }

    /// Whether somebody could be asked about: well-formed, of a type and relation that are known.
    pub fn user(&self, user: &str) -> Result<(), EngineError> {
        self.resolve(user, Known::Nothing).map(drop).map_err(EngineError::invalid)
    }

    fn resolve(&self, user: &str, known: Known) -> Result<Shape, String> {
        let parsed = UserRef::parse(user).map_err(|e| e.to_string())?;
        let type_name = parsed.type_name();
        let type_id = match known {
            Known::Type(type_id) | Known::Object(_, type_id) => {
                Some(type_id).filter(|id| self.model.has_type(*id))
            }
            Known::Nothing => self.type_id(type_name),
        };
        let type_id = type_id.ok_or_else(|| format!("type '{type_name}' not found"))?;
        let mut resolved = Shape { type_id, userset: None, wildcard: matches!(parsed, UserRef::Wildcard(_)) };
        if let UserRef::Userset(_, relation) = parsed {
            let known = self.names.relation_id(relation).filter(|id| self.model.key(type_id, *id).is_some());
            resolved.userset =
                Some(known.ok_or_else(|| format!("relation '{type_name}#{relation}' not found"))?);
        }
        Ok(resolved)
    }

    /// Object and relation of a question, with the object's number. What the store knows needs no second look.
    pub fn place<'t>(
        &self,
        own: &mut Contextual<'t>,
        object: &'t str,
        relation: &str,
    ) -> Result<(Resolved, ObjId), EngineError> {
        let target = |type_id: TypeId| {
            let relation = self.names.relation_id(relation)?;
            let key = self.model.key(type_id, relation)?;
            self.model.relation(key).can_be_named.then_some(Resolved { relation, key })
        };
        let found = match own.known(self.names, object) {
            Known::Object(id, type_id) => target(type_id).map(|target| (target, id)),
            Known::Type(type_id) => target(type_id)
                .filter(|_| ObjectRef::parse(object).is_ok_and(|object| object.id != "*"))
                .map(|target| (target, own.name(object, type_id))),
            Known::Nothing => None,
        };
        match found {
            Some(found) => Ok(found),
            // The same rules again, for what to say.
            None => Err(self.target(object, relation).err().unwrap_or(EngineError::RelationNotFound {
                type_name: object.to_owned(),
                relation: relation.to_owned(),
            })),
        }
    }

    /// The user of a question as a subject.
    pub fn subject<'t>(&self, own: &mut Contextual<'t>, user: &'t str) -> Result<Subject, EngineError> {
        self.resolve_as_subject(own, user).map(|(_, subject)| subject).map_err(EngineError::invalid)
    }

    fn resolve_as_subject<'t>(
        &self,
        own: &mut Contextual<'t>,
        text: &'t str,
    ) -> Result<(Shape, Subject), String> {
        let known = own.known(self.names, text);
        if let Known::Object(id, type_id) = known
            && self.model.has_type(type_id)
        {
            let subject = Subject::Object(id);
            return Ok((Shape::of(subject, type_id), subject));
        }
        let user = self.resolve(text, known)?;
        let subject = match (user.wildcard, user.userset) {
            (true, _) => Subject::Wildcard(user.type_id),
            (false, None) => Subject::Object(own.name(text, user.type_id)),
            (false, Some(of)) => {
                let object = text.split('#').next().unwrap_or_default();
                let id = match own.known(self.names, object) {
                    Known::Object(id, _) => id,
                    _ => own.name(object, user.type_id),
                };
                Subject::Userset(id, of)
            }
        };
        Ok((user, subject))
    }

    /// Adds a tuple of the question itself, if it may be stored.
    pub fn add<'t>(&self, own: &mut Contextual<'t>, tuple: &'t TupleKey) -> Result<(), String> {
        let (target, object) = self.place(own, &tuple.object, &tuple.relation).map_err(|e| e.to_string())?;
        let (user, subject) = self.resolve_as_subject(own, &tuple.user)?;
        self.fits(tuple, target, user)?;
        let (relation, condition) = (target.relation, tuple.condition.as_ref());
        own.add(ContextualTuple { object, relation, subject, condition });
        Ok(())
    }

    /// A tuple as it may be stored: the model lists its user, and its condition fits.
    pub fn tuple(&self, tuple: &TupleKey) -> Result<(), String> {
        let target = self.target(&tuple.object, &tuple.relation).map_err(|e| e.to_string())?;
        self.fits(tuple, target, self.resolve(&tuple.user, Known::Nothing)?)
    }

    fn fits(&self, tuple: &TupleKey, target: Resolved, user: Shape) -> Result<(), String> {
        let admits = &self.model.relation(target.key).admits;
        if tuple.condition.is_none() && user.is_taken(admits, None) {
            return Ok(());
        }
        if !admits.shape(user.type_id, user.userset, user.wildcard) {
            return Err(format!(
                "`{}` is not an allowed type restriction for `{}`",
                tuple.user, tuple.relation
            ));
        }
        let condition = tuple.condition.as_ref().map(|c| c.name.as_str());
        if let Some(name) = condition
            && !self.model.source.conditions.contains_key(name)
        {
            return Err(format!("condition `{name}` is not defined in the model"));
        }
        if !user.is_taken(admits, tuple.condition.as_ref()) {
            return Err(match condition {
                Some(name) => format!("condition `{name}` is not allowed for `{}`", tuple.user),
                None => "a condition is required".to_owned(),
            });
        }
        if let Some(condition) = &tuple.condition {
            self.context(condition)?;
        }
        Ok(())
    }

    fn context(&self, condition: &TupleCondition) -> Result<(), String> {
        let context = &condition.context;
        let bytes: usize = context.iter().map(|(key, value)| key.len() + value.to_string().len()).sum();
        if bytes > self.condition_context_bytes_max {
            let limit = self.condition_context_bytes_max;
            return Err(format!("the condition context has {bytes} bytes, the limit is {limit}"));
        }
        if let Some((name, _)) = context.iter().find(|(name, value)| has_control(name) || controlled(value)) {
            return Err(format!("the value of parameter `{name}` has a control character"));
        }
        self.model.conditions().admits(condition)
    }
}

fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

/// Whether a text anywhere in a value has a control character.
fn controlled(value: &Value) -> bool {
    match value {
        Value::String(text) => has_control(text),
        Value::Array(items) => items.iter().any(controlled),
        Value::Object(fields) => fields.iter().any(|(name, value)| has_control(name) || controlled(value)),
        _ => false,
    }
}
