//! What changes between two schemas of one resource, and which changes would refuse or lose what was accepted.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

/// A change at one place of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaChange {
    /// JSON path of the field, `$` at the top.
    pub path: String,
    /// What changed there.
    pub what: SchemaChangeKind,
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SchemaChangeKind {
    /// A field that the old schema did not have.
    FieldAdded,
    /// A field that the new schema does not have: stored values are pruned.
    FieldRemoved,
    /// An optional field that must be there now.
    NowRequired,
    /// A required field that may be missing now.
    NoLongerRequired,
    /// Another type.
    TypeChanged {
        /// Type as it was.
        from: String,
        /// Type as it is.
        to: String,
    },
    /// A limit on values that refuses more than before, or may.
    Tightened(String),
    /// A limit on values that accepts more than before.
    Loosened(String),
    /// Another default.
    DefaultChanged,
    /// Another way in which lists or maps merge under server-side apply.
    MergeChanged(String),
}

impl SchemaChange {
    /// Whether an object that was valid, or stored, may be refused or lose a value.
    pub fn is_breaking(&self) -> bool {
        match self.what {
            SchemaChangeKind::FieldAdded
            | SchemaChangeKind::NoLongerRequired
            | SchemaChangeKind::Loosened(_)
            | SchemaChangeKind::DefaultChanged => false,
            SchemaChangeKind::FieldRemoved
            | SchemaChangeKind::NowRequired
            | SchemaChangeKind::TypeChanged { .. }
            | SchemaChangeKind::Tightened(_)
            | SchemaChangeKind::MergeChanged(_) => true,
        }
    }
}

impl fmt::Display for SchemaChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.what {
            SchemaChangeKind::FieldAdded => write!(f, "`{path}` is new"),
            SchemaChangeKind::FieldRemoved => write!(f, "`{path}` is gone: stored values are pruned"),
            SchemaChangeKind::NowRequired => write!(f, "`{path}` is required now"),
            SchemaChangeKind::NoLongerRequired => write!(f, "`{path}` is no longer required"),
            SchemaChangeKind::TypeChanged { from, to } => write!(f, "`{path}` was {from} and is {to}"),
            SchemaChangeKind::Tightened(limit) => write!(f, "`{path}` accepts less: {limit}"),
            SchemaChangeKind::Loosened(limit) => write!(f, "`{path}` accepts more: {limit}"),
            SchemaChangeKind::DefaultChanged => write!(f, "`{path}` has another default"),
            SchemaChangeKind::MergeChanged(key) => write!(f, "`{path}` merges differently: {key} changed"),
        }
    }
}

/// Compares two structural schemas of one version.
///
/// Rules and patterns are not understood: a changed one counts as tightened.
pub fn compare_schemas(old: &Value, new: &Value) -> Vec<SchemaChange> {
    let mut changes = Vec::new();
    compare(old, new, "$", &mut changes);
    changes
}

/// Compares the specs of two APIResourceSchemas of one resource: every version by name, its schema by field.
/// Names, scope and versions appear under their own paths.
pub fn compare_resource_schemas(old: &Value, new: &Value) -> Vec<SchemaChange> {
    let (old, new) = (&old["spec"], &new["spec"]);
    let mut changes = Vec::new();
    let change = |path: String, what| SchemaChange { path, what };
    let words = ["group", "scope", "names.plural", "names.singular", "names.kind", "names.listKind"];
    for path in words {
        let at = |spec: &Value| path.split('.').fold(spec.clone(), |value, key| value[key].clone());
        let (a, b) = (at(old), at(new));
        if a != b {
            let what = SchemaChangeKind::TypeChanged { from: text(&a), to: text(&b) };
            changes.push(change(path.to_owned(), what));
        }
    }
    let versions = |spec: &Value| spec["versions"].as_array().cloned().unwrap_or_default();
    let path = |version: &Value| format!("versions.{}", text(&version["name"]));
    let served = |version: &Value| version["served"] != false;
    let (before, after) = (versions(old), versions(new));
    for version in &before {
        let Some(twin) = after.iter().find(|other| other["name"] == version["name"]) else {
            changes.push(change(path(version), SchemaChangeKind::FieldRemoved));
            continue;
        };
        if served(version) && !served(twin) {
            let what = SchemaChangeKind::Tightened("it is no longer served".to_owned());
            changes.push(change(path(version), what));
        }
        for mut found in compare_schemas(&version["schema"], &twin["schema"]) {
            found.path = format!("{}.schema{}", path(version), found.path.trim_start_matches('$'));
            changes.push(found);
        }
    }
    let is_new = |version: &&Value| before.iter().all(|old| old["name"] != version["name"]);
    changes.extend(after.iter().filter(is_new).map(|new| change(path(new), SchemaChangeKind::FieldAdded)));
    changes
}

/// Limits that are not understood: one more refuses more, or may.
const RULES: [&str; 12] = [
    "pattern",
    "format",
    "oneOf",
    "anyOf",
    "allOf",
    "not",
    "multipleOf",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "uniqueItems",
    "x-kubernetes-embedded-resource",
    "x-kubernetes-validations",
];

/// What decides how values merge under server-side apply, with what holds where it is missing.
const MERGES: [(&str, &str); 3] = [
    ("x-kubernetes-list-type", "atomic"),
    ("x-kubernetes-list-map-keys", ""),
    ("x-kubernetes-map-type", "granular"),
];

/// Changes of type that accept every value of before.
const WIDENINGS: [(&str, &str); 3] =
    [("integer", "number"), ("integer", INT_OR_STRING), ("string", INT_OR_STRING)];
const INT_OR_STRING: &str = "integer or string";

fn type_of(schema: &Value) -> &str {
    match schema["x-kubernetes-int-or-string"] == true {
        true => INT_OR_STRING,
        false => schema["type"].as_str().unwrap_or("nothing"),
    }
}

fn compare(old: &Value, new: &Value, path: &str, out: &mut Vec<SchemaChange>) {
    let mut push = |what| out.push(SchemaChange { path: path.to_owned(), what });
    let (before, after) = (type_of(old), type_of(new));
    if before != after {
        if !WIDENINGS.contains(&(before, after)) {
            push(SchemaChangeKind::TypeChanged { from: before.to_owned(), to: after.to_owned() });
            return;
        }
        push(SchemaChangeKind::Loosened(format!("{before} became {after}")));
    }
    bounds(old, new, &mut push);
    words(old, new, &mut push);
    for key in RULES {
        match (old.get(key), new.get(key)) {
            (a, b) if a == b => {}
            (Some(_), None) => push(SchemaChangeKind::Loosened(format!("`{key}` is gone"))),
            (None, _) => push(SchemaChangeKind::Tightened(format!("`{key}` is new"))),
            _ => push(SchemaChangeKind::Tightened(format!("`{key}` changed"))),
        }
    }
    for (key, loose) in [("nullable", true), ("x-kubernetes-preserve-unknown-fields", true)] {
        match (old[key] == loose, new[key] == loose) {
            (true, false) => push(SchemaChangeKind::Tightened(format!("`{key}` is gone"))),
            (false, true) => push(SchemaChangeKind::Loosened(format!("`{key}` is new"))),
            _ => {}
        }
    }
    for (key, default) in MERGES {
        let of = |schema: &Value| schema.get(key).cloned().unwrap_or_else(|| default.into());
        if of(old) != of(new) {
            push(SchemaChangeKind::MergeChanged(key.to_owned()));
        }
    }
    if old["default"] != new["default"] {
        push(SchemaChangeKind::DefaultChanged);
    }
    fields(old, new, path, out);
    if old["items"].is_object() || new["items"].is_object() {
        compare(&old["items"], &new["items"], &format!("{path}[]"), out);
    }
    let (before, after) = (&old["additionalProperties"], &new["additionalProperties"]);
    let below = format!("{path}.*");
    match (before.is_object(), after.is_object()) {
        (true, true) => compare(before, after, &below, out),
        (false, true) => out.push(SchemaChange { path: below, what: SchemaChangeKind::FieldAdded }),
        (true, false) if new["x-kubernetes-preserve-unknown-fields"] != true => {
            out.push(SchemaChange { path: below, what: SchemaChangeKind::FieldRemoved });
        }
        _ => {}
    }
}

fn fields(old: &Value, new: &Value, path: &str, out: &mut Vec<SchemaChange>) {
    let names = |schema: &Value| -> BTreeSet<String> {
        schema["properties"].as_object().into_iter().flat_map(|map| map.keys().cloned()).collect()
    };
    let required = |schema: &Value, name: &str| {
        schema["required"].as_array().is_some_and(|list| list.iter().any(|item| item == name))
    };
    for name in names(old).union(&names(new)) {
        let below = format!("{path}.{name}");
        let mut push = |what| out.push(SchemaChange { path: below.clone(), what });
        // A required field with a default is filled in, so that nothing is refused.
        let must =
            |schema: &Value| required(schema, name) && schema["properties"][name].get("default").is_none();
        match (must(old), must(new)) {
            (false, true) => push(SchemaChangeKind::NowRequired),
            (true, false) => push(SchemaChangeKind::NoLongerRequired),
            _ => {}
        }
        match (old["properties"].get(name), new["properties"].get(name)) {
            (Some(a), Some(b)) => compare(a, b, &below, out),
            (Some(a), None) if new["additionalProperties"].is_object() => {
                compare(a, &new["additionalProperties"], &below, out);
            }
            (Some(_), None) if new["x-kubernetes-preserve-unknown-fields"] != true => {
                push(SchemaChangeKind::FieldRemoved);
            }
            (None, Some(_)) => push(SchemaChangeKind::FieldAdded),
            _ => {}
        }
    }
}

/// Numeric limits; `true` where a greater number accepts more.
const BOUNDS: [(&str, bool); 8] = [
    ("maximum", true),
    ("maxLength", true),
    ("maxItems", true),
    ("maxProperties", true),
    ("minimum", false),
    ("minLength", false),
    ("minItems", false),
    ("minProperties", false),
];

fn bounds(old: &Value, new: &Value, push: &mut impl FnMut(SchemaChangeKind)) {
    for (key, greater_is_looser) in BOUNDS {
        let (a, b) = (old[key].as_f64(), new[key].as_f64());
        let tighter = match (a, b) {
            (a, b) if a == b => continue,
            (None, _) => true,
            (_, None) => false,
            (Some(a), Some(b)) => (b < a) == greater_is_looser,
        };
        let text = |bound: Option<f64>| bound.map_or("none".to_owned(), |bound| bound.to_string());
        let limit = format!("`{key}` from {} to {}", text(a), text(b));
        push(if tighter { SchemaChangeKind::Tightened(limit) } else { SchemaChangeKind::Loosened(limit) });
    }
}

fn words(old: &Value, new: &Value, push: &mut impl FnMut(SchemaChangeKind)) {
    let list = |schema: &Value| schema["enum"].as_array().cloned();
    match (list(old), list(new)) {
        (None, Some(_)) => push(SchemaChangeKind::Tightened("`enum` is new".to_owned())),
        (Some(_), None) => push(SchemaChangeKind::Loosened("`enum` is gone".to_owned())),
        (Some(a), Some(b)) => {
            let missing = |from: &[Value], of: &[Value]| -> Vec<String> {
                of.iter().filter(|word| !from.contains(word)).map(text).collect()
            };
            let (gone, added) = (missing(&b, &a), missing(&a, &b));
            if !gone.is_empty() {
                push(SchemaChangeKind::Tightened(format!("{} is gone", gone.join(", "))));
            }
            if !added.is_empty() {
                push(SchemaChangeKind::Loosened(format!("{} is new", added.join(", "))));
            }
        }
        (None, None) => {}
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "nothing".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn words_of(old: Value, new: Value) -> Vec<(String, bool)> {
        compare_schemas(&old, &new).iter().map(|change| (change.to_string(), change.is_breaking())).collect()
    }

    #[test]
    fn ars_06_a_comparison_tells_added_removed_and_tightened() {
        let old = json!({"type": "object", "required": ["a"], "properties": {
            "a": {"type": "string", "maxLength": 10, "enum": ["x", "y"]},
            "b": {"type": "array", "items": {"type": "integer", "minimum": 1}},
            "c": {"type": "boolean"}}});
        let new = json!({"type": "object", "required": ["b"], "properties": {
            "a": {"type": "string", "maxLength": 5, "enum": ["x", "z"]},
            "b": {"type": "array", "items": {"type": "string"}},
            "d": {"type": "object", "additionalProperties": {"type": "string"}}}});
        let expected = [
            ("`$.a` is no longer required", false),
            ("`$.a` accepts less: `maxLength` from 10 to 5", true),
            ("`$.a` accepts less: y is gone", true),
            ("`$.a` accepts more: z is new", false),
            ("`$.b` is required now", true),
            ("`$.b[]` was integer and is string", true),
            ("`$.c` is gone: stored values are pruned", true),
            ("`$.d` is new", false),
        ];
        assert_eq!(words_of(old.clone(), new), expected.map(|(text, breaks)| (text.to_owned(), breaks)));
        assert_eq!(words_of(old.clone(), old), []);
    }

    #[test]
    fn ars_06_a_required_field_with_a_default_breaks_nothing() {
        let old = json!({"type": "object", "properties": {}});
        let new = json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "default": "x"}}});
        assert_eq!(words_of(old, new), [("`$.a` is new".to_owned(), false)]);
    }

    #[test]
    fn ars_06_wider_types_and_spelt_defaults_break_nothing() {
        let field = |schema: Value| json!({"type": "object", "properties": {"a": schema}});
        let plain = json!({"type": "array", "items": {"type": "string"}});
        let mut spelt = plain.clone();
        spelt["x-kubernetes-list-type"] = json!("atomic");
        assert_eq!(words_of(field(plain.clone()), field(spelt.clone())), []);
        spelt["x-kubernetes-list-type"] = json!("set");
        assert!(words_of(field(plain), field(spelt)).iter().all(|(_, breaks)| *breaks));
        let wider = json!({"x-kubernetes-int-or-string": true});
        for (old, new, breaks) in [
            (json!({"type": "integer"}), json!({"type": "number"}), false),
            (json!({"type": "number"}), json!({"type": "integer"}), true),
            (json!({"type": "string"}), wider.clone(), false),
            (wider, json!({"type": "string"}), true),
            (json!({"type": "integer"}), json!({"type": "integer", "multipleOf": 2}), true),
        ] {
            let found = words_of(field(old), field(new));
            assert_eq!(found.iter().map(|(_, breaks)| *breaks).collect::<Vec<_>>(), [breaks], "{found:?}");
        }
        // Any key is kept by a map, so that a field may become one of them.
        let map = json!({"type": "object", "additionalProperties": {"type": "string"}});
        let kept = ("`$.*` is new".to_owned(), false);
        assert_eq!(words_of(field(json!({"type": "string"})), map.clone()), [kept]);
        assert!(words_of(field(json!({"type": "integer"})), map)[0].1);
    }

    #[test]
    fn ars_06_versions_are_compared_by_name() {
        let schema =
            |versions: Value| json!({"spec": {"group": "g", "scope": "Cluster", "versions": versions}});
        let old = schema(
            json!([{"name": "v1", "schema": {"type": "object"}}, {"name": "v2", "schema": {"type": "object"}}]),
        );
        let new = schema(
            json!([{"name": "v2", "served": false, "schema": {"type": "object", "maxProperties": 1}}, {"name": "v3", "schema": {}}]),
        );
        let texts: Vec<String> =
            compare_resource_schemas(&old, &new).iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "`versions.v1` is gone: stored values are pruned",
                "`versions.v2` accepts less: it is no longer served",
                "`versions.v2.schema` accepts less: `maxProperties` from none to 1",
                "`versions.v3` is new",
            ]
        );
    }
}
