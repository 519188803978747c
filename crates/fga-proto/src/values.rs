//! Tuples, contexts and timestamps as messages.

use fga_model::{TupleCondition, TupleKey};
use jiff::Timestamp;
use prost_types::{ListValue, Struct, Value, value::Kind};

use crate::wire;

type Context = serde_json::Map<String, serde_json::Value>;

/// A context as a message; numbers become doubles, as the wire has no others.
pub fn context_to_wire(context: &Context) -> Struct {
    Struct { fields: context.iter().map(|(key, value)| (key.clone(), value_to_wire(value))).collect() }
}

fn value_to_wire(value: &serde_json::Value) -> Value {
    let kind = match value {
        serde_json::Value::Null => Kind::NullValue(0),
        serde_json::Value::Bool(truth) => Kind::BoolValue(*truth),
        serde_json::Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or_default()),
        serde_json::Value::String(text) => Kind::StringValue(text.clone()),
        serde_json::Value::Array(list) => {
            Kind::ListValue(ListValue { values: list.iter().map(value_to_wire).collect() })
        }
        serde_json::Value::Object(map) => Kind::StructValue(context_to_wire(map)),
    };
    Value { kind: Some(kind) }
}

/// A context from a message; whole numbers become integers.
pub fn context_from_wire(context: Struct) -> Context {
    context.fields.into_iter().map(|(key, value)| (key, value_from_wire(value))).collect()
}

fn value_from_wire(value: Value) -> serde_json::Value {
    match value.kind {
        None | Some(Kind::NullValue(_)) => serde_json::Value::Null,
        Some(Kind::BoolValue(truth)) => truth.into(),
        Some(Kind::NumberValue(number)) => number_from_wire(number),
        Some(Kind::StringValue(text)) => text.into(),
        Some(Kind::ListValue(list)) => list.values.into_iter().map(value_from_wire).collect(),
        Some(Kind::StructValue(map)) => context_from_wire(map).into(),
    }
}

fn number_from_wire(number: f64) -> serde_json::Value {
    // Up to 2^53 a double holds whole numbers exactly.
    let whole = number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0;
    if whole { serde_json::Value::from(number as i64) } else { serde_json::Value::from(number) }
}

/// A time as a message.
pub fn timestamp_to_wire(time: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() }
}

/// A time from a message; `None` outside the range that times have.
pub fn timestamp_from_wire(time: &prost_types::Timestamp) -> Option<Timestamp> {
    Timestamp::new(time.seconds, time.nanos).ok()
}

impl From<TupleKey> for wire::TupleKey {
    fn from(key: TupleKey) -> Self {
        let condition = key.condition.map(|condition| wire::RelationshipCondition {
            name: condition.name,
            context: (!condition.context.is_empty()).then(|| context_to_wire(&condition.context)),
        });
        Self { user: key.user, relation: key.relation, object: key.object, condition }
    }
}

impl From<wire::TupleKey> for TupleKey {
    fn from(key: wire::TupleKey) -> Self {
        let condition = key.condition.filter(|c| !c.name.is_empty()).map(|condition| TupleCondition {
            name: condition.name,
            context: condition.context.map(context_from_wire).unwrap_or_default(),
        });
        Self { object: key.object, relation: key.relation, user: key.user, condition }
    }
}

impl From<TupleKey> for wire::TupleKeyWithoutCondition {
    fn from(key: TupleKey) -> Self {
        Self { user: key.user, relation: key.relation, object: key.object }
    }
}

impl From<wire::TupleKeyWithoutCondition> for TupleKey {
    fn from(key: wire::TupleKeyWithoutCondition) -> Self {
        TupleKey::new(key.object, key.relation, key.user)
    }
}

impl From<Vec<TupleKey>> for wire::ContextualTupleKeys {
    fn from(keys: Vec<TupleKey>) -> Self {
        Self { tuple_keys: keys.into_iter().map(Into::into).collect() }
    }
}

impl From<wire::ContextualTupleKeys> for Vec<TupleKey> {
    fn from(keys: wire::ContextualTupleKeys) -> Self {
        keys.tuple_keys.into_iter().map(Into::into).collect()
    }
}

impl From<wire::User> for String {
    /// The user in the notation of tuples; empty for a message without content.
    fn from(user: wire::User) -> Self {
        match user.user {
            Some(wire::user::User::Object(object)) => format!("{}:{}", object.r#type, object.id),
            Some(wire::user::User::Userset(set)) => format!("{}:{}#{}", set.r#type, set.id, set.relation),
            Some(wire::user::User::Wildcard(wildcard)) => format!("{}:*", wildcard.r#type),
            None => String::new(),
        }
    }
}

impl From<&str> for wire::User {
    /// Splits a user in the notation of tuples.
    fn from(text: &str) -> Self {
        let (object, relation) = text.split_once('#').map_or((text, None), |(o, r)| (o, Some(r)));
        let (type_name, id) = object.split_once(':').unwrap_or((object, ""));
        let (r#type, id) = (type_name.to_owned(), id.to_owned());
        let user = match relation {
            Some(relation) => {
                wire::user::User::Userset(wire::UsersetUser { r#type, id, relation: relation.to_owned() })
            }
            None if id == "*" => wire::user::User::Wildcard(wire::TypedWildcard { r#type }),
            None => wire::user::User::Object(wire::Object { r#type, id }),
        };
        Self { user: Some(user) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fga_01_tuples_contexts_and_users_survive_the_wire() -> Result<(), serde_json::Error> {
        let context: Context = serde_json::from_str(r#"{"n":3,"f":2.5,"l":["a",null,true],"m":{"k":"v"}}"#)?;
        let key = TupleKey::new("document:1", "viewer", "user:anne").with_condition("c", context);
        assert_eq!(TupleKey::from(wire::TupleKey::from(key.clone())), key);
        for user in ["user:anne", "group:1#member", "user:*"] {
            assert_eq!(String::from(wire::User::from(user)), user);
        }
        let time = Timestamp::UNIX_EPOCH;
        assert_eq!(timestamp_from_wire(&timestamp_to_wire(time)), Some(time));
        Ok(())
    }
}
