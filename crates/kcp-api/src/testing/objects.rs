//! APIExports and APIBindings of both versions, as conversion may meet them.

use serde_json::{Map, Value, json};

use super::Choices;
use super::claims::{ClaimList, of_v1alpha1, of_v1alpha2};
use crate::Kind;
use crate::apis::{v1alpha1, v1alpha2};

fn metadata(choices: &mut Choices<'_>) -> Value {
    let mut map = Map::new();
    map.insert("name".to_owned(), json!("x"));
    if choices.flip() {
        let key = choices.word(&["kcp.io/path", "note"]);
        map.insert("annotations".to_owned(), json!({key: choices.word(&["x", "y"])}));
    }
    if choices.one_in(3) {
        map.insert("xFuture".to_owned(), json!([null]));
    }
    Value::Object(map)
}

fn object<K: Kind>(choices: &mut Choices<'_>, spec: Option<Value>, status: Option<Value>) -> Value {
    let mut map = Map::new();
    map.insert("apiVersion".to_owned(), json!(K::API_VERSION));
    map.insert("kind".to_owned(), json!(K::KIND));
    map.insert("metadata".to_owned(), metadata(choices));
    map.extend(spec.map(|spec| ("spec".to_owned(), spec)));
    map.extend(status.map(|status| ("status".to_owned(), status)));
    Value::Object(map)
}

/// A section with some of these fields, and sometimes one that nobody knows.
fn section(choices: &mut Choices<'_>, fields: Vec<(&str, Value)>) -> Value {
    let mut map = Map::new();
    for (name, value) in fields {
        if choices.below(4) < 3 {
            map.insert(name.to_owned(), value);
        }
    }
    if choices.one_in(3) {
        map.insert("xFuture".to_owned(), json!("kept"));
    }
    Value::Object(map)
}

/// An APIExport as v1alpha1 spells it.
pub fn export_v1alpha1(choices: &mut Choices<'_>) -> Value {
    let schemas = choices.list(6, |choices| {
        let prefix = choices.word(&["v0", "v1", "v2"]);
        let group = choices.word(&["core", "a.io", "b.a.io"]);
        json!(format!("{prefix}.{}.{group}", choices.word(&["x", "y"])))
    });
    let claims = of_v1alpha1(choices, ClaimList::Asked);
    let fields = vec![("latestResourceSchemas", Value::Array(schemas)), ("permissionClaims", claims)];
    let spec = (!choices.one_in(8)).then(|| section(choices, fields));
    object::<v1alpha1::ApiExport>(choices, spec, None)
}

/// An APIExport as v1alpha2 spells it.
pub fn export_v1alpha2(choices: &mut Choices<'_>) -> Value {
    let resources = choices.list(6, published_resource);
    let claims = of_v1alpha2(choices, ClaimList::Asked);
    let fields = vec![("resources", Value::Array(resources)), ("permissionClaims", claims)];
    let spec = (!choices.one_in(8)).then(|| section(choices, fields));
    object::<v1alpha2::ApiExport>(choices, spec, None)
}

/// Stored or virtual; sometimes with a name that does not follow from the schema's, or a field that nobody knows.
fn published_resource(choices: &mut Choices<'_>) -> Value {
    let group = choices.word(&["", "a.io"]);
    let name = choices.word(&["x", "y", "z"]);
    let suffix = if group.is_empty() { "core" } else { group };
    let schema = format!("{}.{name}.{suffix}", choices.word(&["v0", "v1", "v2"]));
    let mut map = Map::new();
    map.insert("group".to_owned(), json!(group));
    let odd = choices.below(8);
    map.insert("name".to_owned(), json!(if odd == 1 { "other" } else { name }));
    map.insert("schema".to_owned(), json!(if odd == 2 { "short" } else { &schema }));
    if odd == 3 {
        map.insert("xFuture".to_owned(), json!(1));
    }
    let reference = json!({"apiGroup": "cache.kcp.io", "kind": "K", "name": "n"});
    match choices.below(8) {
        0..4 => map.insert("storage".to_owned(), json!({"crd": {}})),
        4 => None,
        5 => map.insert("storage".to_owned(), json!({"crd": {"future": 1}})),
        _ => map
            .insert("storage".to_owned(), json!({"virtual": {"reference": reference, "identityHash": "h"}})),
    };
    Value::Object(map)
}

fn binding<K: Kind>(choices: &mut Choices<'_>, claims: fn(&mut Choices<'_>, ClaimList) -> Value) -> Value {
    let reference = json!({"export": {"name": "e", "path": "root:p"}});
    let mut spec = Map::from_iter([("reference".to_owned(), reference)]);
    if choices.below(4) < 3 {
        spec.insert("permissionClaims".to_owned(), claims(choices, ClaimList::Answered));
    }
    let bound = json!([{"group": "a.io", "resource": "x", "schema": {"UID": "u"}}]);
    let fields = vec![
        ("exportPermissionClaims", claims(choices, ClaimList::Asked)),
        ("appliedPermissionClaims", claims(choices, ClaimList::Applied)),
        ("boundResources", bound),
    ];
    let status = choices.maybe(|choices| section(choices, fields));
    object::<K>(choices, Some(Value::Object(spec)), status)
}

/// An APIBinding as v1alpha1 spells it.
pub fn binding_v1alpha1(choices: &mut Choices<'_>) -> Value {
    binding::<v1alpha1::ApiBinding>(choices, of_v1alpha1)
}

/// An APIBinding as v1alpha2 spells it.
pub fn binding_v1alpha2(choices: &mut Choices<'_>) -> Value {
    binding::<v1alpha2::ApiBinding>(choices, of_v1alpha2)
}

/// A generator for an object of a kind that has two versions; `None` for other kinds.
pub fn of_kind(api_version: &str, kind: &str) -> Option<fn(&mut Choices<'_>) -> Value> {
    match (kind, api_version) {
        (v1alpha1::ApiExport::KIND, v1alpha1::ApiExport::API_VERSION) => Some(export_v1alpha1),
        (v1alpha1::ApiExport::KIND, v1alpha2::ApiExport::API_VERSION) => Some(export_v1alpha2),
        (v1alpha1::ApiBinding::KIND, v1alpha1::ApiBinding::API_VERSION) => Some(binding_v1alpha1),
        (v1alpha1::ApiBinding::KIND, v1alpha2::ApiBinding::API_VERSION) => Some(binding_v1alpha2),
        _ => None,
    }
}
