//! Messages as JSON, as OpenFGA's HTTP API has them: names in snake case but for two, enums as words, fields that are
//! not set as their default or `null`; fields that nobody knows are passed over.

use std::sync::LazyLock;

use prost_reflect::{
    Cardinality, DescriptorPool, DeserializeOptions, DynamicMessage, Kind, MessageDescriptor,
    SerializeOptions,
};
use serde_json::Value;

use crate::FILE_DESCRIPTORS;

/// JSON that is no such message, or a message that no JSON can be.
#[derive(Debug, thiserror::Error)]
pub enum JsonWireError {
    /// The text does not fit the message.
    #[error("{message}")]
    Shape {
        /// What does not fit, and where.
        message: String,
    },
    /// The protocol has no message of this name.
    #[error("the protocol has no message `{name}`")]
    Unknown {
        /// The name asked for.
        name: String,
    },
}

static POOL: LazyLock<Option<DescriptorPool>> =
    LazyLock::new(|| DescriptorPool::decode(FILE_DESCRIPTORS).ok());

fn descriptor(name: &str) -> Result<MessageDescriptor, JsonWireError> {
    let found = POOL.as_ref().and_then(|pool| pool.get_message_by_name(&format!("openfga.v1.{name}")));
    found.ok_or_else(|| JsonWireError::Unknown { name: name.to_owned() })
}

fn shape(error: impl std::fmt::Display) -> JsonWireError {
    JsonWireError::Shape { message: error.to_string() }
}

/// Reads the message `name` of the protocol from JSON. Both spellings of names are taken.
///
/// # Errors
/// A value of the wrong type.
pub fn from_json<M: prost::Message + Default>(name: &str, json: Value) -> Result<M, JsonWireError> {
    let options = DeserializeOptions::new().deny_unknown_fields(false);
    let message =
        DynamicMessage::deserialize_with_options(descriptor(name)?, json, &options).map_err(shape)?;
    message.transcode_to().map_err(shape)
}

/// The message `name` of the protocol as JSON.
///
/// # Errors
/// The message is of another name.
pub fn to_json<M: prost::Message>(name: &str, message: &M) -> Result<Value, JsonWireError> {
    let descriptor = descriptor(name)?;
    let mut dynamic = DynamicMessage::new(descriptor.clone());
    dynamic.transcode_from(message).map_err(shape)?;
    let options = SerializeOptions::new().skip_default_fields(false);
    let mut json = dynamic.serialize_with_options(serde_json::value::Serializer, &options).map_err(shape)?;
    fill(&descriptor, &mut json);
    Ok(json)
}

/// Writes `null` for messages that are not set, as OpenFGA does.
fn fill(descriptor: &MessageDescriptor, json: &mut Value) {
    let Value::Object(fields) = json else { return };
    for field in descriptor.fields() {
        let Kind::Message(inner) = field.kind() else { continue };
        let single = field.cardinality() != Cardinality::Repeated;
        if single && field.containing_oneof().is_none() && !fields.contains_key(field.json_name()) {
            fields.insert(field.json_name().to_owned(), Value::Null);
        }
        let Some(value) = fields.get_mut(field.json_name()) else { continue };
        if inner.full_name().starts_with("google.protobuf.") {
            continue;
        }
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| fill(&inner, item)),
            Value::Object(entries) if field.is_map() => {
                if let Kind::Message(of) = inner.map_entry_value_field().kind()
                    && !of.full_name().starts_with("google.protobuf.")
                {
                    entries.values_mut().for_each(|entry| fill(&of, entry));
                }
            }
            value => fill(&inner, value),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire;

    #[test]
    fn fga_01_messages_have_the_names_and_defaults_of_openfga_in_json() -> Result<(), JsonWireError> {
        let read: wire::WriteAuthorizationModelRequest = from_json(
            "WriteAuthorizationModelRequest",
            json!({"schema_version": "1.1", "nobody knows": 1, "type_definitions": [
                {"type": "user"},
                {"type": "doc", "relations": {
                    "parent": {"this": {}},
                    "viewer": {"tupleToUserset": {"tupleset": {"relation": "parent"}, "computed_userset": {"relation": "viewer"}}}},
                 "metadata": {"relations": {"parent": {"directly_related_user_types": [{"type": "doc"}]}}}}]}),
        )?;
        let doc = &read.type_definitions[1];
        assert!(doc.relations["viewer"].userset.is_some());
        let model =
            wire::AuthorizationModel { type_definitions: read.type_definitions, ..Default::default() };
        let text = to_json("AuthorizationModel", &model)?;
        let viewer = &text["type_definitions"][1]["relations"]["viewer"]["tupleToUserset"];
        assert_eq!(
            viewer,
            &json!({
            "tupleset": {"object": "", "relation": "parent"},
            "computedUserset": {"object": "", "relation": "viewer"}})
        );
        assert_eq!(text["type_definitions"][0]["metadata"], Value::Null);
        let allowed = to_json("CheckResponse", &wire::CheckResponse::default())?;
        assert_eq!(allowed, json!({"allowed": false, "resolution": ""}));
        assert!(from_json::<wire::CheckRequest>("CheckRequest", json!({"tuple_key": "no"})).is_err());
        Ok(())
    }

    #[test]
    fn fga_01_enums_are_words_and_times_are_texts() -> Result<(), JsonWireError> {
        let request: wire::CheckRequest = from_json(
            "CheckRequest",
            json!({"consistency": "HIGHER_CONSISTENCY", "context": {"n": 3, "l": ["a", null]}}),
        )?;
        assert_eq!(request.consistency, 200);
        assert_eq!(request.context.map(|c| c.fields.len()), Some(2));
        let read: wire::ReadRequest = from_json("ReadRequest", json!({"page_size": 7}))?;
        assert_eq!(read.page_size, Some(7));
        let change = wire::TupleChange {
            operation: 1,
            timestamp: Some(prost_types::Timestamp { seconds: 1, nanos: 0 }),
            ..Default::default()
        };
        let text = to_json("TupleChange", &change)?;
        assert_eq!(text["operation"], "TUPLE_OPERATION_DELETE");
        assert_eq!(text["timestamp"], "1970-01-01T00:00:01Z");
        Ok(())
    }
}
