//! Reading one keyword of a schema, with an error where it has the wrong type.

use serde_json::{Map, Number, Value};

use super::Parser;
use crate::schema::error::{FieldError, type_name};

impl Parser {
    pub(super) fn list<'v>(
        &mut self,
        map: &'v Map<String, Value>,
        name: &str,
        path: &str,
    ) -> Option<&'v [Value]> {
        match map.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::Array(list)) => Some(list),
            Some(other) => {
                self.push(FieldError::type_invalid(
                    format!("{path}.{name}"),
                    type_name(other),
                    "must be an array",
                ));
                None
            }
        }
    }

    pub(super) fn text(&mut self, map: &Map<String, Value>, name: &str, path: &str) -> Option<String> {
        match map.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) if text.is_empty() => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(other) => {
                self.push(FieldError::type_invalid(
                    format!("{path}.{name}"),
                    type_name(other),
                    "must be a string",
                ));
                None
            }
        }
    }

    pub(super) fn flag(&mut self, map: &Map<String, Value>, name: &str, path: &str) -> bool {
        match map.get(name) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(flag)) => *flag,
            Some(other) => {
                self.push(FieldError::type_invalid(
                    format!("{path}.{name}"),
                    type_name(other),
                    "must be a boolean",
                ));
                false
            }
        }
    }

    pub(super) fn number(&mut self, map: &Map<String, Value>, name: &str, path: &str) -> Option<Number> {
        match map.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::Number(number)) => Some(number.clone()),
            Some(other) => {
                self.push(FieldError::type_invalid(
                    format!("{path}.{name}"),
                    type_name(other),
                    "must be a number",
                ));
                None
            }
        }
    }

    pub(super) fn bound(
        &mut self,
        map: &Map<String, Value>,
        name: &str,
        exclusive: &str,
        path: &str,
    ) -> Option<(Number, bool)> {
        let excluded = self.flag(map, exclusive, path);
        self.number(map, name, path).map(|number| (number, excluded))
    }

    pub(super) fn count(&mut self, map: &Map<String, Value>, name: &str, path: &str) -> Option<u64> {
        let number = self.number(map, name, path)?;
        match number.as_u64() {
            Some(count) => Some(count),
            None if number.as_i64().is_some() => Some(0),
            None => {
                let at = format!("{path}.{name}");
                self.push(FieldError::type_invalid(at, "number", "must be an integer"));
                None
            }
        }
    }
}
