//! Any JSON where objects are expected.

use serde_json::{Map, Value, json};

use super::Choices;

const KEYS: [&str; 12] = [
    "all", "resource", "group", "selector", "matchAll", "verbs", "schema", "storage", "crd", "name",
    "export", "metadata",
];

/// Any JSON of moderate size, at most four levels deep.
pub fn json(choices: &mut Choices<'_>) -> Value {
    nested(choices, 4)
}

fn nested(choices: &mut Choices<'_>, levels: usize) -> Value {
    match choices.below(if levels == 0 { 4 } else { 8 }) {
        0 => Value::Null,
        1 => Value::Bool(choices.flip()),
        2 => json!(choices.below(60_000)),
        3 => json!(choices.text("abz.*:-", 7)),
        4 | 5 => Value::Array(choices.list(4, |choices| nested(choices, levels - 1))),
        _ => {
            let pairs =
                choices.list(4, |choices| (choices.word(&KEYS).to_owned(), nested(choices, levels - 1)));
            Value::Object(Map::from_iter(pairs))
        }
    }
}

/// An APIExport or APIBinding with any JSON in the places that conversion touches, annotations included.
pub fn object(choices: &mut Choices<'_>) -> Value {
    let (kind, version) =
        (choices.word(&["APIExport", "APIBinding"]), choices.word(&["v1alpha1", "v1alpha2"]));
    let (one, two, three, four) = (json(choices), json(choices), json(choices), json(choices));
    let retained = three.to_string();
    let metadata = if choices.flip() {
        json(choices)
    } else {
        json!({"annotations": {
            "apis.v1alpha2.kcp.io/permission-claims": retained,
            "apis.v1alpha2.kcp.io/acceptable-permission-claims": retained,
            "apis.v1alpha2.kcp.io/v1alpha1-permission-claims": retained,
            "apis.v1alpha2.kcp.io/resource-schemas": retained,
        }})
    };
    json!({
        "apiVersion": format!("apis.kcp.io/{version}"),
        "kind": kind,
        "metadata": metadata,
        "spec": {"resources": one, "latestResourceSchemas": [two], "permissionClaims": [two, three]},
        "status": four,
    })
}
