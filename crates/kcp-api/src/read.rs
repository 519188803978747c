//! Reading JSON and YAML from strangers: duplicate keys and deep nesting are refused, errors say where.

#[cfg(feature = "yaml")]
mod yaml; // documents of a YAML text

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

#[cfg(feature = "yaml")]
pub use yaml::read_yaml;

/// Deepest nesting accepted; Kubernetes objects stay far below, schemas included.
pub const DEPTH_MAX: usize = 100;

/// Input that is no acceptable JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("input cannot be read at `{path}`: {why}")]
pub struct ReadError {
    /// JSON path of the place, `$` at the top.
    pub path: String,
    /// What is wrong there.
    pub why: String,
}

impl ReadError {
    /// The next step.
    pub fn help(&self) -> &'static str {
        "give one JSON document in UTF-8, each key once, no deeper than Kubernetes objects are"
    }
}

/// Reads one JSON document.
///
/// ```
/// let error = kcp_api::read_json(br#"{"spec": {"a": 1, "a": 2}}"#).unwrap_err();
/// assert_eq!(error.path, "$.spec.a");
/// ```
///
/// # Errors
/// Broken JSON, text that is not UTF-8, duplicate keys, nesting beyond [`DEPTH_MAX`], anything after the document.
pub fn read_json(bytes: &[u8]) -> Result<Value, ReadError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = read(&mut reader)?;
    reader.end().map_err(|error| ReadError { path: "$".to_owned(), why: error.to_string() })?;
    Ok(value)
}

/// Reads one document of any self-describing format, a YAML reader's for example, under the same rules.
///
/// # Errors
/// See [`read_json`].
pub fn read<'de, D: Deserializer<'de>>(reader: D) -> Result<Value, ReadError> {
    let path = RefCell::new(String::from("$"));
    let seed = Place { path: &path, depth: 0 };
    seed.deserialize(reader).map_err(|error| {
        let why = error.to_string();
        ReadError { path: path.borrow().chars().take(300).collect(), why: why.chars().take(300).collect() }
    })
}

/// A place in the document. The path is cut back only after success, so that it shows where an error was.
#[derive(Clone, Copy)]
struct Place<'p> {
    path: &'p RefCell<String>,
    depth: usize,
}

impl Place<'_> {
    fn below<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= DEPTH_MAX {
            return Err(E::custom(format_args!("nesting deeper than {DEPTH_MAX}")));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number must be finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        self.deserialize(reader)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let below = self.below()?;
        let length = self.path.borrow().len();
        let mut list = Vec::new();
        loop {
            self.path.borrow_mut().push_str(&format!("[{}]", list.len()));
            let Some(item) = items.next_element_seed(below)? else { break };
            list.push(item);
            self.path.borrow_mut().truncate(length);
        }
        self.path.borrow_mut().truncate(length);
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let below = self.below()?;
        let length = self.path.borrow().len();
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            self.path.borrow_mut().push('.');
            self.path.borrow_mut().push_str(&key);
            if map.contains_key(&key) {
                return Err(A::Error::custom("the key stands twice"));
            }
            let item = entries.next_value_seed(below)?;
            map.insert(key, item);
            self.path.borrow_mut().truncate(length);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kapi_01_hostile_json_is_refused_with_its_place() {
        let deep = "[".repeat(10_000_000);
        for (input, path) in [
            (&br#"{"a": [{"b": 1}, {"b": }]}"#[..], "$.a[1].b"),
            (br#"{"a": {"b": 1, "c": 2, "b": 3}}"#, "$.a.b"),
            (b"{\"a\": \"\xff\"}", "$.a"),
            (b"", "$"),
            (b"{} {}", "$"),
            (b"{\"a\": 1e999}", "$.a"),
        ] {
            let error = read_json(input).unwrap_err();
            assert_eq!(error.path, path, "{error}");
        }
        let error = read_json(deep.as_bytes()).unwrap_err();
        assert!(error.why.contains("nesting deeper than 100"), "{error}");
        assert!(error.to_string().len() < 700);
        let bytes = br#"{"a": [1, -2, 2.5, true, null, "x", {}]}"#;
        assert_eq!(read_json(bytes).unwrap(), serde_json::from_slice::<Value>(bytes).unwrap());
    }
}
