//! From JSON of a request or tuple to the typed values that a condition declares.

use std::sync::Arc;

use serde_json::{Map, Value as Json};
use thiserror::Error;

use super::{
    address::Address,
    time,
    value::{Entries, Key, Value},
};

/// Levels of lists and maps in a value of type `any`.
const NESTING_MAX: usize = 100;

/// The declared type of a condition's parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParameterType {
    /// Any JSON value; numbers are doubles.
    Any,
    /// A truth value.
    Bool,
    /// A text.
    String,
    /// A signed 64-bit number: a whole JSON number, or decimal text.
    Int,
    /// An unsigned 64-bit number: a whole JSON number that is not negative, or decimal text.
    Uint,
    /// A 64-bit float: a JSON number, or text that a float represents exactly.
    Double,
    /// Text such as `1h30m`.
    Duration,
    /// RFC 3339 text.
    Timestamp,
    /// Text of an IPv4 or IPv6 address.
    IpAddress,
    /// A list of one type.
    List(Box<ParameterType>),
    /// A map from text to one type.
    Map(Box<ParameterType>),
}

/// Why a context does not fit the parameters of a condition.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ContextError {
    /// A value is not what the parameter's type takes.
    #[error("parameter `{parameter}` takes {wanted}, found {found}")]
    WrongValue {
        /// The parameter.
        parameter: String,
        /// What its type takes.
        wanted: String,
        /// What was given.
        found: String,
    },
    /// A key that is not a parameter.
    #[error("context key `{key}` is not a parameter of the condition")]
    Undeclared {
        /// The key.
        key: String,
    },
    /// A context for a condition that has no parameters.
    #[error("the condition has no parameters, but a context was given")]
    NoParameters,
}

impl ContextError {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::WrongValue { .. } => {
                "send a value of the declared type, or change the parameter's type in the model"
            }
            Self::Undeclared { .. } => "leave the key out, or declare it as a parameter in the model",
            Self::NoParameters => "send no context with this condition",
        }
    }
}

/// What was wanted and what was found.
type Mismatch = (String, String);

impl ParameterType {
    /// Converts a JSON value that was given for `parameter`.
    pub(crate) fn convert(&self, parameter: &str, json: &Json) -> Result<Value, ContextError> {
        self.value(json).map_err(|(wanted, found)| ContextError::WrongValue {
            parameter: parameter.to_owned(),
            wanted,
            found,
        })
    }

    fn value(&self, json: &Json) -> Result<Value, Mismatch> {
        let text = |wanted: &str| match json {
            Json::String(text) => Ok(text.as_str()),
            _ => Err((wanted.to_owned(), describe(json))),
        };
        let read =
            |value: Option<Value>, wanted: &str| value.ok_or_else(|| (wanted.to_owned(), describe(json)));
        match self {
            Self::Any => read(any(json, NESTING_MAX), "a value of at most 100 levels"),
            Self::Bool => match json {
                Json::Bool(value) => Ok(Value::Bool(*value)),
                _ => Err(("a truth value".to_owned(), describe(json))),
            },
            Self::String => Ok(Value::Text(text("a text")?.into())),
            Self::Int => read(whole(json).map(Value::Int), "a whole number (int)"),
            Self::Uint => {
                // The reference goes through a signed number, so that larger ones are its maximum.
                let number = whole(json).and_then(|number| u64::try_from(number).ok());
                read(number.map(Value::Uint), "a whole number that is not negative (uint)")
            }
            Self::Double => {
                read(double(json).map(Value::Double), "a number that a double represents exactly")
            }
            Self::Duration => {
                let wanted = "a duration such as `1h30m`";
                read(time::parse_duration(text(wanted)?).map(Value::Duration), wanted)
            }
            Self::Timestamp => {
                let wanted = "an RFC 3339 timestamp such as `2023-05-03T21:25:20Z`";
                read(time::parse_timestamp(text(wanted)?).map(Value::Timestamp), wanted)
            }
            Self::IpAddress => {
                let wanted = "an IP address such as `192.168.0.1`";
                read(Address::parse(text(wanted)?).map(Value::Address), wanted)
            }
            Self::List(of) => match json {
                Json::Array(items) => {
                    let items: Result<Vec<Value>, Mismatch> =
                        items.iter().map(|item| of.value(item)).collect();
                    Ok(Value::List(Arc::new(items?)))
                }
                _ => Err(("a list".to_owned(), describe(json))),
            },
            Self::Map(of) => match json {
                Json::Object(fields) => {
                    entries(fields, |value| of.value(value)).map(|entries| Value::Map(Arc::new(entries)))
                }
                _ => Err(("a map".to_owned(), describe(json))),
            },
        }
    }
}

fn entries<E>(fields: &Map<String, Json>, value: impl Fn(&Json) -> Result<Value, E>) -> Result<Entries, E> {
    fields
        .iter()
        .map(|(key, json)| {
            let key: Arc<str> = key.as_str().into();
            Ok((Key::Text(key.clone()), (Value::Text(key), value(json)?)))
        })
        .collect()
}

/// Any JSON; none if it nests too deep.
fn any(json: &Json, levels: usize) -> Option<Value> {
    let levels = levels.checked_sub(1)?;
    Some(match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => Value::Double(number.as_f64()?),
        Json::String(text) => Value::Text(text.as_str().into()),
        Json::Array(items) => {
            Value::List(Arc::new(items.iter().map(|item| any(item, levels)).collect::<Option<_>>()?))
        }
        Json::Object(fields) => {
            let fields = entries(fields, |value| any(value, levels).ok_or(()));
            Value::Map(Arc::new(fields.ok()?))
        }
    })
}

fn describe(json: &Json) -> String {
    match json {
        Json::Null => "null".to_owned(),
        Json::Bool(value) => format!("`{value}`"),
        Json::Number(number) => format!("the number `{number}`"),
        Json::String(text) => {
            let short: String = text.chars().take(64).collect();
            format!("the text `{}`", short.escape_debug())
        }
        Json::Array(_) => "a list".to_owned(),
        Json::Object(_) => "a map".to_owned(),
    }
}

/// A whole number. Numbers of JSON are doubles, as they are on the wire; beyond the range the nearest end is taken.
fn whole(json: &Json) -> Option<i64> {
    match json {
        Json::Number(number) => {
            let number = number.as_f64()?;
            (number.fract() == 0.0).then_some(number as i64)
        }
        Json::String(text) => Decimal::parse(text)?.whole(),
        _ => None,
    }
}

fn double(json: &Json) -> Option<f64> {
    match json {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => match text.trim_start_matches(['+', '-']) {
            "Inf" | "inf" if text.len() <= 4 => {
                Some(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY })
            }
            _ => Decimal::parse(text)?.exact_double(),
        },
        _ => None,
    }
}

/// A number written in decimal: `-12.50e3`.
struct Decimal<'a> {
    text: &'a str,
    negative: bool,
    /// Digits without leading and trailing zeros; the value is `0.DIGITS × 10^exponent`.
    digits: String,
    exponent: i64,
}

/// Digits of a decimal number; the largest double has 309, the smallest 1074 behind the point.
const DIGITS_MAX: usize = 1_500;

impl<'a> Decimal<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match rest.find(['e', 'E']) {
            Some(at) => {
                let digits = rest.get(at + 1..)?;
                let plain = digits.strip_prefix(['+', '-']).unwrap_or(digits);
                if plain.is_empty() || plain.len() > 9 || !plain.bytes().all(|b| b.is_ascii_digit()) {
                    return None;
                }
                (rest.get(..at)?, digits.parse::<i64>().ok()?)
            }
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all: String = [whole, fraction].concat();
        if all.is_empty() || all.len() > DIGITS_MAX || !all.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let significant = all.trim_start_matches('0');
        let leading = all.len() - significant.len();
        let digits = significant.trim_end_matches('0').to_owned();
        let exponent = exponent + whole.len() as i64 - leading as i64;
        Some(Self { text, negative, digits, exponent })
    }

    /// The value as a whole number, at most the ends of the range; none with a fraction.
    ///
    /// The reference reads into 64 bits of mantissa, so a fraction that is smaller than those bits rounds away.
    fn whole(&self) -> Option<i64> {
        if self.digits.is_empty() {
            return Some(0);
        }
        let end = if self.negative { i64::MIN } else { i64::MAX };
        if self.exponent > 19 {
            return Some(end);
        }
        let before = usize::try_from(self.exponent).ok().filter(|exponent| *exponent > 0)?;
        if self.digits.len() > before {
            return None;
        }
        let number: i128 = format!("{:0<before$}", self.digits).parse().ok()?;
        Some(i64::try_from(if self.negative { -number } else { number }).unwrap_or(end))
    }

    /// The value as a double, if a double represents it exactly.
    fn exact_double(&self) -> Option<f64> {
        let value: f64 = self.text.parse().ok()?;
        if self.digits.is_empty() {
            return Some(value);
        }
        if !value.is_finite() || value == 0.0 {
            return None;
        }
        // All digits of a double: it is a whole number of 2^-1074.
        let written = format!("{:.1074}", value.abs());
        let exact = Decimal::parse(&written)?;
        (exact.digits == self.digits && exact.exponent == self.exponent).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(of: &ParameterType, json: Json, want: Option<Value>) {
        let found = of.convert("x", &json).ok();
        match (&found, &want) {
            (Some(a), Some(b)) if a.type_name() == b.type_name() && a.equals(b) == Some(true) => {}
            (None, None) => {}
            _ => panic!("{json} as {of:?}: {found:?}, wanted {want:?}"),
        }
    }

    #[test]
    fn fga_conditions_numbers_come_as_numbers_or_text() {
        use ParameterType::{Double, Int, Uint};
        check(&Int, json!(10), Some(Value::Int(10)));
        check(&Int, json!(10.0), Some(Value::Int(10)));
        check(&Int, json!(10.5), None);
        check(&Int, json!("10"), Some(Value::Int(10)));
        check(&Int, json!("-10.0"), Some(Value::Int(-10)));
        check(&Int, json!("1e3"), Some(Value::Int(1000)));
        check(&Int, json!("10.5"), None);
        check(&Int, json!("0.1e1"), Some(Value::Int(1)));
        check(&Int, json!("9007199254740993"), Some(Value::Int(9_007_199_254_740_993)));
        check(&Int, json!("99999999999999999999"), Some(Value::Int(i64::MAX)));
        check(&Int, json!("-1e400000000"), Some(Value::Int(i64::MIN)));
        check(&Int, json!("1e-400000000"), None);
        check(&Int, json!("ten"), None);
        check(&Int, json!(""), None);
        check(&Int, json!("0x10"), None);
        check(&Int, json!(true), None);
        check(&Int, json!(null), None);
        check(&Uint, json!(10), Some(Value::Uint(10)));
        check(&Uint, json!(-1), None);
        check(&Uint, json!("-1"), None);
        check(&Uint, json!("18446744073709551615"), Some(Value::Uint(i64::MAX as u64)));
        check(&Double, json!(0.1), Some(Value::Double(0.1)));
        check(&Double, json!("0.5"), Some(Value::Double(0.5)));
        check(&Double, json!("0.1"), None);
        check(&Double, json!("-1.250"), Some(Value::Double(-1.25)));
        check(&Double, json!("1e23"), None);
        check(&Double, json!("9007199254740993"), None);
        check(&Double, json!("1e-400"), None);
        check(&Double, json!("0"), Some(Value::Double(0.0)));
    }

    #[test]
    fn fga_conditions_texts_lists_and_maps_are_typed() {
        use ParameterType::{Any, Duration, IpAddress, Timestamp};
        check(&ParameterType::String, json!("a"), Some(Value::Text("a".into())));
        check(&ParameterType::String, json!(1), None);
        check(&ParameterType::Bool, json!(true), Some(Value::Bool(true)));
        check(&ParameterType::Bool, json!("true"), None);
        check(&Duration, json!("1h"), Some(Value::Duration(3_600_000_000_000)));
        check(&Duration, json!(1), None);
        check(&Timestamp, json!("2023-05-03"), None);
        check(&IpAddress, json!("192.168.0"), None);
        let ints = ParameterType::List(Box::new(ParameterType::Int));
        let list = Value::List(Arc::new(vec![Value::Int(1), Value::Int(2)]));
        check(&ints, json!([1, "2"]), Some(list));
        check(&ints, json!([1, "x"]), None);
        check(&ints, json!({"a": 1}), None);
        let map = ParameterType::Map(Box::new(ints));
        check(&map, json!({"a": [1.5]}), None);
        check(&map, json!([]), None);
        check(&Any, json!(null), Some(Value::Null));
        check(&Any, json!(3), Some(Value::Double(3.0)));
        let mut deep = json!(1);
        for _ in 0..NESTING_MAX {
            deep = json!([deep]);
        }
        check(&Any, deep, None);
    }
}
