//! The fields that a value holds, read under a schema.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{FieldPath, FieldSet, MergeSchema, PathElement, Shape, set::child_schema};

/// Why a value does not fit the shape that its schema gives it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {why}")]
pub struct ShapeFault {
    /// Where, as `.spec.ports`.
    pub path: FieldPath,
    /// What is wrong.
    pub why: String,
}

/// How a concrete value is to be walked: the schema's shape, corrected by what the value is.
pub(crate) enum Walk<'v> {
    /// One piece: a scalar, an atomic list or object, or something whose kind contradicts the schema.
    Leaf,
    /// An object, walked by entry.
    Map(&'v Map<String, Value>),
    /// A keyed list or set, walked by item.
    List(&'v [Value]),
    /// Null where an object or a list is expected: nothing below.
    Nothing,
}

/// Decides how to walk `value` under `schema`.
pub(crate) fn walk<'v>(schema: &dyn MergeSchema, value: &'v Value) -> Walk<'v> {
    match (schema.shape(), value) {
        (Shape::Deduced | Shape::Map, Value::Object(map)) => Walk::Map(map),
        (Shape::SetList | Shape::KeyedList(_), Value::Array(items)) => Walk::List(items),
        (Shape::Map | Shape::Deduced | Shape::SetList | Shape::KeyedList(_), Value::Null) => Walk::Nothing,
        _ => Walk::Leaf,
    }
}

/// The element that names an item of a set or keyed list.
///
/// # Errors
/// Items that are no scalars in a set; items without any key, or that are no objects, in a keyed list.
pub fn element_of(schema: &dyn MergeSchema, item: &Value) -> Result<PathElement, String> {
    let Shape::KeyedList(keys) = schema.shape() else {
        return match item {
            Value::Object(_) => {
                Err("associative list without keys has an element that's a map type".to_owned())
            }
            Value::Array(_) => Err("not supported: associative list with lists as elements".to_owned()),
            Value::Null => {
                Err("associative list without keys has an element that's an explicit null".to_owned())
            }
            scalar => Ok(PathElement::Value(scalar.clone())),
        };
    };
    let fields = match item {
        Value::Object(fields) => fields,
        Value::Null => return Err("associative list with keys may not have a null element".to_owned()),
        _ => return Err("associative list with keys may not have non-map elements".to_owned()),
    };
    let node = schema.item();
    let present = keys.iter().filter_map(|key| {
        let value = fields.get(key).or_else(|| node.and_then(|n| n.default_of(key)))?;
        Some((key.as_str(), value.clone()))
    });
    match PathElement::key(present) {
        PathElement::Key(present) if present.is_empty() => {
            let keys: Vec<String> = keys.iter().map(|k| format!("{k:?}")).collect();
            Err(format!(
                "associative list with keys has an element that omits all key fields [{}] (and doesn't have default values for any key fields)",
                keys.join(" ")
            ))
        }
        element => Ok(element),
    }
}

/// The set of fields that `value` holds: every leaf, every list item, every map entry without a name of its own.
/// Items of lists that cannot be told apart are left out.
pub fn field_set_of(schema: &dyn MergeSchema, value: &Value) -> FieldSet {
    let mut set = FieldSet::new();
    collect(schema, value, EmptyLists::AreNothing, &mut Vec::new(), &mut set);
    set
}

/// The same, with lists that are empty: after a removal, they are what is left of a list.
pub(crate) fn field_set_with_empty_lists(schema: &dyn MergeSchema, value: &Value) -> FieldSet {
    let mut set = FieldSet::new();
    collect(schema, value, EmptyLists::AreFields, &mut Vec::new(), &mut set);
    set
}

/// Whether a list without items is a field for itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum EmptyLists {
    AreNothing,
    AreFields,
}

fn collect(
    schema: &dyn MergeSchema,
    value: &Value,
    empty: EmptyLists,
    path: &mut Vec<PathElement>,
    set: &mut FieldSet,
) {
    match walk(schema, value) {
        Walk::Leaf => set.insert_steps(path),
        Walk::Nothing => {}
        Walk::Map(map) => {
            for (name, entry) in map {
                let element = PathElement::field(name.as_str());
                path.push(element.clone());
                collect(child_schema(schema, &element), entry, empty, path, set);
                let hollow = entry.is_null() || entry.as_object().is_some_and(Map::is_empty);
                if hollow || schema.field(name).is_none() {
                    set.insert_steps(path);
                }
                path.pop();
            }
        }
        Walk::List([]) if empty == EmptyLists::AreFields => set.insert_steps(path),
        Walk::List(items) => {
            let mut seen: BTreeMap<PathElement, usize> = BTreeMap::new();
            let named: Vec<(PathElement, &Value)> =
                items.iter().filter_map(|i| Some((element_of(schema, i).ok()?, i))).collect();
            for (element, _) in &named {
                *seen.entry(element.clone()).or_default() += 1;
            }
            for (element, item) in named {
                let once = seen.get(&element).copied() == Some(1);
                path.push(element);
                if once {
                    collect(schema.item().unwrap_or(&super::DEDUCED), item, empty, path, set);
                }
                set.insert_steps(path);
                path.pop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn without_a_schema_lists_are_one_piece_and_objects_are_not() {
        let set = field_set_of(&super::super::DEDUCED, &json!({"spec": {"a": 1, "l": [1, 2], "e": {}}}));
        assert_eq!(set.to_json(), json!({"f:spec": {".": {}, "f:a": {}, "f:l": {}, "f:e": {}}}));
    }
}
