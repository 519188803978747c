//! Checks of types before any evaluation: fields that a schema does not declare, and results of the wrong type.
//!
//! The check knows what shapes declare and what operators and functions always give. Where it does not know a type it stays
//! silent, and evaluation decides.

use std::sync::Arc;

use crate::{
    ir::{Binary, Bind, Fold, FoldKind, Ir, Select},
    shape::Shape,
};

/// What is known of a value.
#[derive(Debug, Clone)]
enum Known {
    Nothing,
    Shape(Arc<Shape>),
    /// An optional of this.
    Optional(Arc<Shape>),
    Type(&'static str),
}

impl Known {
    fn type_name(&self) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::Shape(shape) if **shape == Shape::Dyn => None,
            Self::Shape(shape) => Some(shape.type_name()),
            Self::Optional(_) => Some("optional_type"),
            Self::Type(name) => Some(name),
        }
    }
}

/// Checks `ir` with variables of these shapes in slots 0, 1, …, and gives the type of its result, where it is known.
///
/// # Errors
/// The first field that is not declared, or operand that cannot be.
pub(crate) fn check(ir: &Ir, variables: &[(Arc<Shape>, bool)]) -> Result<Option<&'static str>, String> {
    let slots = variables
        .iter()
        .map(
            |(shape, optional)| {
                if *optional { Known::Optional(shape.clone()) } else { Known::Shape(shape.clone()) }
            },
        )
        .collect();
    Checker { slots }.known(ir).map(|known| known.type_name())
}

struct Checker {
    slots: Vec<Known>,
}

impl Checker {
    fn known(&mut self, ir: &Ir) -> Result<Known, String> {
        Ok(match ir {
            Ir::Null => Known::Type("null_type"),
            Ir::Bool(_) => Known::Type("bool"),
            Ir::Int(_) => Known::Type("int"),
            Ir::Uint(_) => Known::Type("uint"),
            Ir::Double(_) => Known::Type("double"),
            Ir::Text(_) => Known::Type("string"),
            Ir::Bytes(_) => Known::Type("bytes"),
            Ir::Type(_) => Known::Type("type"),
            Ir::Slot(slot) => self.slots.get(*slot).cloned().unwrap_or(Known::Nothing),
            Ir::Select { operand, field, mode } => {
                let operand = self.known(operand)?;
                let found = select(&operand, &field.written, &field.key)?;
                match (mode, operand) {
                    (Select::Test, _) => Known::Type("bool"),
                    (Select::Optional, _) | (_, Known::Optional(_)) => match found {
                        Known::Shape(shape) => Known::Optional(shape),
                        _ => Known::Nothing,
                    },
                    _ => found,
                }
            }
            Ir::Index { operand, index, optional } => {
                let operand = self.known(operand)?;
                self.known(index)?;
                match operand {
                    Known::Shape(shape) if !optional => match &*shape {
                        Shape::List { items, .. } => Known::Shape(items.clone()),
                        Shape::Map(values) => Known::Shape(values.clone()),
                        _ => Known::Nothing,
                    },
                    _ => Known::Nothing,
                }
            }
            Ir::And(a, b) | Ir::Or(a, b) => {
                let operator = if matches!(ir, Ir::And(..)) { "_&&_" } else { "_||_" };
                for part in [a, b] {
                    self.needs_bool(part, operator)?;
                }
                Known::Type("bool")
            }
            Ir::Not(a) => {
                self.needs_bool(a, "!_")?;
                Known::Type("bool")
            }
            Ir::Negate(a) => self.known(a)?,
            Ir::Choose(condition, yes, no) => {
                self.needs_bool(condition, "_?_:_")?;
                let yes = self.known(yes)?;
                let no = self.known(no)?;
                if yes.type_name() == no.type_name() { yes } else { Known::Nothing }
            }
            Ir::Binary(operator, a, b) => {
                let a = self.known(a)?;
                let b = self.known(b)?;
                binary(*operator, &a, &b)?
            }
            Ir::List(items) => {
                for (item, _) in items {
                    self.known(item)?;
                }
                Known::Type("list")
            }
            Ir::Map(entries) => {
                for (key, value, _) in entries {
                    self.known(key)?;
                    self.known(value)?;
                }
                Known::Type("map")
            }
            Ir::Fold(fold) => self.fold(fold)?,
            Ir::Bind { kind, value, body } => {
                let value = self.known(value)?;
                let bound = match (kind, value) {
                    (Bind::Plain, value) => value,
                    (_, Known::Optional(shape)) => Known::Shape(shape),
                    _ => Known::Nothing,
                };
                self.slots.push(bound);
                let body = self.known(body);
                self.slots.pop();
                if *kind == Bind::Plain { body? } else { body.map(|_| Known::Nothing)? }
            }
            Ir::Native { function, args } => {
                for arg in args {
                    self.known(arg)?;
                }
                function.result_type().map_or(Known::Nothing, Known::Type)
            }
            Ir::Library { args, .. } => {
                for arg in args {
                    self.known(arg)?;
                }
                Known::Nothing
            }
        })
    }

    fn needs_bool(&mut self, ir: &Ir, operator: &str) -> Result<(), String> {
        match self.known(ir)?.type_name() {
            None | Some("bool") => Ok(()),
            Some(other) => Err(format!("found no matching overload for '{operator}' applied to '({other})'")),
        }
    }

    fn fold(&mut self, fold: &Fold) -> Result<Known, String> {
        let range = self.known(&fold.range)?;
        let (key, value) = match &range {
            Known::Shape(shape) => match &**shape {
                Shape::List { items, .. } => (Known::Type("int"), Known::Shape(items.clone())),
                Shape::Map(values) => (Known::Type("string"), Known::Shape(values.clone())),
                Shape::Dyn | Shape::Object { .. } => (Known::Nothing, Known::Nothing),
                other => {
                    let name = other.type_name();
                    return Err(format!(
                        "expression of type '{name}' cannot be range of a comprehension (must be list, map, or dynamic)"
                    ));
                }
            },
            _ => (Known::Nothing, Known::Nothing),
        };
        let is_map = matches!(&range, Known::Shape(shape) if matches!(**shape, Shape::Map(_)));
        let base = self.slots.len();
        if fold.two_variables {
            self.slots.push(key);
            self.slots.push(value);
        } else {
            self.slots.push(if is_map { key } else { value });
        }
        let filter = fold.filter.as_ref().map(|filter| self.needs_bool(filter, "_?_:_")).transpose();
        let body = self.known(&fold.body);
        self.slots.truncate(base);
        filter?;
        let body = body?.type_name();
        Ok(match fold.kind {
            FoldKind::All | FoldKind::Exists | FoldKind::ExistsOne => {
                if let Some(other) = body.filter(|name| *name != "bool") {
                    return Err(format!(
                        "found no matching overload for '_&&_' applied to '(bool, {other})'"
                    ));
                }
                Known::Type("bool")
            }
            FoldKind::Collect | FoldKind::SortBy => Known::Type("list"),
            FoldKind::CollectMap => Known::Type("map"),
        })
    }
}

fn select(operand: &Known, written: &str, key: &str) -> Result<Known, String> {
    let shape = match operand {
        Known::Shape(shape) | Known::Optional(shape) => shape,
        Known::Type("map") | Known::Nothing => return Ok(Known::Nothing),
        Known::Type(other) => return Err(format!("type '{other}' does not support field selection")),
    };
    match &**shape {
        Shape::Object { fields, .. } => match fields.get(key) {
            Some(field) => Ok(Known::Shape(field.clone())),
            None => Err(format!("undefined field '{written}'")),
        },
        Shape::Map(values) => Ok(Known::Shape(values.clone())),
        Shape::Dyn => Ok(Known::Nothing),
        other => Err(format!("type '{}' does not support field selection", other.type_name())),
    }
}

fn binary(operator: Binary, a: &Known, b: &Known) -> Result<Known, String> {
    let known = a.type_name().zip(b.type_name());
    let mismatch = |name: &str| match known {
        Some((a, b)) => Err(format!("found no matching overload for '{name}' applied to '({a}, {b})'")),
        None => Ok(()),
    };
    let is_number = |name: &str| matches!(name, "int" | "uint" | "double");
    let is_time = |name: &str| matches!(name, "timestamp" | "duration");
    match operator {
        Binary::Eq | Binary::Ne => {
            if let Some((x, y)) = known
                && x != y
                && !(is_number(x) && is_number(y))
                && !matches!(
                    (x, y),
                    ("null_type", _) | (_, "null_type") | ("object" | "map", "object" | "map")
                )
            {
                mismatch(if operator == Binary::Eq { "_==_" } else { "_!=_" })?;
            }
            Ok(Known::Type("bool"))
        }
        Binary::Lt | Binary::Le | Binary::Gt | Binary::Ge => {
            if let Some((x, y)) = known
                && ((x != y && !(is_number(x) && is_number(y)))
                    || matches!(x, "list" | "map" | "object" | "null_type"))
            {
                mismatch(match operator {
                    Binary::Lt => "_<_",
                    Binary::Le => "_<=_",
                    Binary::Gt => "_>_",
                    _ => "_>=_",
                })?;
            }
            Ok(Known::Type("bool"))
        }
        Binary::In => {
            if let Some(name) = b.type_name()
                && (is_number(name)
                    || is_time(name)
                    || matches!(name, "string" | "bool" | "bytes" | "null_type"))
            {
                let a = a.type_name().unwrap_or("dyn");
                return Err(format!("found no matching overload for '@in' applied to '({a}, {name})'"));
            }
            Ok(Known::Type("bool"))
        }
        _ => {
            let name = match operator {
                Binary::Add => "_+_",
                Binary::Sub => "_-_",
                Binary::Mul => "_*_",
                Binary::Div => "_/_",
                _ => "_%_",
            };
            match known {
                None => Ok(Known::Nothing),
                Some((x, y)) if is_time(x) || is_time(y) => {
                    if is_time(x) && is_time(y) {
                        Ok(Known::Nothing)
                    } else {
                        mismatch(name).map(|()| Known::Nothing)
                    }
                }
                Some((x, y)) if x == y && is_number(x) => Ok(Known::Type(x)),
                Some((x, y))
                    if x == y && operator == Binary::Add && matches!(x, "string" | "bytes" | "list") =>
                {
                    Ok(Known::Type(x))
                }
                Some(_) => mismatch(name).map(|()| Known::Nothing),
            }
        }
    }
}
