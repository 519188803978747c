//! Values of an evaluation: views into JSON where nothing was computed, owned where something was.

use std::{cmp::Ordering, sync::Arc};

use base64::Engine as _;
use jiff::{SignedDuration, Timestamp};
use kube_cel::cel::Value as LibraryValue;
use serde_json::{Map, Value};

use crate::shape::{DYN, Shape};

/// A value that borrows from the JSON it views, for `'a`.
#[derive(Debug, Clone)]
pub(crate) enum Val<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Text<'a>),
    Bytes(Arc<[u8]>),
    Timestamp(Timestamp),
    Duration(SignedDuration),
    /// A list in JSON.
    View(&'a [Value], &'a Shape),
    /// An object or map in JSON.
    Object(&'a Map<String, Value>, &'a Shape),
    List(Arc<Vec<Val<'a>>>),
    Map(Arc<Vec<(Val<'a>, Val<'a>)>>),
    Optional(Option<Arc<Val<'a>>>),
    Type(&'static str),
    /// A quantity, address, URL or version of the Kubernetes libraries.
    Library(LibraryValue),
}

/// A string that is borrowed where it can be.
#[derive(Debug, Clone)]
pub(crate) enum Text<'a> {
    Borrowed(&'a str),
    Shared(Arc<str>),
}

impl Text<'_> {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Shared(text) => text,
        }
    }
}

impl From<String> for Val<'_> {
    fn from(text: String) -> Self {
        Val::Text(Text::Shared(text.into()))
    }
}

impl<'a> Val<'a> {
    /// Views JSON as what `shape` declares; JSON that is something else is viewed as it is.
    pub(crate) fn view(value: &'a Value, shape: &'a Shape) -> Val<'a> {
        match value {
            Value::Null => Val::Null,
            Value::Bool(value) => Val::Bool(*value),
            Value::Number(number) => match shape {
                Shape::Double => Val::Double(number.as_f64().unwrap_or_default()),
                Shape::Int if number.is_f64() => Val::Int(number.as_f64().unwrap_or_default() as i64),
                _ => match (number.as_i64(), number.as_u64()) {
                    (Some(number), _) => Val::Int(number),
                    (None, Some(number)) => Val::Uint(number),
                    _ => Val::Double(number.as_f64().unwrap_or_default()),
                },
            },
            Value::String(text) => view_text(text, shape),
            Value::Array(list) => Val::View(list, shape),
            Value::Object(map) => Val::Object(map, shape),
        }
    }

    pub(crate) fn list(items: Vec<Val<'a>>) -> Self {
        Val::List(Arc::new(items))
    }

    /// The name of the type, as `type()` gives it and errors print it.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Val::Null => "null_type",
            Val::Bool(_) => "bool",
            Val::Int(_) => "int",
            Val::Uint(_) => "uint",
            Val::Double(_) => "double",
            Val::Text(_) => "string",
            Val::Bytes(_) => "bytes",
            Val::Timestamp(_) => "timestamp",
            Val::Duration(_) => "duration",
            Val::View(..) | Val::List(_) => "list",
            Val::Object(..) | Val::Map(_) => "map",
            Val::Optional(_) => "optional_type",
            Val::Type(_) => "type",
            Val::Library(_) => "object",
        }
    }

    /// The value as JSON, where JSON can hold it.
    pub(crate) fn to_json(&self) -> Option<Value> {
        Some(match self {
            Val::Null => Value::Null,
            Val::Bool(value) => (*value).into(),
            Val::Int(value) => (*value).into(),
            Val::Uint(value) => (*value).into(),
            Val::Double(value) => (*value).into(),
            Val::Text(text) => text.as_str().into(),
            Val::Bytes(bytes) => base64::engine::general_purpose::STANDARD.encode(bytes).into(),
            Val::Timestamp(time) => time.to_string().into(),
            // As Go reads it back; nine digits keep every nanosecond.
            Val::Duration(time) => {
                let sign = if time.is_negative() { "-" } else { "" };
                let (seconds, nanos) = (time.as_secs().unsigned_abs(), time.subsec_nanos().unsigned_abs());
                format!("{sign}{seconds}.{nanos:09}s").into()
            }
            Val::View(list, _) => Value::Array(list.to_vec()),
            Val::Object(map, _) => Value::Object((*map).clone()),
            Val::List(list) => Value::Array(list.iter().map(Val::to_json).collect::<Option<_>>()?),
            Val::Map(pairs) => {
                let pair = |(key, value): &(Val<'a>, Val<'a>)| match key {
                    Val::Text(key) => Some((key.as_str().to_owned(), value.to_json()?)),
                    _ => None,
                };
                Value::Object(pairs.iter().map(pair).collect::<Option<_>>()?)
            }
            Val::Optional(Some(value)) => value.to_json()?,
            Val::Optional(None) | Val::Type(_) | Val::Library(_) => return None,
        })
    }

    /// Entries of a list; none for anything else.
    pub(crate) fn entries(&self) -> Option<Entries<'_, 'a>> {
        match self {
            Val::View(list, shape) => Some(Entries::View(list, item_shape(shape))),
            Val::List(list) => Some(Entries::Owned(list)),
            _ => None,
        }
    }

    /// Entries of a list, keys of a map: what macros go over.
    pub(crate) fn length(&self) -> Option<usize> {
        match self {
            Val::Object(map, _) => Some(map.len()),
            Val::Map(map) => Some(map.len()),
            Val::Text(text) => Some(text.as_str().chars().count()),
            Val::Bytes(bytes) => Some(bytes.len()),
            other => other.entries().map(|entries| entries.len()),
        }
    }

    /// Key and value pairs of a map.
    pub(crate) fn pairs(&self) -> Option<Vec<(Val<'a>, Val<'a>)>> {
        match self {
            Val::Object(map, shape) => Some(
                map.iter()
                    .map(|(key, value)| {
                        (Val::Text(Text::Borrowed(key)), Val::view(value, value_shape(shape, key)))
                    })
                    .collect(),
            ),
            Val::Map(map) => Some(map.as_ref().clone()),
            _ => None,
        }
    }

    /// The value of a map under `key`.
    pub(crate) fn get(&self, key: &Val<'_>) -> Option<Val<'a>> {
        match self {
            Val::Object(map, shape) => match key {
                Val::Text(key) => {
                    map.get(key.as_str()).map(|value| Val::view(value, value_shape(shape, key.as_str())))
                }
                _ => None,
            },
            Val::Map(map) => map.iter().find(|(known, _)| known.equals(key)).map(|(_, value)| value.clone()),
            _ => None,
        }
    }

    /// The value of a field, which an object with declared fields spells `key` and a map spells `written`.
    pub(crate) fn field(&self, written: &str, key: &str) -> Option<Val<'a>> {
        match self {
            Val::Object(map, shape) => {
                let name = if matches!(shape, Shape::Object { .. }) { key } else { written };
                let value = map.get(name)?;
                // A null field counts as absent, as it does after decoding into a typed object.
                if value.is_null() && !matches!(shape, Shape::Dyn) {
                    return Some(Val::Null);
                }
                Some(Val::view(value, value_shape(shape, name)))
            }
            Val::Map(map) => map
                .iter()
                .find(|(known, _)| matches!(known, Val::Text(text) if text.as_str() == written))
                .map(|(_, value)| value.clone()),
            _ => None,
        }
    }

    /// Equality as CEL has it: numbers across types, anything else of different types is unequal.
    pub(crate) fn equals(&self, other: &Val<'_>) -> bool {
        match (self, other) {
            (Val::Null, Val::Null) => true,
            (Val::Bool(a), Val::Bool(b)) => a == b,
            (Val::Text(a), Val::Text(b)) => a.as_str() == b.as_str(),
            (Val::Bytes(a), Val::Bytes(b)) => a == b,
            (Val::Timestamp(a), Val::Timestamp(b)) => a == b,
            (Val::Duration(a), Val::Duration(b)) => a == b,
            (Val::Type(a), Val::Type(b)) => a == b,
            (Val::Optional(a), Val::Optional(b)) => match (a, b) {
                (Some(a), Some(b)) => a.equals(b),
                (None, None) => true,
                _ => false,
            },
            (Val::Library(a), Val::Library(b)) => a == b,
            _ if self.is_number() && other.is_number() => self.compare(other) == Some(Ordering::Equal),
            _ => match (self.entries(), other.entries()) {
                (Some(a), Some(b)) => same_entries(&a, &b, self.unordered() || other.unordered()),
                _ => self.same_map(other),
            },
        }
    }

    fn unordered(&self) -> bool {
        matches!(self, Val::View(_, Shape::List { unordered: true, .. }))
    }

    fn same_map(&self, other: &Val<'_>) -> bool {
        let (Some(a), Some(b)) = (self.pairs(), other.pairs()) else { return false };
        a.len() == b.len()
            && a.iter().all(|(key, value)| other.get(key).is_some_and(|found| value.equals(&found)))
    }

    fn is_number(&self) -> bool {
        matches!(self, Val::Int(_) | Val::Uint(_) | Val::Double(_))
    }

    /// Order as CEL has it; none where values have no order.
    pub(crate) fn compare(&self, other: &Val<'_>) -> Option<Ordering> {
        match (self, other) {
            (Val::Int(a), Val::Int(b)) => Some(a.cmp(b)),
            (Val::Uint(a), Val::Uint(b)) => Some(a.cmp(b)),
            (Val::Int(a), Val::Uint(b)) => Some(u64::try_from(*a).map_or(Ordering::Less, |a| a.cmp(b))),
            (Val::Uint(a), Val::Int(b)) => Some(u64::try_from(*b).map_or(Ordering::Greater, |b| a.cmp(&b))),
            (Val::Bool(a), Val::Bool(b)) => Some(a.cmp(b)),
            (Val::Text(a), Val::Text(b)) => Some(a.as_str().cmp(b.as_str())),
            (Val::Bytes(a), Val::Bytes(b)) => Some(a.cmp(b)),
            (Val::Timestamp(a), Val::Timestamp(b)) => Some(a.cmp(b)),
            (Val::Duration(a), Val::Duration(b)) => Some(a.cmp(b)),
            _ => self.as_double()?.partial_cmp(&other.as_double()?),
        }
    }

    fn as_double(&self) -> Option<f64> {
        match self {
            Val::Int(value) => Some(*value as f64),
            Val::Uint(value) => Some(*value as f64),
            Val::Double(value) => Some(*value),
            _ => None,
        }
    }

    /// Units of size, for the meter: characters, bytes, entries with all below them; stops counting at `most`.
    pub(crate) fn size(&self, most: u64) -> u64 {
        match self {
            Val::Text(text) => text.as_str().len() as u64 / 10 + 1,
            Val::Bytes(bytes) => bytes.len() as u64 / 10 + 1,
            Val::View(list, _) => {
                list.iter().fold(1, |sum, value| grow(sum, most, |left| json_size(value, left)))
            }
            Val::Object(map, _) => {
                map.values().fold(1, |sum, value| grow(sum, most, |left| json_size(value, left)))
            }
            Val::List(list) => list.iter().fold(1, |sum, value| grow(sum, most, |left| value.size(left))),
            Val::Map(map) => map.iter().fold(1, |sum, (_, value)| grow(sum, most, |left| value.size(left))),
            Val::Optional(Some(value)) => value.size(most),
            _ => 1,
        }
    }
}

fn grow(sum: u64, most: u64, size: impl FnOnce(u64) -> u64) -> u64 {
    if sum >= most { sum } else { sum.saturating_add(size(most - sum)) }
}

fn json_size(value: &Value, most: u64) -> u64 {
    match value {
        Value::String(text) => text.len() as u64 / 10 + 1,
        Value::Array(list) => {
            list.iter().fold(1, |sum, value| grow(sum, most, |left| json_size(value, left)))
        }
        Value::Object(map) => {
            map.values().fold(1, |sum, value| grow(sum, most, |left| json_size(value, left)))
        }
        _ => 1,
    }
}

fn same_entries(a: &Entries<'_, '_>, b: &Entries<'_, '_>, unordered: bool) -> bool {
    if a.len() != b.len() {
        return false;
    }
    if !unordered {
        return (0..a.len()).all(|i| matches!((a.get(i), b.get(i)), (Some(a), Some(b)) if a.equals(&b)));
    }
    let mut taken = vec![false; b.len()];
    (0..a.len()).all(|i| {
        let Some(entry) = a.get(i) else { return false };
        match (0..b.len()).find(|j| !taken[*j] && b.get(*j).is_some_and(|other| entry.equals(&other))) {
            Some(j) => {
                taken[j] = true;
                true
            }
            None => false,
        }
    })
}

/// Entries of a list, whether it is viewed or owned.
pub(crate) enum Entries<'v, 'a> {
    View(&'a [Value], &'a Shape),
    Owned(&'v [Val<'a>]),
}

impl<'a> Entries<'_, 'a> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::View(list, _) => list.len(),
            Self::Owned(list) => list.len(),
        }
    }

    pub(crate) fn get(&self, index: usize) -> Option<Val<'a>> {
        match self {
            Self::View(list, shape) => list.get(index).map(|value| Val::view(value, shape)),
            Self::Owned(list) => list.get(index).cloned(),
        }
    }

    pub(crate) fn to_vec(&self) -> Vec<Val<'a>> {
        (0..self.len()).filter_map(|i| self.get(i)).collect()
    }
}

fn item_shape(shape: &Shape) -> &Shape {
    match shape {
        Shape::List { items, .. } => items,
        _ => &DYN,
    }
}

fn value_shape<'a>(shape: &'a Shape, key: &str) -> &'a Shape {
    match shape {
        Shape::Object { fields, .. } => fields.get(key).map_or(&DYN, |shape| shape.as_ref()),
        Shape::Map(values) => values,
        _ => &DYN,
    }
}

fn view_text<'a>(text: &'a str, shape: &Shape) -> Val<'a> {
    let plain = Val::Text(Text::Borrowed(text));
    match shape {
        Shape::Timestamp => parse_timestamp(text).map_or(plain, Val::Timestamp),
        Shape::Duration => parse_duration(text).map_or(plain, Val::Duration),
        Shape::Bytes => base64::engine::general_purpose::STANDARD
            .decode(text)
            .map_or(plain, |bytes| Val::Bytes(bytes.into())),
        _ => plain,
    }
}

/// RFC 3339, or a date alone.
pub(crate) fn parse_timestamp(text: &str) -> Option<Timestamp> {
    text.parse::<Timestamp>().ok().or_else(|| {
        let date = text.parse::<jiff::civil::Date>().ok()?;
        date.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    })
}

/// Durations as Go writes them: `1h30m`, `-1.5s`.
pub(crate) fn parse_duration(text: &str) -> Option<SignedDuration> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(SignedDuration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut nanos: f64 = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit = match &rest[..end] {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return None,
        };
        nanos += number * unit;
        rest = &rest[end..];
    }
    if nanos > i64::MAX as f64 {
        return None;
    }
    let nanos = nanos as i64;
    Some(SignedDuration::from_nanos(if negative { -nanos } else { nanos }))
}
