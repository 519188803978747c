//! Fields that a JSON object has twice: the last one counts, and strict clients want to hear of it.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// Most fields that are named.
const FOUND_MAX: usize = 100;

/// The paths of fields that occur more than once. Bytes that are no JSON have none.
pub(crate) fn duplicates(bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    // What is no JSON was refused before.
    let _ = Walk { path: "", found: &mut found }.deserialize(&mut reader);
    found
}

struct Walk<'a> {
    path: &'a str,
    found: &'a mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_bool<E>(self, _value: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _value: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _value: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _value: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _value: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut index = 0_usize;
        loop {
            let path = format!("{}[{index}]", self.path);
            if items.next_element_seed(Walk { path: &path, found: &mut *self.found })?.is_none() {
                return Ok(());
            }
            index += 1;
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = fields.next_key::<String>()? {
            let path = if self.path.is_empty() { key.clone() } else { format!("{}.{key}", self.path) };
            if !seen.insert(key) && self.found.len() < FOUND_MAX && !self.found.contains(&path) {
                self.found.push(path.clone());
            }
            fields.next_value_seed(Walk { path: &path, found: &mut *self.found })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dev_03_fields_that_occur_twice_are_found_by_path() {
        let text = br#"{"a": 1, "b": {"c": null, "c": [1.5]}, "d": [{"e": "x"}, {"f": true, "f": false, "f": -1}], "a": 2}"#;
        assert_eq!(duplicates(text), ["b.c", "d[1].f", "a"]);
        assert_eq!(duplicates(br#"{"a": {"b": 1}, "c": {"b": 1}}"#), Vec::<String>::new());
        assert_eq!(duplicates(b"{"), Vec::<String>::new());
    }
}
