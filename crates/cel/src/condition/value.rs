//! Values of a condition's evaluation, their equality and order.

use std::{cmp::Ordering, collections::BTreeMap, sync::Arc};

use super::{address::Address, time::Moment, types::Type};

/// A value; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Arc<str>),
    Bytes(Arc<[u8]>),
    /// Nanoseconds.
    Duration(i64),
    Timestamp(Moment),
    Address(Address),
    List(Arc<Vec<Value>>),
    Map(Arc<Entries>),
    Type(Arc<Type>),
}

/// Entries of a map, with the keys as they were given.
pub(crate) type Entries = BTreeMap<Key, (Value, Value)>;

/// What makes two keys the same: whole numbers are, whatever their type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Bool(bool),
    Number(i128),
    Text(Arc<str>),
}

impl Key {
    /// The key to look for with this value; none if no map can hold it.
    pub(crate) fn sought(value: &Value) -> Option<Key> {
        match value {
            Value::Double(number) if number.fract() == 0.0 && number.abs() < 2e19 => {
                Some(Key::Number(*number as i128))
            }
            other => Key::of(other),
        }
    }

    /// The key that this value makes; none if it cannot be one.
    pub(crate) fn of(value: &Value) -> Option<Key> {
        Some(match value {
            Value::Bool(value) => Key::Bool(*value),
            Value::Int(number) => Key::Number(i128::from(*number)),
            Value::Uint(number) => Key::Number(i128::from(*number)),
            Value::Text(text) => Key::Text(text.clone()),
            _ => return None,
        })
    }
}

/// Comparisons that an equality of lists and maps may take; values can share parts, so that few bytes make many.
const COMPARISONS_MAX: u32 = 200_000;

impl Value {
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Uint(_) => "uint",
            Value::Double(_) => "double",
            Value::Text(_) => "string",
            Value::Bytes(_) => "bytes",
            Value::Duration(_) => "duration",
            Value::Timestamp(_) => "timestamp",
            Value::Address(_) => "ipaddress",
            Value::List(_) => "list",
            Value::Map(_) => "map",
            Value::Type(_) => "type",
        }
    }

    /// Characters, bytes or entries; one for anything else.
    pub(crate) fn size(&self) -> u64 {
        (match self {
            Value::Text(text) => text.chars().count(),
            Value::Bytes(bytes) => bytes.len(),
            Value::List(items) => items.len(),
            Value::Map(entries) => entries.len(),
            _ => 1,
        }) as u64
    }

    /// Equality: numbers across types, other values of different types are unequal. None when it takes too long.
    pub(crate) fn equals(&self, other: &Value) -> Option<bool> {
        let mut left = COMPARISONS_MAX;
        self.same(other, &mut left)
    }

    fn same(&self, other: &Value, left: &mut u32) -> Option<bool> {
        *left = left.checked_sub(1)?;
        Some(match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::Bytes(a), Value::Bytes(b)) => a == b,
            (Value::Duration(a), Value::Duration(b)) => a == b,
            (Value::Timestamp(a), Value::Timestamp(b)) => a == b,
            (Value::Address(a), Value::Address(b)) => a == b,
            (Value::Type(a), Value::Type(b)) => same_type(a, b),
            (Value::List(a), Value::List(b)) => {
                if a.len() != b.len() {
                    return Some(false);
                }
                for (a, b) in a.iter().zip(b.iter()) {
                    if !a.same(b, left)? {
                        return Some(false);
                    }
                }
                true
            }
            (Value::Map(a), Value::Map(b)) => {
                if a.len() != b.len() {
                    return Some(false);
                }
                for (key, (_, value)) in a.iter() {
                    match b.get(key) {
                        Some((_, other)) if value.same(other, left)? => {}
                        _ => return Some(false),
                    }
                }
                true
            }
            _ => self.compare_numbers(other) == Some(Some(Ordering::Equal)),
        })
    }

    /// Order of two values. None where they have no order; the inner one where a number is not a number.
    pub(crate) fn compare(&self, other: &Value) -> Option<Option<Ordering>> {
        Some(Some(match (self, other) {
            (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
            (Value::Text(a), Value::Text(b)) => a.cmp(b),
            (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
            (Value::Duration(a), Value::Duration(b)) => a.cmp(b),
            (Value::Timestamp(a), Value::Timestamp(b)) => a.cmp(b),
            _ => return self.compare_numbers(other),
        }))
    }

    fn compare_numbers(&self, other: &Value) -> Option<Option<Ordering>> {
        match (self.whole(), other.whole()) {
            (Some(a), Some(b)) => return Some(Some(a.cmp(&b))),
            (Some(a), None) => {
                let Value::Double(b) = other else { return None };
                return Some(compare_double(*b, a).map(Ordering::reverse));
            }
            (None, Some(b)) => {
                let Value::Double(a) = self else { return None };
                return Some(compare_double(*a, b));
            }
            (None, None) => {}
        }
        match (self, other) {
            (Value::Double(a), Value::Double(b)) => Some(a.partial_cmp(b)),
            _ => None,
        }
    }

    fn whole(&self) -> Option<i128> {
        match self {
            Value::Int(number) => Some(i128::from(*number)),
            Value::Uint(number) => Some(i128::from(*number)),
            _ => None,
        }
    }
}

/// Exact, also where the whole number has more digits than a double.
fn compare_double(a: f64, b: i128) -> Option<Ordering> {
    if a.is_nan() {
        return None;
    }
    // Both bounds are beyond every whole number there is.
    if a >= 1e30 {
        return Some(Ordering::Greater);
    }
    if a <= -1e30 {
        return Some(Ordering::Less);
    }
    let whole = a.trunc() as i128;
    let fraction = a.fract().partial_cmp(&0.0).unwrap_or(Ordering::Equal);
    Some(whole.cmp(&b).then(fraction))
}

/// Types are compared by their outermost name.
fn same_type(a: &Type, b: &Type) -> bool {
    match (a, b) {
        (Type::List(_), Type::List(_)) | (Type::Map(..), Type::Map(..)) | (Type::Kind(_), Type::Kind(_)) => {
            true
        }
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_across_types_exactly() {
        let less = Some(Some(Ordering::Less));
        let big = 9_007_199_254_740_993_i64;
        assert_eq!(Value::Int(-1).compare(&Value::Uint(u64::MAX)), less);
        assert_eq!(Value::Double(9_007_199_254_740_992.0).compare(&Value::Int(big)), less);
        assert_eq!(Value::Int(big).compare(&Value::Double(1e300)), less);
        assert_eq!(Value::Double(-1.5).compare(&Value::Int(-1)), less);
        assert_eq!(Value::Double(f64::NAN).compare(&Value::Int(1)), Some(None));
        assert_eq!(Value::Double(f64::NEG_INFINITY).compare(&Value::Int(i64::MIN)), less);
        assert_eq!(Value::Int(1).compare(&Value::Bool(true)), None);
        assert_eq!(Value::Int(1).equals(&Value::Double(1.0)), Some(true));
        assert_eq!(Value::Int(big).equals(&Value::Double(9_007_199_254_740_992.0)), Some(false));
    }

    #[test]
    fn equality_of_values_that_share_their_parts_ends() {
        let mut value = Value::Int(1);
        for _ in 0..40 {
            value = Value::List(Arc::new(vec![value.clone(), value]));
        }
        assert_eq!(value.equals(&value.clone()), None);
    }
}
