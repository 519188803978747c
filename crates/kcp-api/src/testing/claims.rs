//! Claims of both versions, of few names so that they meet.

use serde_json::{Map, Value, json};

use super::Choices;

/// Groups that generated claims name.
pub const GROUPS: [&str; 4] = ["", "apps", "events.k8s.io", "tenancy.kcp.io"];
/// Resources that generated claims name.
pub const RESOURCES: [&str; 3] = ["secrets", "events", "workspaces"];
/// Identities that generated claims name.
pub const IDENTITIES: [&str; 3] = ["", "aaaa", "bbbb"];
const WORDS: [&str; 4] = ["get", "list", "delete", "*"];

/// A label selector for claims: mostly all, sometimes labels, expressions, nothing, or a contradiction.
pub fn selector(choices: &mut Choices<'_>) -> Value {
    match choices.below(7) {
        0..3 => json!({"matchAll": true}),
        3 => json!({"matchLabels": labels(choices)}),
        4 => json!({"matchExpressions": choices.list(3, expression)}),
        5 => json!({}),
        _ => json!({"matchAll": true, "matchLabels": labels(choices), "future": [1]}),
    }
}

fn labels(choices: &mut Choices<'_>) -> Value {
    let mut map = Map::new();
    for key in ["team", "<tier>"] {
        if let Some(value) = choices.maybe(|choices| choices.word(&["a", "b"])) {
            map.insert(key.to_owned(), json!(value));
        }
    }
    Value::Object(map)
}

fn expression(choices: &mut Choices<'_>) -> Value {
    json!({
        "key": choices.word(&["team", "tier"]),
        "operator": choices.word(&["In", "NotIn", "Exists", "DoesNotExist", "Newer"]),
        "values": choices.list(3, |choices| choices.word(&["a", "b"])),
    })
}

fn verbs(choices: &mut Choices<'_>) -> Value {
    if choices.flip() {
        return json!(["*"]);
    }
    let first = choices.below(WORDS.len());
    let more = WORDS.iter().enumerate().filter(|(at, _)| *at == first || choices.one_in(3));
    more.map(|(_, word)| json!(word)).collect()
}

/// Up to four keys, none twice, in any order.
fn keys(choices: &mut Choices<'_>) -> Vec<[&'static str; 3]> {
    let mut keys = Vec::new();
    for _ in 0..choices.below(5) {
        let key = [choices.word(&GROUPS), choices.word(&RESOURCES), choices.word(&IDENTITIES)];
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// The fields that every claim has; empty ones are left out, or not, and sometimes there is one that nobody knows.
fn base(choices: &mut Choices<'_>, [group, resource, identity]: [&str; 3]) -> Map<String, Value> {
    let mut map = Map::new();
    let spells_empty = choices.flip();
    for (name, text) in [("group", group), ("resource", resource), ("identityHash", identity)] {
        if spells_empty || !text.is_empty() {
            map.insert(name.to_owned(), json!(text));
        }
    }
    if choices.one_in(3) {
        map.insert("xFuture".to_owned(), json!({"kept": true}));
    }
    map
}

/// What stands in a list of claims besides what every claim has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimList {
    /// What an export asks.
    Asked,
    /// What is in force.
    Applied,
    /// What a consumer answers.
    Answered,
}

/// Claims as v1alpha2 has them.
pub fn of_v1alpha2(choices: &mut Choices<'_>, list: ClaimList) -> Value {
    let claim = |choices: &mut Choices<'_>, key| {
        let mut map = base(choices, key);
        map.insert("verbs".to_owned(), verbs(choices));
        if choices.one_in(3) {
            map.insert("defaultSelector".to_owned(), selector(choices));
        }
        if list != ClaimList::Asked {
            map.insert("selector".to_owned(), selector(choices));
        }
        if list == ClaimList::Answered {
            map.insert("state".to_owned(), json!(choices.word(&["Accepted", "Rejected"])));
        }
        Value::Object(map)
    };
    keys(choices).into_iter().map(|key| claim(choices, key)).collect()
}

/// Claims as v1alpha1 has them.
pub fn of_v1alpha1(choices: &mut Choices<'_>, list: ClaimList) -> Value {
    let named = |choices: &mut Choices<'_>| match choices.word(&["", "a", "b"]) {
        "" => json!({"namespace": "n"}),
        name => json!({"name": name}),
    };
    let claim = |choices: &mut Choices<'_>, key| {
        let mut map = base(choices, key);
        if let Some(all) = choices.maybe(Choices::flip) {
            map.insert("all".to_owned(), json!(all));
        }
        if let Some(names) = choices.maybe(|choices| choices.list(3, named)) {
            map.insert("resourceSelector".to_owned(), Value::Array(names));
        }
        if list == ClaimList::Answered {
            map.insert("state".to_owned(), json!(choices.word(&["Accepted", "Rejected"])));
        }
        Value::Object(map)
    };
    keys(choices).into_iter().map(|key| claim(choices, key)).collect()
}
