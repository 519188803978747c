//! Checking a value against a schema, with the sentences of Kubernetes.
//!
//! On update, what did not change is not checked again (ratcheting): an object that was stored under an older schema can
//! still be written as long as the write does not touch what is wrong.

use serde_json::{Number, Value};

use super::{
    error::{FieldError, FieldPath, quoted, type_name},
    node::{Additional, Checks, Kind, Node},
};

/// Errors of one object; more are not collected.
const ERRORS_MAX: usize = 500;
/// Steps of one validation: visited values, compared enumeration values, matched characters. A large object under a schema of
/// many alternatives multiplies; this is where it ends.
const STEPS_MAX: u64 = 10_000_000;
/// Errors of one branch of an alternative: enough to find the branch that came closest.
const BRANCH_ERRORS_MAX: usize = 50;
/// Steps that writing an error costs.
const ERROR_STEPS: usize = 100;

/// Everything wrong with `value`; `old` is the stored value of an update.
pub(crate) fn validate(
    node: &Node,
    value: &Value,
    old: Option<&Value>,
    path: &FieldPath<'_>,
) -> Vec<FieldError> {
    let mut sink = Sink { errors: Vec::new(), steps: STEPS_MAX, errors_max: ERRORS_MAX };
    check(node, value, old, path, &mut sink);
    if sink.steps == 0 {
        let detail = "the object takes too many steps to validate against its schema";
        sink.errors.push(FieldError::invalid("", &Value::from(""), detail));
    }
    sink.errors
}

struct Sink {
    errors: Vec<FieldError>,
    steps: u64,
    errors_max: usize,
}

impl Sink {
    fn push(&mut self, error: FieldError) {
        if self.errors.len() < self.errors_max {
            self.charge(ERROR_STEPS);
            self.errors.push(error);
        }
    }

    fn done(&self) -> bool {
        self.errors.len() >= self.errors_max || self.steps == 0
    }

    fn charge(&mut self, steps: usize) {
        self.steps = self.steps.saturating_sub(steps as u64);
    }

    /// Errors of a value under one branch, at the cost of this validation.
    fn branch(&mut self, node: &Node, value: &Value, path: &FieldPath<'_>) -> Vec<FieldError> {
        let mut inner = Sink { errors: Vec::new(), steps: self.steps, errors_max: BRANCH_ERRORS_MAX };
        check(node, value, None, path, &mut inner);
        self.steps = inner.steps;
        inner.errors
    }
}

fn check(node: &Node, value: &Value, old: Option<&Value>, path: &FieldPath<'_>, sink: &mut Sink) {
    if sink.done() || old == Some(value) {
        return;
    }
    sink.charge(1);
    if value.is_null() && node.nullable {
        return;
    }
    if !has_kind(node.kind, value) {
        wrong_type(node.kind.as_str(), value, path, sink);
        return;
    }
    if let Some(checks) = &node.checks {
        check_value(checks, value, path, sink);
    }
    match value {
        Value::Object(map) => {
            let old = old.and_then(Value::as_object);
            if node.embedded {
                embedded_identity(map, path, sink);
            }
            for (name, child) in map {
                let old_child = old.and_then(|old| old.get(name));
                match (node.properties.get(name), &node.additional) {
                    (Some(known), _) => check(known, child, old_child, &path.field(name), sink),
                    (None, Additional::Schema(known)) => {
                        check(known, child, old_child, &path.key(name), sink)
                    }
                    (None, _) => {}
                }
            }
        }
        Value::Array(list) => {
            if let Some(items) = &node.items {
                let old = old
                    .and_then(Value::as_array)
                    .map(|old| super::lists::Correlation::new(&node.list_type, old));
                for (index, child) in list.iter().enumerate() {
                    if sink.done() {
                        break;
                    }
                    let old_child = old.as_ref().and_then(|old| old.of(child));
                    check(items, child, old_child, &path.index(index), sink);
                }
            }
        }
        _ => {}
    }
}

fn has_kind(kind: Kind, value: &Value) -> bool {
    match kind {
        Kind::Any => true,
        Kind::Object => value.is_object(),
        Kind::Array => value.is_array(),
        Kind::String => value.is_string(),
        Kind::Integer => value.as_number().is_some_and(is_integer),
        Kind::Number => value.is_number(),
        Kind::Boolean => value.is_boolean(),
        Kind::IntOrString => value.is_string() || value.as_number().is_some_and(is_integer),
    }
}

fn is_integer(number: &Number) -> bool {
    !number.is_f64() || number.as_f64().is_some_and(|n| n.fract() == 0.0)
}

fn body(path: &FieldPath<'_>) -> String {
    let path = path.dotted();
    if path.is_empty() { "body".to_owned() } else { format!("{path} in body") }
}

fn wrong_type(want: &str, value: &Value, path: &FieldPath<'_>, sink: &mut Sink) {
    let found = type_name(value);
    let detail = format!("{} must be of type {want}: {}", body(path), quoted(found));
    sink.push(FieldError::type_invalid(path.dotted(), found, &detail));
}

/// An embedded object says what it is.
fn embedded_identity(map: &serde_json::Map<String, Value>, path: &FieldPath<'_>, sink: &mut Sink) {
    for name in ["apiVersion", "kind"] {
        if map.get(name).and_then(Value::as_str).unwrap_or_default().is_empty() {
            sink.push(FieldError::required(path.field(name).to_string(), "must not be empty"));
        }
    }
}

fn check_value(checks: &Checks, value: &Value, path: &FieldPath<'_>, sink: &mut Sink) {
    let invalid = |sink: &mut Sink, shown: &Value, rule: String| {
        sink.push(FieldError::invalid(path.dotted(), shown, &format!("{} {rule}", body(path))));
    };
    sink.charge(checks.allowed.as_ref().map_or(0, |allowed| allowed.len() / 8));
    if let Some(allowed) = &checks.allowed
        && !allowed.contains(value)
    {
        let names: Vec<String> = allowed
            .iter()
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            .collect();
        sink.push(FieldError::not_supported(path.dotted(), value, &names));
    }
    match value {
        Value::String(text) => {
            sink.charge(text.len() / 64);
            let length = || text.chars().count() as u64;
            if let Some(max) = checks.max_length
                && text.len() as u64 > max
                && length() > max
            {
                sink.push(FieldError::too_long(path.dotted(), max));
            }
            if let Some(min) = checks.min_length
                && length() < min
            {
                invalid(sink, value, format!("should be at least {min} chars long"));
            }
            if let Some(pattern) = &checks.pattern
                && !pattern.is_match(text)
            {
                invalid(sink, value, format!("should match '{}'", pattern.text()));
            }
            if let Some(format) = checks.format
                && !format.holds_for_text(text)
            {
                wrong_format(format.name(), value, path, sink);
            }
        }
        Value::Number(number) => {
            check_number(checks, number, value, &invalid, sink);
            if let Some(format) = checks.format
                && !format.holds_for_number(number)
            {
                wrong_format(format.name(), value, path, sink);
            }
        }
        Value::Array(list) => {
            let count = list.len() as u64;
            if let Some(max) = checks.max_items
                && count > max
            {
                sink.push(FieldError::too_many(path.dotted(), count, max));
            }
            if let Some(min) = checks.min_items
                && count < min
            {
                invalid(sink, &Value::from(count), format!("should have at least {min} items"));
            }
            if checks.unique_items && super::lists::first_duplicate(list).is_some() {
                invalid(sink, &Value::from(""), "shouldn't contain duplicates".to_owned());
            }
        }
        Value::Object(map) => {
            for name in &checks.required {
                if !map.contains_key(name) {
                    sink.push(FieldError::required(path.field(name).dotted(), ""));
                }
            }
            let count = map.len() as u64;
            if let Some(max) = checks.max_properties
                && count > max
            {
                sink.push(FieldError::too_many(path.dotted(), count, max));
            }
            if let Some(min) = checks.min_properties
                && count < min
            {
                invalid(sink, &Value::from(count), format!("should have at least {min} properties"));
            }
        }
        _ => {}
    }
    check_junctors(checks, value, path, sink);
}

fn wrong_format(name: &str, value: &Value, path: &FieldPath<'_>, sink: &mut Sink) {
    let detail = format!("{} must be of type {name}: {value}", body(path));
    let reason = super::error::FieldReason::TypeInvalid;
    sink.push(FieldError::with_value(path.dotted(), reason, value, &detail));
}

fn check_number(
    checks: &Checks,
    number: &Number,
    value: &Value,
    invalid: &impl Fn(&mut Sink, &Value, String),
    sink: &mut Sink,
) {
    use std::cmp::Ordering::{Equal, Greater, Less};
    if let Some((min, excluded)) = &checks.minimum {
        match compare(number, min) {
            Less => {
                let words = if *excluded { "greater than" } else { "greater than or equal to" };
                invalid(sink, value, format!("should be {words} {min}"));
            }
            Equal if *excluded => invalid(sink, value, format!("should be greater than {min}")),
            _ => {}
        }
    }
    if let Some((max, excluded)) = &checks.maximum {
        match compare(number, max) {
            Greater => {
                let words = if *excluded { "less than" } else { "less than or equal to" };
                invalid(sink, value, format!("should be {words} {max}"));
            }
            Equal if *excluded => invalid(sink, value, format!("should be less than {max}")),
            _ => {}
        }
    }
    if let Some(factor) = &checks.multiple_of {
        let whole = match (number.as_i64(), factor.as_i64()) {
            (Some(number), Some(factor)) => factor != 0 && number.checked_rem(factor) == Some(0),
            _ => {
                let quotient = number.as_f64().unwrap_or_default() / factor.as_f64().unwrap_or(1.0);
                (quotient - quotient.round()).abs() < 1e-9
            }
        };
        if !whole {
            invalid(sink, value, format!("should be a multiple of {factor}"));
        }
    }
}

fn compare(a: &Number, b: &Number) -> std::cmp::Ordering {
    if let (Some(a), Some(b)) = (a.as_i64(), b.as_i64()) {
        return a.cmp(&b);
    }
    let (a, b) = (a.as_f64().unwrap_or_default(), b.as_f64().unwrap_or_default());
    a.partial_cmp(&b).unwrap_or(std::cmp::Ordering::Equal)
}

/// `allOf`, `anyOf`, `oneOf`, `not`. Their own sentence carries no field, as in Kubernetes; the errors of the branch that
/// came closest go with it.
fn check_junctors(checks: &Checks, value: &Value, path: &FieldPath<'_>, sink: &mut Sink) {
    let say = |sink: &mut Sink, rule: &str| {
        let detail = format!("{} {rule}", quoted(&path.dotted()));
        sink.push(FieldError::invalid("", &Value::from(""), &detail));
    };
    if !checks.any_of.is_empty() {
        let (passed, closest) = count_valid(&checks.any_of, value, path, true, sink);
        if passed == 0 {
            say(sink, "must validate at least one schema (anyOf)");
            closest.into_iter().for_each(|error| sink.push(error));
        }
    }
    if !checks.one_of.is_empty() {
        let (passed, closest) = count_valid(&checks.one_of, value, path, false, sink);
        if passed == 0 {
            closest.into_iter().for_each(|error| sink.push(error));
            say(sink, "must validate one and only one schema (oneOf). Found none valid");
        } else if passed > 1 {
            say(
                sink,
                &format!("must validate one and only one schema (oneOf). Found {passed} valid alternatives"),
            );
        }
    }
    if !checks.all_of.is_empty() {
        let mut passed = 0;
        for node in &checks.all_of {
            let errors = sink.branch(node, value, path);
            passed += usize::from(errors.is_empty());
            errors.into_iter().for_each(|error| sink.push(error));
        }
        if passed < checks.all_of.len() {
            let tail = if passed == 0 { ". None validated" } else { "" };
            say(sink, &format!("must validate all the schemas (allOf){tail}"));
        }
    }
    if let Some(not) = &checks.not
        && sink.branch(not, value, path).is_empty()
    {
        say(sink, "must not validate the schema (not)");
    }
}

/// How many branches hold, and the errors of the branch that failed least.
fn count_valid(
    nodes: &[Node],
    value: &Value,
    path: &FieldPath<'_>,
    first_is_enough: bool,
    sink: &mut Sink,
) -> (usize, Vec<FieldError>) {
    let mut passed = 0;
    let mut closest: Option<Vec<FieldError>> = None;
    for node in nodes {
        if sink.steps == 0 {
            break;
        }
        let errors = sink.branch(node, value, path);
        if errors.is_empty() {
            passed += 1;
            if first_is_enough {
                break;
            }
        } else if closest.as_ref().is_none_or(|best| errors.len() < best.len()) {
            closest = Some(errors);
        }
    }
    (passed, closest.unwrap_or_default())
}
