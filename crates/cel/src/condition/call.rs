//! What operators and functions compute.

use std::{cmp::Ordering, sync::Arc};

use jiff::tz::TimeZone;

use super::{
    address::{Address, Network},
    overload::Function,
    run::{Fault, Run, failed},
    time,
    types::Type,
    value::{Key, Value},
};
use crate::Pattern;

/// Entries that a list may have after two were joined; a doubled list would double in memory.
const JOINED_LENGTH_MAX: usize = 100_000;

/// Calls `function`. The checker has seen the types of the arguments where they were known.
pub(crate) fn call(function: Function, args: &[Value]) -> Run<Value> {
    match args {
        [value] => unary(function, value),
        [a, b] => binary(function, a, b),
        _ => no_overload(function, args),
    }
}

fn no_overload<T>(function: Function, args: &[Value]) -> Run<T> {
    let types: Vec<&str> = args.iter().map(Value::type_name).collect();
    failed(format!("{} does not take ({})", name(function), types.join(", ")))
}

fn name(function: Function) -> String {
    format!("`{function:?}`").to_lowercase()
}

/// The value as a message names it.
pub(crate) fn short(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => value.to_string(),
        Value::Double(value) => double_text(*value),
        Value::Text(text) => text.chars().take(64).collect::<String>().escape_debug().to_string(),
        other => format!("a {}", other.type_name()),
    }
}

fn unary(function: Function, value: &Value) -> Run<Value> {
    match (function, value) {
        (Function::Not, Value::Bool(value)) => Ok(Value::Bool(!value)),
        (Function::Negate, Value::Int(number)) => number.checked_neg().map(Value::Int).ok_or_else(overflow),
        (Function::Negate, Value::Double(number)) => Ok(Value::Double(-number)),
        (Function::Negate, Value::Duration(nanos)) => {
            nanos.checked_neg().map(Value::Duration).ok_or_else(overflow)
        }
        (Function::Size, Value::Text(_) | Value::Bytes(_) | Value::List(_) | Value::Map(_)) => {
            Ok(Value::Int(i64::try_from(value.size()).unwrap_or(i64::MAX)))
        }
        (Function::Type, value) => Ok(Value::Type(Arc::new(type_of(value)))),
        (Function::ToDyn, value) => Ok(value.clone()),
        (Function::ToBool, _) => to_bool(value),
        (Function::ToBytes, Value::Bytes(_)) => Ok(value.clone()),
        (Function::ToBytes, Value::Text(text)) => Ok(Value::Bytes(text.as_bytes().into())),
        (Function::ToInt, _) => to_int(value),
        (Function::ToUint, _) => to_uint(value),
        (Function::ToDouble, _) => to_double(value),
        (Function::ToText, _) => to_text(value),
        (Function::ToDuration, Value::Duration(_)) => Ok(value.clone()),
        (Function::ToDuration, Value::Int(nanos)) => Ok(Value::Duration(*nanos)),
        (Function::ToDuration, Value::Text(text)) => {
            converted(time::parse_duration(text).map(Value::Duration), value, "duration")
        }
        (Function::ToTimestamp, Value::Timestamp(_)) => Ok(value.clone()),
        (Function::ToTimestamp, Value::Int(second)) => {
            converted(time::from_second(*second).map(Value::Timestamp), value, "timestamp")
        }
        (Function::ToTimestamp, Value::Text(text)) => {
            let read = time::parse_timestamp(text).and_then(time::in_range);
            converted(read.map(Value::Timestamp), value, "timestamp")
        }
        (Function::ToAddress, Value::Text(text)) => {
            converted(Address::parse(text).map(Value::Address), value, "ipaddress")
        }
        (_, Value::Timestamp(at)) => match time::timestamp_part(function, *at, &TimeZone::UTC) {
            Some(part) => Ok(Value::Int(part)),
            None => no_overload(function, std::slice::from_ref(value)),
        },
        (_, Value::Duration(nanos)) => match time::duration_part(function, *nanos) {
            Some(part) => Ok(Value::Int(part)),
            None => no_overload(function, std::slice::from_ref(value)),
        },
        _ => no_overload(function, std::slice::from_ref(value)),
    }
}

fn binary(function: Function, a: &Value, b: &Value) -> Run<Value> {
    match function {
        Function::Equal => equal(a, b).map(Value::Bool),
        Function::Unequal => equal(a, b).map(|same| Value::Bool(!same)),
        Function::Less => order(function, a, b).map(|order| Value::Bool(order == Ordering::Less)),
        Function::LessEqual => order(function, a, b).map(|order| Value::Bool(order != Ordering::Greater)),
        Function::Greater => order(function, a, b).map(|order| Value::Bool(order == Ordering::Greater)),
        Function::GreaterEqual => order(function, a, b).map(|order| Value::Bool(order != Ordering::Less)),
        Function::Add => add(a, b),
        Function::Subtract => subtract(a, b),
        Function::Multiply | Function::Divide | Function::Remainder => multiply(function, a, b),
        Function::In => contains(a, b),
        _ => text_or_time(function, a, b),
    }
}

fn text_or_time(function: Function, a: &Value, b: &Value) -> Run<Value> {
    match (function, a, b) {
        (Function::Contains, Value::Text(a), Value::Text(b)) => Ok(Value::Bool(a.contains(b.as_ref()))),
        (Function::StartsWith, Value::Text(a), Value::Text(b)) => Ok(Value::Bool(a.starts_with(b.as_ref()))),
        (Function::EndsWith, Value::Text(a), Value::Text(b)) => Ok(Value::Bool(a.ends_with(b.as_ref()))),
        (Function::Matches, Value::Text(text), Value::Text(expression)) => {
            pattern(expression).map(|pattern| Value::Bool(pattern.is_match(text)))
        }
        (Function::InCidr, Value::Address(address), Value::Text(network)) => match Network::parse(network) {
            Some(network) => Ok(Value::Bool(address.is_in(&network))),
            None => failed(format!("`{}` is no network such as `192.168.0.0/24`", short(b))),
        },
        (_, Value::Timestamp(at), Value::Text(name)) => {
            let Some(zone) = time::zone(name) else {
                return failed(format!("`{}` is no time zone", short(b)));
            };
            match time::timestamp_part(function, *at, &zone) {
                Some(part) => Ok(Value::Int(part)),
                None => no_overload(function, &[a.clone(), b.clone()]),
            }
        }
        _ => no_overload(function, &[a.clone(), b.clone()]),
    }
}

/// The compiled form of a regular expression.
pub(crate) fn pattern(text: &str) -> Run<Pattern> {
    Pattern::compile(text).or_else(|fault| failed(format!("pattern is not valid: {fault}")))
}

fn equal(a: &Value, b: &Value) -> Run<bool> {
    a.equals(b).ok_or(Fault::OverCost)
}

fn order(function: Function, a: &Value, b: &Value) -> Run<Ordering> {
    match a.compare(b) {
        Some(Some(order)) => Ok(order),
        Some(None) => failed("NaN has no order"),
        None => no_overload(function, &[a.clone(), b.clone()]),
    }
}

fn contains(a: &Value, b: &Value) -> Run<Value> {
    match b {
        Value::List(items) => {
            for item in items.iter() {
                if equal(a, item)? {
                    return Ok(Value::Bool(true));
                }
            }
            Ok(Value::Bool(false))
        }
        Value::Map(entries) => Ok(Value::Bool(Key::sought(a).is_some_and(|key| entries.contains_key(&key)))),
        _ => no_overload(Function::In, &[a.clone(), b.clone()]),
    }
}

fn overflow() -> Fault {
    Fault::Failed("result is out of range".to_owned())
}

fn add(a: &Value, b: &Value) -> Run<Value> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a.checked_add(*b).map(Value::Int).ok_or_else(overflow),
        (Value::Uint(a), Value::Uint(b)) => a.checked_add(*b).map(Value::Uint).ok_or_else(overflow),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a + b)),
        (Value::Text(a), Value::Text(b)) => Ok(Value::Text([a.as_ref(), b].concat().into())),
        (Value::Bytes(a), Value::Bytes(b)) => Ok(Value::Bytes([a.as_ref(), b].concat().into())),
        (Value::Duration(a), Value::Duration(b)) => {
            a.checked_add(*b).map(Value::Duration).ok_or_else(overflow)
        }
        (Value::Timestamp(at), Value::Duration(nanos)) | (Value::Duration(nanos), Value::Timestamp(at)) => {
            time::moved(*at, *nanos).map(Value::Timestamp).ok_or_else(overflow)
        }
        (Value::List(a), Value::List(b)) => {
            if a.len() + b.len() > JOINED_LENGTH_MAX {
                return Err(Fault::OverCost);
            }
            Ok(Value::List(Arc::new(a.iter().chain(b.iter()).cloned().collect())))
        }
        _ => no_overload(Function::Add, &[a.clone(), b.clone()]),
    }
}

fn subtract(a: &Value, b: &Value) -> Run<Value> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a.checked_sub(*b).map(Value::Int).ok_or_else(overflow),
        (Value::Uint(a), Value::Uint(b)) => a.checked_sub(*b).map(Value::Uint).ok_or_else(overflow),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a - b)),
        (Value::Duration(a), Value::Duration(b)) => {
            a.checked_sub(*b).map(Value::Duration).ok_or_else(overflow)
        }
        (Value::Timestamp(at), Value::Duration(nanos)) => {
            let moved = nanos.checked_neg().and_then(|nanos| time::moved(*at, nanos));
            moved.map(Value::Timestamp).ok_or_else(overflow)
        }
        (Value::Timestamp(a), Value::Timestamp(b)) => {
            time::between(*a, *b).map(Value::Duration).ok_or_else(overflow)
        }
        _ => no_overload(Function::Subtract, &[a.clone(), b.clone()]),
    }
}

fn multiply(function: Function, a: &Value, b: &Value) -> Run<Value> {
    match (function, a, b) {
        (Function::Divide | Function::Remainder, _, Value::Int(0) | Value::Uint(0))
            if a.type_name() == b.type_name() =>
        {
            failed("division by zero")
        }
        (Function::Multiply, Value::Int(a), Value::Int(b)) => {
            a.checked_mul(*b).map(Value::Int).ok_or_else(overflow)
        }
        (Function::Multiply, Value::Uint(a), Value::Uint(b)) => {
            a.checked_mul(*b).map(Value::Uint).ok_or_else(overflow)
        }
        (Function::Multiply, Value::Double(a), Value::Double(b)) => Ok(Value::Double(a * b)),
        (Function::Divide, Value::Int(a), Value::Int(b)) => {
            a.checked_div(*b).map(Value::Int).ok_or_else(overflow)
        }
        (Function::Divide, Value::Uint(a), Value::Uint(b)) => {
            a.checked_div(*b).map(Value::Uint).ok_or_else(overflow)
        }
        (Function::Divide, Value::Double(a), Value::Double(b)) => Ok(Value::Double(a / b)),
        (Function::Remainder, Value::Int(a), Value::Int(b)) => {
            a.checked_rem(*b).map(Value::Int).ok_or_else(overflow)
        }
        (Function::Remainder, Value::Uint(a), Value::Uint(b)) => {
            a.checked_rem(*b).map(Value::Uint).ok_or_else(overflow)
        }
        _ => no_overload(function, &[a.clone(), b.clone()]),
    }
}

fn type_of(value: &Value) -> Type {
    match value {
        Value::Null => Type::Null,
        Value::Bool(_) => Type::Bool,
        Value::Int(_) => Type::Int,
        Value::Uint(_) => Type::Uint,
        Value::Double(_) => Type::Double,
        Value::Text(_) => Type::Text,
        Value::Bytes(_) => Type::Bytes,
        Value::Duration(_) => Type::Duration,
        Value::Timestamp(_) => Type::Timestamp,
        Value::Address(_) => Type::Address,
        Value::List(_) => Type::list(Type::Dyn),
        Value::Map(_) => Type::map(Type::Dyn, Type::Dyn),
        Value::Type(_) => Type::Kind(Arc::new(Type::Dyn)),
    }
}

fn converted(result: Option<Value>, value: &Value, to: &str) -> Run<Value> {
    result.map_or_else(|| failed(format!("`{}` is no `{to}`", short(value))), Ok)
}

fn to_bool(value: &Value) -> Run<Value> {
    match value {
        Value::Bool(_) => Ok(value.clone()),
        Value::Text(text) => {
            let read = match text.as_ref() {
                "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
                "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
                _ => None,
            };
            converted(read.map(Value::Bool), value, "bool")
        }
        _ => no_overload(Function::ToBool, std::slice::from_ref(value)),
    }
}

fn to_int(value: &Value) -> Run<Value> {
    let number = match value {
        Value::Int(number) => Some(*number),
        Value::Uint(number) => i64::try_from(*number).ok(),
        // Both ends are excluded: as doubles they may stand for numbers beyond the range.
        Value::Double(number) => {
            (*number > i64::MIN as f64 && *number < i64::MAX as f64).then_some(*number as i64)
        }
        Value::Text(text) => text.parse().ok(),
        Value::Timestamp(at) => Some(at.second()),
        Value::Duration(nanos) => Some(*nanos),
        _ => return no_overload(Function::ToInt, std::slice::from_ref(value)),
    };
    converted(number.map(Value::Int), value, "int")
}

fn to_uint(value: &Value) -> Run<Value> {
    let number = match value {
        Value::Uint(number) => Some(*number),
        Value::Int(number) => u64::try_from(*number).ok(),
        Value::Double(number) => (*number >= 0.0 && *number < u64::MAX as f64).then_some(*number as u64),
        Value::Text(text) => {
            if text.starts_with('+') {
                None
            } else {
                text.parse().ok()
            }
        }
        _ => return no_overload(Function::ToUint, std::slice::from_ref(value)),
    };
    converted(number.map(Value::Uint), value, "uint")
}

fn to_double(value: &Value) -> Run<Value> {
    let number = match value {
        Value::Double(number) => Some(*number),
        Value::Int(number) => Some(*number as f64),
        Value::Uint(number) => Some(*number as f64),
        Value::Text(text) => {
            let digits = text.bytes().any(|b| b.is_ascii_digit());
            text.parse::<f64>().ok().filter(|number| number.is_finite() || !digits)
        }
        _ => return no_overload(Function::ToDouble, std::slice::from_ref(value)),
    };
    converted(number.map(Value::Double), value, "double")
}

fn to_text(value: &Value) -> Run<Value> {
    let text = match value {
        Value::Text(_) => return Ok(value.clone()),
        Value::Bool(value) => value.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Uint(number) => number.to_string(),
        Value::Double(number) => double_text(*number),
        Value::Duration(nanos) => time::duration_text(*nanos),
        Value::Timestamp(at) => at.to_string(),
        Value::Address(address) => address.to_string(),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => return failed("bytes are no text"),
        },
        _ => return no_overload(Function::ToText, std::slice::from_ref(value)),
    };
    Ok(Value::Text(text.into()))
}

/// A double in the shortest form that reads back, with an exponent where Go prints one: from seven digits before the point
/// or five zeros behind it on.
fn double_text(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.abs())
        }
        _ => number.to_string(),
    }
}
