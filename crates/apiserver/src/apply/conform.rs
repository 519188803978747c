//! Does an applied object fit the shapes of its schema? Kinds of scalars are left to validation.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::fields::{DEDUCED, FieldPath, MergeSchema, PathElement, Shape, ShapeFault, element_of};

/// Finds what an apply cannot merge: undeclared fields, items that cannot be told apart, objects where lists belong.
pub(super) fn faults(schema: &dyn MergeSchema, applied: &Value) -> Vec<ShapeFault> {
    let mut walker = Walker { path: Vec::new(), faults: Vec::new() };
    walker.visit(schema, applied);
    walker.faults
}

struct Walker {
    path: Vec<PathElement>,
    faults: Vec<ShapeFault>,
}

impl Walker {
    fn fault(&mut self, why: impl Into<String>) {
        self.faults.push(ShapeFault { path: FieldPath(self.path.clone()), why: why.into() });
    }

    fn visit(&mut self, schema: &dyn MergeSchema, value: &Value) {
        match (schema.shape(), value) {
            (_, Value::Null) | (Shape::Deduced | Shape::AtomicMap, Value::Object(_)) => {}
            (Shape::Map, Value::Object(map)) => {
                for (name, entry) in map {
                    self.path.push(PathElement::field(name.as_str()));
                    match schema.field(name).or_else(|| schema.rest()) {
                        Some(node) => self.visit(node, entry),
                        None => self.fault("field not declared in schema"),
                    }
                    self.path.pop();
                }
            }
            (Shape::AtomicList, Value::Array(items)) => {
                for (i, item) in items.iter().enumerate() {
                    self.path.push(PathElement::Index(i64::try_from(i).unwrap_or(i64::MAX)));
                    self.visit(schema.item().unwrap_or(&DEDUCED), item);
                    self.path.pop();
                }
            }
            (Shape::SetList | Shape::KeyedList(_), Value::Array(items)) => self.items(schema, items),
            (Shape::Map | Shape::AtomicMap, other) => {
                self.fault(format!("expected map, got {}", shown(other)))
            }
            (Shape::AtomicList | Shape::SetList | Shape::KeyedList(_), other) => {
                self.fault(format!("expected list, got {}", shown(other)));
            }
            (Shape::Scalar | Shape::Deduced, _) => {}
        }
    }

    fn items(&mut self, schema: &dyn MergeSchema, items: &[Value]) {
        let mut seen = BTreeSet::new();
        for (i, item) in items.iter().enumerate() {
            match element_of(schema, item) {
                Err(why) => self.fault(format!("element {i}: {why}")),
                Ok(element) if seen.contains(&element) => {
                    self.fault(format!("duplicate entries for key {element}"))
                }
                Ok(element) => {
                    seen.insert(element.clone());
                    self.path.push(element);
                    self.visit(schema.item().unwrap_or(&DEDUCED), item);
                    self.path.pop();
                }
            }
        }
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.len() <= 64 { text } else { "a value of another kind".to_owned() }
}
