//! Arbitrary objects: by schema for every kind, and of few names so that claims meet.
#![allow(dead_code, reason = "each test target uses some")]

use std::collections::BTreeMap;

use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

/// Group, resource, identity.
pub type Key = (&'static str, &'static str, &'static str);

/// What a v1alpha1 claim has besides its key: spelling of empty fields, an unknown field, `all`, names, answer.
type OldClaim = (bool, bool, Option<bool>, Option<Vec<Option<&'static str>>>, bool);

pub fn key() -> impl Strategy<Value = Key> {
    (
        select(vec!["", "apps", "events.k8s.io", "tenancy.kcp.io"]),
        select(vec!["secrets", "events", "workspaces"]),
        select(vec!["", "aaaa", "bbbb"]),
    )
}

pub fn verbs() -> impl Strategy<Value = Vec<&'static str>> {
    prop_oneof![
        Just(vec!["*"]),
        btree_set(select(vec!["get", "list", "delete", "*"]), 1..4).prop_map(|set| set.into_iter().collect()),
    ]
}

pub fn labels() -> impl Strategy<Value = BTreeMap<String, String>> {
    btree_map(
        select(vec!["team".to_owned(), "<tier>".to_owned()]),
        select(vec!["a".to_owned(), "b".to_owned()]),
        0..3,
    )
}

pub fn selector() -> impl Strategy<Value = Value> {
    let expression = (
        select(vec!["team", "tier"]),
        select(vec!["In", "NotIn", "Exists", "DoesNotExist", "Newer"]),
        vec(select(vec!["a", "b"]), 0..3),
    )
        .prop_map(|(key, operator, values)| json!({"key": key, "operator": operator, "values": values}));
    prop_oneof![
        3 => Just(json!({"matchAll": true})),
        1 => labels().prop_map(|labels| json!({"matchLabels": labels})),
        1 => vec(expression, 0..3).prop_map(|list| json!({"matchExpressions": list})),
        1 => Just(json!({})),
        1 => labels().prop_map(|labels| json!({"matchAll": true, "matchLabels": labels, "future": [1]})),
    ]
}

fn fill(map: &mut Map<String, Value>, fields: impl IntoIterator<Item = (&'static str, Option<Value>)>) {
    for (name, value) in fields {
        if let Some(value) = value {
            map.insert(name.to_owned(), value);
        }
    }
}

/// The three fields that every claim has; empty ones are left out, or not.
fn claim_base((group, resource, identity): Key, spell_empty: bool, unknown: bool) -> Map<String, Value> {
    let mut map = Map::new();
    let empty = |text: &str| (spell_empty || !text.is_empty()).then(|| json!(text));
    fill(
        &mut map,
        [
            ("group", empty(group)),
            ("resource", Some(json!(resource))),
            ("identityHash", empty(identity)),
            ("xFuture", unknown.then(|| json!({"kept": true}))),
        ],
    );
    map
}

/// Claims as v1alpha2 has them; `scoped` ones have a selector, `answered` ones a state.
pub fn claims_v2(scoped: bool, answered: bool) -> impl Strategy<Value = Value> {
    let rest = (any::<bool>(), any::<bool>(), verbs(), option::of(selector()), selector(), any::<bool>());
    btree_map(key(), rest, 0..5).prop_map(move |rows| {
        let claim = |(key, (spell, unknown, verbs, default, selector, yes))| {
            let mut map = claim_base(key, spell, unknown);
            let state = if yes { "Accepted" } else { "Rejected" };
            fill(
                &mut map,
                [
                    ("verbs", Some(json!(verbs))),
                    ("defaultSelector", default),
                    ("selector", scoped.then_some(selector)),
                    ("state", answered.then(|| json!(state))),
                ],
            );
            Value::Object(map)
        };
        rows.into_iter().map(claim).collect()
    })
}

/// Claims as v1alpha1 has them.
pub fn claims_v1(answered: bool) -> impl Strategy<Value = Value> {
    let names = vec(option::of(select(vec!["a", "b"])), 0..3);
    let rest = (any::<bool>(), any::<bool>(), option::of(any::<bool>()), option::of(names), any::<bool>());
    btree_map(key(), rest, 0..5).prop_map(move |rows| {
        let claim = |(key, (spell, unknown, all, names, yes)): (Key, OldClaim)| {
            let mut map = claim_base(key, spell, unknown);
            let named =
                |name: &Option<&str>| name.map_or(json!({"namespace": "n"}), |name| json!({"name": name}));
            let state = if yes { "Accepted" } else { "Rejected" };
            fill(
                &mut map,
                [
                    ("all", all.map(Value::Bool)),
                    ("resourceSelector", names.map(|names| names.iter().map(named).collect())),
                    ("state", answered.then(|| json!(state))),
                ],
            );
            Value::Object(map)
        };
        rows.into_iter().map(claim).collect()
    })
}

fn metadata() -> impl Strategy<Value = Value> {
    let annotations =
        option::of(btree_map(select(vec!["kcp.io/path", "note"]), select(vec!["x", "y"]), 1..3));
    (annotations, any::<bool>()).prop_map(|(annotations, unknown)| {
        let mut map = Map::new();
        fill(
            &mut map,
            [
                ("name", Some(json!("x"))),
                ("annotations", annotations.map(|map| json!(map))),
                ("xFuture", unknown.then(|| json!([null]))),
            ],
        );
        Value::Object(map)
    })
}

fn object(
    version: &'static str,
    kind: &'static str,
    metadata: Value,
    spec: Option<Value>,
    status: Option<Value>,
) -> Value {
    let mut map = Map::new();
    fill(
        &mut map,
        [
            ("apiVersion", Some(json!(format!("apis.kcp.io/{version}")))),
            ("kind", Some(json!(kind))),
            ("metadata", Some(metadata)),
            ("spec", spec),
            ("status", status),
        ],
    );
    Value::Object(map)
}

fn resource_v2() -> impl Strategy<Value = Value> {
    let storage = prop_oneof![
        4 => Just(Some(json!({"crd": {}}))),
        1 => Just(None),
        1 => Just(Some(json!({"crd": {"future": 1}}))),
        2 => Just(Some(json!({"virtual": {"reference": {"apiGroup": "cache.kcp.io", "kind": "K", "name": "n"}, "identityHash": "h"}}))),
    ];
    (select(vec!["", "a.io"]), select(vec!["x", "y", "z"]), 0..4u8, storage, 0..8u8).prop_map(
        |(group, name, prefix, storage, odd)| {
            let suffix = if group.is_empty() { "core" } else { group };
            let mut map = Map::new();
            let schema = if odd == 0 { "short".to_owned() } else { format!("v{prefix}.{name}.{suffix}") };
            fill(
                &mut map,
                [
                    ("group", Some(json!(group))),
                    ("name", Some(json!(if odd == 1 { "other" } else { name }))),
                    ("schema", Some(json!(schema))),
                    ("storage", storage),
                    ("xFuture", (odd == 2).then(|| json!(1))),
                ],
            );
            Value::Object(map)
        },
    )
}

pub fn export_v2() -> impl Strategy<Value = Value> {
    let spec = (option::of(vec(resource_v2(), 0..6)), option::of(claims_v2(false, false)), any::<bool>());
    let spec = option::of(spec.prop_map(|(resources, claims, unknown)| {
        let mut map = Map::new();
        fill(
            &mut map,
            [
                ("resources", resources.map(Value::Array)),
                ("permissionClaims", claims),
                ("xFuture", unknown.then(|| json!("kept"))),
            ],
        );
        Value::Object(map)
    }));
    (metadata(), spec).prop_map(|(metadata, spec)| object("v1alpha2", "APIExport", metadata, spec, None))
}

pub fn export_v1() -> impl Strategy<Value = Value> {
    let name = (0..4u8, select(vec!["x", "y"]), select(vec!["core", "a.io", "b.a.io"]))
        .prop_map(|(prefix, name, group)| json!(format!("v{prefix}.{name}.{group}")));
    let spec = (option::of(vec(name, 0..6)), option::of(claims_v1(false)), any::<bool>());
    let spec = option::of(spec.prop_map(|(names, claims, unknown)| {
        let mut map = Map::new();
        fill(
            &mut map,
            [
                ("latestResourceSchemas", names.map(Value::Array)),
                ("permissionClaims", claims),
                ("xFuture", unknown.then(|| json!("kept"))),
            ],
        );
        Value::Object(map)
    }));
    (metadata(), spec).prop_map(|(metadata, spec)| object("v1alpha1", "APIExport", metadata, spec, None))
}

fn binding(
    version: &'static str,
    answers: impl Strategy<Value = Value>,
    asked: impl Strategy<Value = Value>,
    applied: impl Strategy<Value = Value>,
) -> impl Strategy<Value = Value> {
    let status =
        (option::of(asked), option::of(applied), any::<bool>()).prop_map(|(asked, applied, unknown)| {
            let mut map = Map::new();
            fill(
                &mut map,
                [
                    ("exportPermissionClaims", asked),
                    ("appliedPermissionClaims", applied),
                    (
                        "boundResources",
                        unknown.then(|| json!([{"group": "a.io", "resource": "x", "schema": {"UID": "u"}}])),
                    ),
                ],
            );
            Value::Object(map)
        });
    (metadata(), option::of(answers), option::of(status)).prop_map(move |(metadata, answers, status)| {
        let mut spec = Map::new();
        fill(
            &mut spec,
            [
                ("reference", Some(json!({"export": {"name": "e", "path": "root:p"}}))),
                ("permissionClaims", answers),
            ],
        );
        object(version, "APIBinding", metadata, Some(Value::Object(spec)), status)
    })
}

pub fn binding_v2() -> impl Strategy<Value = Value> {
    binding("v1alpha2", claims_v2(true, true), claims_v2(false, false), claims_v2(true, false))
}

pub fn binding_v1() -> impl Strategy<Value = Value> {
    binding("v1alpha1", claims_v1(true), claims_v1(false), claims_v1(false))
}

/// Any object that a schema describes, with fields that it does not know anywhere.
pub fn by_schema(schema: &Value) -> BoxedStrategy<Value> {
    if let Some(words) = schema["enum"].as_array() {
        let mut words = words.clone();
        words.push(json!("Newer"));
        return select(words).boxed();
    }
    if schema["x-kubernetes-int-or-string"] == true {
        return select(vec![json!("2Gi"), json!("100m")]).boxed();
    }
    match schema["type"].as_str() {
        Some("object") => by_object_schema(schema),
        Some("array") => vec(by_schema(&schema["items"]), 0..3).prop_map(Value::Array).boxed(),
        Some("boolean") => any::<bool>().prop_map(Value::Bool).boxed(),
        Some("integer") => (-5..500i32).prop_map(Value::from).boxed(),
        _ if schema["format"] == "date-time" => {
            select(vec![json!("2026-01-26T10:00:00Z"), json!("2026-01-26T10:00:00.123456Z")]).boxed()
        }
        _ if schema["format"] == "byte" => Just(json!("AAAA")).boxed(),
        _ => "[a-z]{0,3}".prop_map(Value::from).boxed(),
    }
}

fn by_object_schema(schema: &Value) -> BoxedStrategy<Value> {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut fields = Vec::new();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        if ["apiVersion", "kind", "metadata"].contains(&name.as_str())
            && field.get("description").is_none_or(|_| name != "metadata")
            && !schema["properties"]["spec"].is_null()
        {
            continue;
        }
        let name = name.clone();
        let always = required.contains(&name.as_str());
        let value = by_schema(field);
        let value = if always { value.prop_map(Some).boxed() } else { option::of(value).boxed() };
        fields.push(value.prop_map(move |value| value.map(|value| (name.clone(), value))));
    }
    let values = &schema["additionalProperties"];
    if values.is_object() {
        return btree_map("[a-z]{1,3}", by_schema(values), 0..3).prop_map(|map| json!(map)).boxed();
    }
    (fields, option::of(select(vec![json!(1), json!(null), json!({"a": [{}]}), json!([])])))
        .prop_map(|(fields, unknown)| {
            let mut map: Map<String, Value> = fields.into_iter().flatten().collect();
            fill(&mut map, [("xFuture", unknown)]);
            Value::Object(map)
        })
        .boxed()
}

/// Any JSON of moderate size.
pub fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z.*]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let keys = select(vec![
            "all", "resource", "group", "selector", "matchAll", "verbs", "schema", "storage", "crd", "name",
            "export",
        ]);
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Array),
            btree_map(keys, inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

/// An object of the right kind with any JSON in the places that conversion touches.
pub fn hostile_object() -> impl Strategy<Value = Value> {
    let fields = (json_value(), json_value(), json_value(), json_value(), option::of(json_value()));
    (any::<bool>(), any::<bool>(), fields).prop_map(|(export, old, (one, two, three, four, meta))| {
        let text = three.to_string();
        json!({
            "apiVersion": if old { "apis.kcp.io/v1alpha1" } else { "apis.kcp.io/v1alpha2" },
            "kind": if export { "APIExport" } else { "APIBinding" },
            "metadata": meta.unwrap_or_else(|| json!({"annotations": {
                "apis.v1alpha2.kcp.io/permission-claims": text,
                "apis.v1alpha2.kcp.io/v1alpha1-permission-claims": text,
                "apis.v1alpha2.kcp.io/resource-schemas": text,
            }})),
            "spec": {"resources": one, "latestResourceSchemas": [two.clone()], "permissionClaims": [two, three]},
            "status": four,
        })
    })
}
