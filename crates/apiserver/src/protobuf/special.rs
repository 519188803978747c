//! Types whose JSON is not their message: times, quantities, numbers or text, free JSON, schemas or something else.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    ProtobufError,
    message::Decoder,
    wire::{Reader, signed},
};
use crate::builtin::{Type, table};

/// A time in seconds; null for the zero time.
pub(super) fn time(name: &str, reader: Reader<'_>) -> Result<Value, ProtobufError> {
    timestamp(name, reader, "%Y-%m-%dT%H:%M:%SZ")
}

/// A time in microseconds; null for the zero time.
pub(super) fn micro_time(name: &str, reader: Reader<'_>) -> Result<Value, ProtobufError> {
    timestamp(name, reader, "%Y-%m-%dT%H:%M:%S.%6fZ")
}

fn timestamp(name: &str, mut reader: Reader<'_>, format: &str) -> Result<Value, ProtobufError> {
    if reader.is_empty() {
        return Ok(Value::Null);
    }
    let start = reader;
    let (mut seconds, mut nanos) = (0, 0);
    while let Some(field) = reader.next(name)? {
        match field.number {
            1 => seconds = signed(field.number(name)?),
            2 => nanos = signed(field.number(name)?),
            _ => {}
        }
    }
    let nanos = i32::try_from(nanos).map_err(|_| start.fault(name, "nanoseconds out of range"))?;
    let time = Timestamp::new(seconds, nanos).map_err(|_| start.fault(name, "the time is out of range"))?;
    Ok(time.strftime(format).to_string().into())
}

/// A quantity: its text.
pub(super) fn quantity(name: &str, mut reader: Reader<'_>) -> Result<Value, ProtobufError> {
    let mut text = String::new();
    while let Some(field) = reader.next(name)? {
        if field.number == 1 {
            text = field.text(name)?;
        }
    }
    Ok(if text.is_empty() { "0".into() } else { text.into() })
}

/// A number or a text.
pub(super) fn int_or_string(name: &str, mut reader: Reader<'_>) -> Result<Value, ProtobufError> {
    let (mut is_text, mut number, mut text) = (false, 0, String::new());
    while let Some(field) = reader.next(name)? {
        match field.number {
            1 => is_text = field.number(name)? == 1,
            2 => number = signed(field.number(name)?),
            3 => text = field.text(name)?,
            _ => {}
        }
    }
    Ok(if is_text { text.into() } else { number.into() })
}

/// Free JSON, carried as bytes; null if empty.
pub(super) fn raw(name: &str, mut reader: Reader<'_>) -> Result<Value, ProtobufError> {
    let mut value = Value::Null;
    while let Some(field) = reader.next(name)? {
        if field.number == 1 {
            let content = field.content(name)?;
            if !content.is_empty() {
                let json = serde_json::from_slice(content.bytes());
                value = json.map_err(|e| content.fault(name, format!("not JSON: {e}")))?;
            }
        }
    }
    Ok(value)
}

/// A list of text that is a message of its own.
pub(super) fn items(name: &str, mut reader: Reader<'_>) -> Result<Value, ProtobufError> {
    let mut items = Vec::new();
    while let Some(field) = reader.next(name)? {
        if field.number == 1 {
            items.push(Value::from(field.text(name)?));
        }
    }
    Ok(Value::Array(items))
}

/// A JSON schema, or else a boolean, a list of schemas, a list of property names.
pub(super) fn schema_or(
    decoder: &mut Decoder,
    ty: Type,
    name: &str,
    mut reader: Reader<'_>,
) -> Result<Value, ProtobufError> {
    let Some(schema) = table().named("apiextensions/v1.JSONSchemaProps") else { return Ok(Value::Null) };
    let (schema_number, other_number) = if ty == Type::SchemaOrBool { (2, 1) } else { (1, 2) };
    let (mut one, mut allowed, mut many) = (None, false, Vec::new());
    while let Some(field) = reader.next(name)? {
        match (field.number, ty) {
            (n, _) if n == schema_number => one = Some(decoder.message(schema, field.content(name)?)?),
            (n, Type::SchemaOrBool) if n == other_number => allowed = field.number(name)? != 0,
            (n, Type::SchemaOrArray) if n == other_number => {
                many.push(Value::Object(decoder.message(schema, field.content(name)?)?));
            }
            (n, Type::SchemaOrStrings) if n == other_number => many.push(field.text(name)?.into()),
            _ => {}
        }
    }
    Ok(match (one, ty) {
        (Some(schema), _) => Value::Object(schema),
        (None, Type::SchemaOrBool) => allowed.into(),
        (None, _) => Value::Array(many),
    })
}
