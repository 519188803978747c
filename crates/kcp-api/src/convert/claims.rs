//! Lists of claims between the versions; `scoped` lists carry a selector each.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::ConversionError;

/// What tells the two kinds of lists apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Claims that an export asks: verbs, and a default selector.
    Asked,
    /// Answers and claims in force: verbs and a selector.
    Scoped,
}

/// Makes v1alpha2 claims in place; returns v1alpha1 claims to retain.
pub(super) fn to_v1alpha2(
    claims: &mut [Value],
    retained: &[Value],
    scope: Scope,
    path: &str,
) -> Result<Vec<Value>, ConversionError> {
    let mut keep = Vec::new();
    let retained = Retained::new(retained);
    // Claims of an export that were born in v1alpha2 have neither field, and nothing to retain.
    let is_own = |claim: &Value| claim.get("all").is_some() || claim.get("resourceSelector").is_some();
    let worth_keeping = scope == Scope::Scoped || claims.iter().any(is_own);
    for (index, claim) in claims.iter_mut().enumerate() {
        let map = object(claim, path, index)?;
        let original = worth_keeping.then(|| map.clone());
        let all = map.remove("all");
        let names = map.remove("resourceSelector");
        let known = retained.of(map);
        match known {
            Some(entry) => {
                for field in ["verbs", "defaultSelector", "selector"] {
                    if let Some(value) = entry.get(field).filter(|value| !value.is_null()) {
                        map.insert(field.to_owned(), value.clone());
                    }
                }
            }
            None => {
                map.insert("verbs".to_owned(), json!(["*"]));
            }
        }
        let mut derived_all = None;
        if scope == Scope::Scoped {
            if known.is_none() {
                map.insert("selector".to_owned(), json!({"matchAll": true}));
            }
            let match_all = map.get("selector").and_then(|selector| selector.get("matchAll"));
            derived_all = (match_all == Some(&Value::Bool(true))).then_some(Value::Bool(true));
        }
        let rebuilt = scope == Scope::Scoped && names.is_none() && all == derived_all;
        if let Some(original) = original.filter(|_| !rebuilt) {
            keep.push(Value::Object(original));
        }
    }
    Ok(keep)
}

/// Makes v1alpha1 claims in place; returns v1alpha2 claims to retain.
pub(super) fn to_v1alpha1(
    claims: &mut [Value],
    retained: &[Value],
    scope: Scope,
    path: &str,
) -> Result<Vec<Value>, ConversionError> {
    let mut keep = Vec::new();
    let retained = Retained::new(retained);
    for (index, claim) in claims.iter_mut().enumerate() {
        let map = object(claim, path, index)?;
        let verbs = map.remove("verbs");
        let default_selector = map.remove("defaultSelector");
        let selector = if scope == Scope::Scoped { map.remove("selector") } else { None };
        let every_verb = verbs.as_ref().is_some_and(is_every_verb);
        let every_object = scope == Scope::Asked || selector.as_ref().is_some_and(is_match_all);
        let match_all =
            selector.as_ref().and_then(|selector| selector.get("matchAll")) == Some(&Value::Bool(true));
        if !every_verb || !every_object || default_selector.is_some() {
            keep.push(retained_entry(map, verbs, default_selector, selector));
        }
        if scope == Scope::Scoped && match_all {
            map.insert("all".to_owned(), Value::Bool(true));
        }
        if let Some(entry) = retained.of(map) {
            for field in ["all", "resourceSelector"] {
                map.remove(field);
                if let Some(value) = entry.get(field) {
                    map.insert(field.to_owned(), value.clone());
                }
            }
        }
    }
    Ok(keep)
}

/// A v1alpha2 claim as kcp writes it: empty group and identity left out, verbs always there.
fn retained_entry(
    claim: &Map<String, Value>,
    verbs: Option<Value>,
    default_selector: Option<Value>,
    selector: Option<Value>,
) -> Value {
    let mut entry = Map::new();
    for field in ["group", "resource", "identityHash", "state"] {
        if let Some(value) = claim.get(field).filter(|value| !value.is_null() && value.as_str() != Some("")) {
            entry.insert(field.to_owned(), value.clone());
        }
    }
    entry.insert("verbs".to_owned(), verbs.unwrap_or(Value::Null));
    let selectors = [("defaultSelector", default_selector), ("selector", selector)];
    for (field, value) in selectors {
        if let Some(value) = value {
            entry.insert(field.to_owned(), value);
        }
    }
    Value::Object(entry)
}

fn is_every_verb(verbs: &Value) -> bool {
    matches!(verbs, Value::Array(list) if matches!(list.as_slice(), [Value::String(verb)] if verb == "*"))
}

fn is_match_all(selector: &Value) -> bool {
    matches!(selector, Value::Object(map) if map.len() == 1 && map.get("matchAll") == Some(&Value::Bool(true)))
}

/// Retained claims by what makes a claim the same: group, resource and identity, where nothing is the empty text.
struct Retained<'a>(BTreeMap<[&'a str; 3], &'a Value>);

impl<'a> Retained<'a> {
    fn new(entries: &'a [Value]) -> Self {
        let mut by_key = BTreeMap::new();
        for entry in entries {
            by_key.entry(claim_key(|field| entry.get(field))).or_insert(entry);
        }
        Self(by_key)
    }

    fn of(&self, claim: &Map<String, Value>) -> Option<&'a Value> {
        self.0.get(&claim_key(|field| claim.get(field))).copied()
    }
}

fn claim_key<'a>(field: impl Fn(&'static str) -> Option<&'a Value>) -> [&'a str; 3] {
    ["resource", "group", "identityHash"].map(|name| field(name).and_then(Value::as_str).unwrap_or_default())
}

fn object<'a>(
    claim: &'a mut Value,
    path: &str,
    index: usize,
) -> Result<&'a mut Map<String, Value>, ConversionError> {
    claim.as_object_mut().ok_or_else(|| ConversionError::field(format!("{path}[{index}]"), "an object"))
}
