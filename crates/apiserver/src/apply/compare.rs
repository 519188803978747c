//! What changed between two objects, as sets of fields.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::fields::{DEDUCED, FieldSet, MergeSchema, PathElement, Shape, element_of, same_value};

/// The fields that an object lost, changed and gained.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Comparison {
    pub(super) removed: FieldSet,
    pub(super) modified: FieldSet,
    pub(super) added: FieldSet,
}

impl Comparison {
    /// Compares `old` with `new` under one schema.
    pub(super) fn of(schema: &dyn MergeSchema, old: &Value, new: &Value) -> Self {
        let mut walker = Walker { path: Vec::new(), found: Comparison::default() };
        walker.compare(schema, Some(old), Some(new));
        walker.found
    }

    /// The same, without fields that lie in or below `reset`.
    pub(super) fn without(self, reset: &FieldSet) -> Self {
        if reset.is_empty() {
            return self;
        }
        Self {
            removed: self.removed.difference_below(reset),
            modified: self.modified.difference_below(reset),
            added: self.added.difference_below(reset),
        }
    }

    /// Changed and gained fields together.
    pub(super) fn written(&self) -> FieldSet {
        self.modified.union(&self.added)
    }
}

/// How a node is treated once its value is known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One piece.
    Leaf,
    /// Entry by entry.
    Map,
    /// Item by item.
    List,
}

pub(super) fn kind_of(schema: &dyn MergeSchema, value: &Value) -> Kind {
    match schema.shape() {
        Shape::Deduced if value.is_object() || value.is_null() => Kind::Map,
        Shape::Map => Kind::Map,
        Shape::SetList | Shape::KeyedList(_) => Kind::List,
        Shape::Deduced | Shape::Scalar | Shape::AtomicList | Shape::AtomicMap => Kind::Leaf,
    }
}

pub(super) fn map_of(value: Option<&Value>) -> Option<&Map<String, Value>> {
    value.and_then(Value::as_object).filter(|m| !m.is_empty())
}

pub(super) fn list_of(value: Option<&Value>) -> Option<&Vec<Value>> {
    value.and_then(Value::as_array).filter(|l| !l.is_empty())
}

pub(super) fn entry_schema<'s>(schema: &'s dyn MergeSchema, name: &str) -> &'s dyn MergeSchema {
    schema.field(name).or_else(|| schema.rest()).unwrap_or(&DEDUCED)
}

struct Walker {
    path: Vec<PathElement>,
    found: Comparison,
}

impl Walker {
    fn compare(&mut self, schema: &dyn MergeSchema, old: Option<&Value>, new: Option<&Value>) {
        let was_leaf = match (old, new) {
            (None, None) => return,
            (Some(one), None) | (None, Some(one)) => self.compare_as(kind_of(schema, one), schema, old, new),
            (Some(a), Some(b)) => {
                let (a, b) = (kind_of(schema, a), kind_of(schema, b));
                if a != b {
                    self.compare_as(a, schema, old, new);
                }
                self.compare_as(b, schema, old, new)
            }
        };
        if !was_leaf {
            match (old, new) {
                (None, _) => self.found.added.insert_steps(&self.path),
                (_, None) => self.found.removed.insert_steps(&self.path),
                _ => {}
            }
        }
    }

    /// Compares as one kind; true if the node was taken as one piece.
    fn compare_as(
        &mut self,
        kind: Kind,
        schema: &dyn MergeSchema,
        old: Option<&Value>,
        new: Option<&Value>,
    ) -> bool {
        match kind {
            Kind::Map if map_of(old).is_some() || map_of(new).is_some() => {
                self.entries(schema, map_of(old), map_of(new));
                false
            }
            Kind::List if list_of(old).is_some() || list_of(new).is_some() => {
                self.items(schema, list_of(old), list_of(new));
                false
            }
            _ => {
                self.leaf(old, new);
                true
            }
        }
    }

    fn leaf(&mut self, old: Option<&Value>, new: Option<&Value>) {
        match (old, new) {
            (None, _) => self.found.added.insert_steps(&self.path),
            (_, None) => self.found.removed.insert_steps(&self.path),
            (Some(a), Some(b)) if !same_value(a, b) => self.found.modified.insert_steps(&self.path),
            _ => {}
        }
    }

    fn entries(
        &mut self,
        schema: &dyn MergeSchema,
        old: Option<&Map<String, Value>>,
        new: Option<&Map<String, Value>>,
    ) {
        let empty = Map::new();
        let (old, new) = (old.unwrap_or(&empty), new.unwrap_or(&empty));
        let gained = new.keys().filter(|k| !old.contains_key(*k));
        for name in old.keys().chain(gained) {
            self.path.push(PathElement::field(name.as_str()));
            self.compare(entry_schema(schema, name), old.get(name), new.get(name));
            self.path.pop();
        }
    }

    fn items(&mut self, schema: &dyn MergeSchema, old: Option<&Vec<Value>>, new: Option<&Vec<Value>>) {
        let (old, new) = (grouped(schema, old), grouped(schema, new));
        let node = schema.item().unwrap_or(&DEDUCED);
        let gained = new.keys().filter(|k| !old.contains_key(*k));
        for element in old.keys().chain(gained) {
            let none = Vec::new();
            let (a, b) = (old.get(element).unwrap_or(&none), new.get(element).unwrap_or(&none));
            self.path.push(element.clone());
            match (a.as_slice(), b.as_slice()) {
                ([] | [_], [] | [_]) => self.compare(node, a.first().copied(), b.first().copied()),
                // Items that cannot be told apart count as one piece.
                ([_, _, ..], [_, _, ..]) => {
                    let same = a.len() == b.len() && a.iter().zip(b).all(|(x, y)| same_value(x, y));
                    if !same {
                        self.found.modified.insert_steps(&self.path);
                    }
                }
                ([_, _, ..], rest) => {
                    self.compare(node, None, rest.first().copied());
                    self.found.removed.insert_steps(&self.path);
                }
                (rest, _) => {
                    self.compare(node, rest.first().copied(), None);
                    self.found.added.insert_steps(&self.path);
                }
            }
            self.path.pop();
        }
    }
}

fn grouped<'v>(
    schema: &dyn MergeSchema,
    list: Option<&'v Vec<Value>>,
) -> BTreeMap<PathElement, Vec<&'v Value>> {
    let mut groups: BTreeMap<PathElement, Vec<&Value>> = BTreeMap::new();
    for item in list.into_iter().flatten() {
        if let Ok(element) = element_of(schema, item) {
            groups.entry(element).or_default().push(item);
        }
    }
    groups
}
