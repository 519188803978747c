//! Label selectors: the query language of `labelSelector` and the object of `matchLabels`/`matchExpressions`.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use crate::name_rules::{label_value_fault, qualified_name_fault};

/// One requirement on one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// The value is one of these.
    In(String, Vec<String>),
    /// The label is absent or its value is none of these.
    NotIn(String, Vec<String>),
    /// The label is present.
    Exists(String),
    /// The label is absent.
    Absent(String),
    /// The value is an integer above the number.
    Above(String, i64),
    /// The value is an integer below the number.
    Below(String, i64),
}

impl Requirement {
    /// Whether the labels fulfil the requirement.
    pub fn matches(&self, labels: Option<&Map<String, Value>>) -> bool {
        let value = |key: &str| labels.and_then(|l| l.get(key)).and_then(Value::as_str);
        let number = |key: &str| value(key).and_then(|v| v.parse::<i64>().ok());
        match self {
            Self::In(key, values) => value(key).is_some_and(|v| values.iter().any(|x| x == v)),
            Self::NotIn(key, values) => value(key).is_none_or(|v| values.iter().all(|x| x != v)),
            Self::Exists(key) => value(key).is_some(),
            Self::Absent(key) => value(key).is_none(),
            Self::Above(key, bound) => number(key).is_some_and(|n| n > *bound),
            Self::Below(key, bound) => number(key).is_some_and(|n| n < *bound),
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::In(key, values) if values.len() == 1 => write!(f, "{key}={}", values.concat()),
            Self::In(key, values) => write!(f, "{key} in ({})", values.join(",")),
            Self::NotIn(key, values) if values.len() == 1 => write!(f, "{key}!={}", values.concat()),
            Self::NotIn(key, values) => write!(f, "{key} notin ({})", values.join(",")),
            Self::Exists(key) => f.write_str(key),
            Self::Absent(key) => write!(f, "!{key}"),
            Self::Above(key, bound) => write!(f, "{key}>{bound}"),
            Self::Below(key, bound) => write!(f, "{key}<{bound}"),
        }
    }
}

/// Requirements that must all hold; none: everything matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector {
    /// The requirements.
    pub requirements: Vec<Requirement>,
}

impl LabelSelector {
    /// A selector of one label value.
    pub fn equals(key: &str, value: &str) -> Self {
        Self { requirements: vec![Requirement::In(key.to_owned(), vec![value.to_owned()])] }
    }

    /// Whether everything matches.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Whether the labels fulfil all requirements.
    pub fn matches_labels(&self, labels: Option<&Map<String, Value>>) -> bool {
        self.requirements.iter().all(|r| r.matches(labels))
    }

    /// Whether the labels of an object fulfil all requirements.
    pub fn matches(&self, object: &Value) -> bool {
        self.is_empty() || self.matches_labels(object.pointer("/metadata/labels").and_then(Value::as_object))
    }

    /// Reads the query language, for example `app=web,tier in (a,b),!debug`.
    ///
    /// # Errors
    /// A text that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut requirements = Vec::new();
        for part in split_outside_parentheses(text) {
            let part = part.trim();
            if part.is_empty() {
                if text.trim().is_empty() {
                    break;
                }
                return Err("found ',', expected: identifier after ','".to_owned());
            }
            requirements.push(parse_requirement(part)?);
        }
        Ok(Self { requirements })
    }

    /// Reads a `LabelSelector` object.
    ///
    /// # Errors
    /// A text that says what is wrong.
    pub fn from_value(selector: &Value) -> Result<Self, String> {
        let mut requirements = Vec::new();
        if let Some(labels) = selector.get("matchLabels").and_then(Value::as_object) {
            let sorted: BTreeMap<_, _> = labels.iter().collect();
            for (key, value) in sorted {
                let value = value.as_str().ok_or_else(|| format!("matchLabels[{key}] is not a string"))?;
                requirements.push(checked(Requirement::In(key.clone(), vec![value.to_owned()]))?);
            }
        }
        for expression in selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten() {
            let key = expression.get("key").and_then(Value::as_str).unwrap_or_default().to_owned();
            let values: Vec<String> = expression
                .get("values")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|v| v.as_str().map(str::to_owned))
                .collect();
            let requirement = match expression.get("operator").and_then(Value::as_str).unwrap_or_default() {
                "In" | "NotIn" if values.is_empty() => {
                    return Err("for 'in', 'notin' operators, values set can't be empty".to_owned());
                }
                "In" => Requirement::In(key, values),
                "NotIn" => Requirement::NotIn(key, values),
                "Exists" => Requirement::Exists(key),
                "DoesNotExist" => Requirement::Absent(key),
                other => return Err(format!("\"{other}\" is not a valid label selector operator")),
            };
            requirements.push(checked(requirement)?);
        }
        Ok(Self { requirements })
    }
}

impl fmt::Display for LabelSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, requirement) in self.requirements.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            write!(f, "{requirement}")?;
        }
        Ok(())
    }
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (i, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn parse_requirement(part: &str) -> Result<Requirement, String> {
    if let Some(key) = part.strip_prefix('!') {
        return checked(Requirement::Absent(key.trim().to_owned()));
    }
    if let Some(requirement) = parse_set(part)? {
        return checked(requirement);
    }
    let one = |value: &str| vec![value.trim().to_owned()];
    let requirement = if let Some((key, value)) = part.split_once("!=") {
        Requirement::NotIn(key.trim().to_owned(), one(value))
    } else if let Some((key, value)) = part.split_once("==") {
        Requirement::In(key.trim().to_owned(), one(value))
    } else if let Some((key, value)) = part.split_once('=') {
        Requirement::In(key.trim().to_owned(), one(value))
    } else if let Some((key, value)) = part.split_once('>') {
        Requirement::Above(key.trim().to_owned(), parse_bound(value)?)
    } else if let Some((key, value)) = part.split_once('<') {
        Requirement::Below(key.trim().to_owned(), parse_bound(value)?)
    } else {
        Requirement::Exists(part.to_owned())
    };
    checked(requirement)
}

fn parse_bound(text: &str) -> Result<i64, String> {
    text.trim().parse().map_err(|_| "for 'Gt', 'Lt' operators, the value must be an integer".to_owned())
}

/// `key in (a,b)` or `key notin (a,b)`.
fn parse_set(part: &str) -> Result<Option<Requirement>, String> {
    let Some((head, tail)) = part.split_once('(') else { return Ok(None) };
    let mut words = head.split_whitespace();
    let (Some(key), Some(operator), None) = (words.next(), words.next(), words.next()) else {
        return Err(format!("unable to parse requirement: `{part}`"));
    };
    let Some(list) = tail.trim_end().strip_suffix(')') else {
        return Err(format!(
            "unable to parse requirement: found end of text, expected: ',' or ')' in `{part}`"
        ));
    };
    let values: Vec<String> = list.split(',').map(|v| v.trim().to_owned()).collect();
    match operator {
        "in" => Ok(Some(Requirement::In(key.to_owned(), values))),
        "notin" => Ok(Some(Requirement::NotIn(key.to_owned(), values))),
        other => Err(format!(
            "unable to parse requirement: found '{other}', expected: in, notin, =, ==, !=, gt, lt"
        )),
    }
}

fn checked(requirement: Requirement) -> Result<Requirement, String> {
    let (key, values): (&str, &[String]) = match &requirement {
        Requirement::In(key, values) | Requirement::NotIn(key, values) => (key, values),
        Requirement::Exists(key)
        | Requirement::Absent(key)
        | Requirement::Above(key, _)
        | Requirement::Below(key, _) => (key, &[]),
    };
    if let Some(fault) = qualified_name_fault(key) {
        return Err(format!("key: Invalid value: \"{key}\": {fault}"));
    }
    for value in values {
        if let Some(fault) = label_value_fault(value) {
            return Err(format!("values[0][{key}]: Invalid value: \"{value}\": {fault}"));
        }
    }
    Ok(requirement)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(selector: &str, labels: Value, expected: bool) {
        let object = json!({"metadata": {"labels": labels}});
        assert_eq!(LabelSelector::parse(selector).unwrap().matches(&object), expected, "{selector}");
    }

    #[test]
    fn dev_03_label_selectors_match_as_in_kubernetes() {
        check("", json!({}), true);
        check("a=b", json!({"a": "b"}), true);
        check("a==b,c!=d", json!({"a": "b"}), true);
        check("a!=b", json!({"a": "b"}), false);
        check("a in (x, y)", json!({"a": "y"}), true);
        check("a notin (x,y)", json!({"a": "y"}), false);
        check("a notin (x,y)", json!({}), true);
        check("a", json!({"a": ""}), true);
        check("!a", json!({"a": ""}), false);
        check("a=", json!({"a": ""}), true);
        check("n>3", json!({"n": "4"}), true);
        check("n<3", json!({"n": "x"}), false);
    }

    #[test]
    fn dev_03_malformed_label_selectors_are_refused() {
        for bad in ["a=b,,c", "a in x", "a in (x", "a b (c)", "=x", "a=-", "a>x"] {
            assert!(LabelSelector::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn dev_03_selector_objects_print_as_queries() {
        let selector = LabelSelector::from_value(&json!({
            "matchLabels": {"b": "1", "a": "2"},
            "matchExpressions": [{"key": "c", "operator": "In", "values": ["x", "y"]}, {"key": "d", "operator": "DoesNotExist"}],
        }))
        .unwrap();
        assert_eq!(selector.to_string(), "a=2,b=1,c in (x,y),!d");
        assert_eq!(LabelSelector::parse(&selector.to_string()).unwrap(), selector);
    }
}
