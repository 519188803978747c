//! Which keys and tuples a model accepts in requests: loosely for questions, strictly for tuples.

use fga_model::{Condition, ObjectRef, ParameterKind, ParameterType, TupleKey, UserRef, check_relation};
use serde_json::Value;

use crate::{
    EngineError,
    model::{CompiledModel, RelKey},
    names::{Names, RelId, TypeId},
};

/// A model with the names of its store.
#[derive(Clone, Copy)]
pub(crate) struct Admission<'a> {
    pub model: &'a CompiledModel,
    pub names: &'a Names,
    pub condition_context_bytes_max: usize,
}

/// The user of a key, resolved.
struct User {
    type_id: TypeId,
    userset: Option<RelId>,
    wildcard: bool,
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
    pub fn target(&self, object: &str, relation: &str) -> Result<RelKey, EngineError> {
        let object_ref = ObjectRef::parse(object).map_err(|e| EngineError::invalid(e.to_string()))?;
        if object_ref.id == "*" {
            return Err(EngineError::invalid(format!("object `{object}` must not be a wildcard")));
        }
        check_relation(relation).map_err(|e| EngineError::invalid(e.to_string()))?;
        if self.type_id(object_ref.type_name).is_none() {
            return Err(EngineError::TypeNotFound { type_name: object_ref.type_name.to_owned() });
        }
        self.key(object_ref.type_name, relation).ok_or_else(|| EngineError::RelationNotFound {
            type_name: object_ref.type_name.to_owned(),
            relation: relation.to_owned(),
        })
    }

    /// The user of a question: well-formed, its type and relation known.
    pub fn user(&self, user: &str) -> Result<(), EngineError> {
        self.resolve(user).map(drop).map_err(EngineError::invalid)
    }

    fn resolve(&self, user: &str) -> Result<User, String> {
        let parsed = UserRef::parse(user).map_err(|e| e.to_string())?;
        let type_name = parsed.type_name();
        let type_id = self.type_id(type_name).ok_or_else(|| format!("type '{type_name}' not found"))?;
        let mut resolved = User { type_id, userset: None, wildcard: matches!(parsed, UserRef::Wildcard(_)) };
        if let UserRef::Userset(_, relation) = parsed {
            if self.key(type_name, relation).is_none() {
                return Err(format!("relation '{type_name}#{relation}' not found"));
            }
            resolved.userset = self.names.relation_id(relation);
        }
        Ok(resolved)
    }

    /// A tuple as it may be stored: the model lists its user, and its condition fits.
    pub fn tuple(&self, tuple: &TupleKey) -> Result<(), String> {
        let key = self.target(&tuple.object, &tuple.relation).map_err(|e| e.to_string())?;
        let user = self.resolve(&tuple.user)?;
        let admits = &self.model.relation(key).admits;
        if !admits.shape(user.type_id, user.userset, user.wildcard) {
            return Err(format!(
                "`{}` is not an allowed type restriction for `{}`",
                tuple.user, tuple.relation
            ));
        }
        let condition = tuple.condition.as_ref().map(|c| c.name.as_str());
        let definition = match condition {
            Some(name) => {
                let defined = self.model.source.conditions.get(name);
                Some(defined.ok_or_else(|| format!("condition `{name}` is not defined in the model"))?)
            }
            None => None,
        };
        if !admits.allows(user.type_id, user.userset, user.wildcard, condition) {
            return Err(match condition {
                Some(name) => format!("condition `{name}` is not allowed for `{}`", tuple.user),
                None => "a condition is required".to_owned(),
            });
        }
        match (definition, &tuple.condition) {
            (Some(definition), Some(given)) => self.context(definition, &given.context),
            _ => Ok(()),
        }
    }

    fn context(&self, condition: &Condition, context: &crate::Context) -> Result<(), String> {
        let bytes: usize = context.iter().map(|(key, value)| key.len() + value.to_string().len()).sum();
        if bytes > self.condition_context_bytes_max {
            let limit = self.condition_context_bytes_max;
            return Err(format!("the condition context has {bytes} bytes, the limit is {limit}"));
        }
        for (name, value) in context {
            let Some(kind) = condition.parameters.get(name) else {
                return Err(format!("`{name}` is no parameter of condition `{}`", condition.name));
            };
            if has_control(name) || !convertible(kind, value) {
                return Err(format!("the value of parameter `{name}` is no `{kind}`"));
            }
        }
        Ok(())
    }
}

fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

/// Whether a JSON value can stand for a parameter of a type.
fn convertible(kind: &ParameterType, value: &Value) -> bool {
    let element = |value: &Value| kind.generics.first().is_none_or(|inner| convertible(inner, value));
    let text = value.as_str();
    if text.is_some_and(has_control) {
        return false;
    }
    match kind.kind {
        ParameterKind::Any | ParameterKind::Unspecified => true,
        ParameterKind::Bool => value.is_boolean(),
        ParameterKind::String => value.is_string(),
        ParameterKind::Int => match text {
            Some(text) => text.parse::<i64>().is_ok(),
            None => value.as_f64().is_some_and(|n| n.fract() == 0.0),
        },
        ParameterKind::Uint => match text {
            Some(text) => text.parse::<u64>().is_ok(),
            None => value.as_f64().is_some_and(|n| n.fract() == 0.0 && n >= 0.0),
        },
        ParameterKind::Double => match text {
            Some(text) => text.parse::<f64>().is_ok_and(f64::is_finite),
            None => value.is_number(),
        },
        ParameterKind::Duration => text.is_some_and(is_duration),
        ParameterKind::Timestamp => text.is_some_and(|t| t.parse::<jiff::Timestamp>().is_ok()),
        ParameterKind::IpAddress => text.is_some_and(|t| t.parse::<std::net::IpAddr>().is_ok()),
        ParameterKind::List => value.as_array().is_some_and(|all| all.iter().all(element)),
        ParameterKind::Map => value.as_object().is_some_and(|all| all.values().all(element)),
    }
}

/// Durations as Go writes them: `1h30m`, `250ms`, `-1.5s`, `0`.
fn is_duration(text: &str) -> bool {
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return true;
    }
    let mut parts = 0;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let (digits, after) = rest.split_at(number);
        let unit = ["ns", "us", "µs", "ms", "s", "m", "h"]
            .into_iter()
            .filter(|unit| after.starts_with(unit))
            .max_by_key(|unit| unit.len());
        let (Some(unit), Ok(_)) = (unit, digits.parse::<f64>()) else { return false };
        rest = after.get(unit.len()..).unwrap_or_default();
        parts += 1;
    }
    parts > 0
}
