//! Messages, read by the table of built-in kinds.

use base64::Engine as _;
use serde_json::{Map, Value};

use super::{
    ProtobufError, special,
    wire::{Reader, WireField, signed},
};
use crate::builtin::{Field, Many, Message, Type, table};

/// Deeper messages are refused.
const DEPTH_MAX: usize = 128;
/// Bodies with more values are refused.
const VALUES_MAX: usize = 500_000;

/// Reads one body: counts its values, knows its place.
pub(super) struct Decoder {
    path: Vec<&'static str>,
    values: usize,
}

impl Decoder {
    pub(super) fn new() -> Self {
        Self { path: Vec::new(), values: 0 }
    }

    /// The dotted name of the current place.
    pub(super) fn place(&self) -> String {
        if self.path.is_empty() { "object".to_owned() } else { self.path.join(".") }
    }

    /// Reads a message.
    pub(super) fn message(
        &mut self,
        message: &'static Message,
        mut reader: Reader<'_>,
    ) -> Result<Map<String, Value>, ProtobufError> {
        if self.path.len() > DEPTH_MAX {
            return Err(reader.fault(&self.place(), format!("nests deeper than {DEPTH_MAX} levels")));
        }
        let mut object = Map::new();
        loop {
            let place = reader;
            let Some(wire) = reader.next(self.path.last().copied().unwrap_or("object"))? else { break };
            // Fields of newer versions are none of ours.
            let Some(field) = message.by_number(wire.number) else { continue };
            self.values += 1;
            if self.values > VALUES_MAX {
                return Err(place.fault(&self.place(), format!("more than {VALUES_MAX} values")));
            }
            self.path.push(&field.name);
            self.field(field, wire, &mut object)?;
            self.path.pop();
        }
        complete(message, &mut object);
        Ok(object)
    }

    fn field(
        &mut self,
        field: &'static Field,
        wire: WireField<'_>,
        object: &mut Map<String, Value>,
    ) -> Result<(), ProtobufError> {
        match field.many {
            Many::One => {
                let value = self.value(field.ty, wire)?;
                match (value, field.name.as_str()) {
                    // Fields of an embedded message stand in the object itself.
                    (Value::Object(embedded), "-") => object.extend(embedded),
                    (value, name) if is_left_out(field, &value) => drop(object.remove(name)),
                    (value, name) => drop(object.insert(name.to_owned(), value)),
                }
            }
            Many::List => {
                let list = object.entry(field.name.as_str()).or_insert_with(|| Value::Array(Vec::new()));
                let Value::Array(list) = list else { return Ok(()) };
                let numbers = matches!(field.ty, Type::Int32 | Type::Int64 | Type::Bool);
                if numbers && wire.is_bytes() {
                    let mut packed = wire.content(&field.name)?;
                    while let Some(number) = packed.packed(&field.name)? {
                        self.values += 1;
                        list.push(whole(field.ty, number));
                    }
                } else {
                    list.push(self.value(field.ty, wire)?);
                }
            }
            Many::Map => {
                let (key, value) = self.entry(field.ty, wire)?;
                let map = object.entry(field.name.as_str()).or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(map) = map {
                    map.insert(key, value);
                }
            }
        }
        Ok(())
    }

    fn entry(&mut self, ty: Type, wire: WireField<'_>) -> Result<(String, Value), ProtobufError> {
        let mut reader = wire.content(&self.place())?;
        let (mut key, mut value) = (String::new(), empty(ty));
        while let Some(part) = reader.next("map entry")? {
            match part.number {
                1 => key = part.text("key")?,
                2 => value = self.value(ty, part)?,
                _ => {}
            }
        }
        Ok((key, value))
    }

    /// Reads one value; null stands for an absent one.
    pub(super) fn value(&mut self, ty: Type, wire: WireField<'_>) -> Result<Value, ProtobufError> {
        let name = self.path.last().copied().unwrap_or("object");
        Ok(match ty {
            Type::String => wire.text(name)?.into(),
            Type::Bytes => {
                base64::engine::general_purpose::STANDARD.encode(wire.content(name)?.bytes()).into()
            }
            Type::Bool | Type::Int32 | Type::Int64 => whole(ty, wire.number(name)?),
            Type::Float64 => {
                let fraction = wire.fraction(name)?;
                let number = serde_json::Number::from_f64(fraction);
                Value::Number(number.ok_or_else(|| wire.fault(name, "the fraction is not finite"))?)
            }
            Type::Message(index) => match table().message(index) {
                Some(message) => Value::Object(self.message(message, wire.content(name)?)?),
                None => Value::Null,
            },
            Type::Time => special::time(name, wire.content(name)?)?,
            Type::MicroTime => special::micro_time(name, wire.content(name)?)?,
            Type::Quantity => special::quantity(name, wire.content(name)?)?,
            Type::IntOrString => special::int_or_string(name, wire.content(name)?)?,
            Type::Raw => special::raw(name, wire.content(name)?)?,
            Type::Items => special::items(name, wire.content(name)?)?,
            Type::SchemaOrBool | Type::SchemaOrArray | Type::SchemaOrStrings => {
                special::schema_or(self, ty, name, wire.content(name)?)?
            }
        })
    }
}

fn whole(ty: Type, number: u64) -> Value {
    match ty {
        Type::Bool => (number != 0).into(),
        _ => signed(number).into(),
    }
}

fn empty(ty: Type) -> Value {
    match ty {
        Type::String | Type::Bytes | Type::Quantity => "".into(),
        Type::Message(_) => Value::Object(Map::new()),
        Type::Items => Value::Array(Vec::new()),
        _ => Value::Null,
    }
}

/// Whether JSON leaves the value out. Clients write zero values of plain fields on the wire.
fn is_left_out(field: &Field, value: &Value) -> bool {
    let zero = match value {
        Value::Null => return true,
        Value::Bool(b) => !b,
        Value::Number(n) => n.as_f64() == Some(0.0),
        Value::String(s) => s.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty() && field.name != "metadata",
    };
    zero && field.omit_empty && !field.optional
}

/// Lists and maps that JSON always shows are empty when nothing of them was sent.
fn complete(message: &Message, object: &mut Map<String, Value>) {
    for field in message.fields.iter().filter(|f| !f.omit_empty && !f.optional) {
        let none = match field.many {
            Many::One => continue,
            Many::List => Value::Array(Vec::new()),
            Many::Map => Value::Object(Map::new()),
        };
        object.entry(field.name.as_str()).or_insert(none);
    }
}
