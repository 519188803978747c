//! Arbitrary objects of every kind, for property tests of whoever reads or writes them. Feature `testing`.

use proptest::{
    collection::{btree_map, vec},
    option,
    prelude::*,
    sample::select,
};
use serde_json::{Map, Value, json};

use crate::Definition;

/// How strange the objects are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strangeness {
    /// As a server sends them: accepted by the schema, lists and maps that may be absent are not empty, and no field
    /// that the schema does not name.
    Plain,
    /// The same with words that no enumeration names, and fields that no schema names wherever the types of this crate
    /// keep them: not within metadata, conditions and tuples.
    Newer,
    /// With unknown fields at every level, and with `null` and emptiness in optional fields.
    Hostile,
}

/// Objects of a kind.
///
/// ```
/// use platform_mesh_api::{ACCOUNT, Account, testing::{Strangeness, objects}};
/// use proptest::prelude::*;
///
/// proptest!(|(object in objects(&ACCOUNT, Strangeness::Newer))| {
///     let account: Account = serde_json::from_value(object.clone()).unwrap();
///     prop_assert_eq!(serde_json::to_value(&account).unwrap(), object);
/// });
/// ```
pub fn objects(definition: &Definition, strangeness: Strangeness) -> BoxedStrategy<Value> {
    let (api_version, kind) = (definition.api_version(), definition.kind);
    let schema = definition.object_schema();
    let part = |name: &str| by_schema(&schema["properties"][name], strangeness, Place::Inside);
    let unknown = unknown_fields(strangeness != Strangeness::Plain);
    (metadata(strangeness), part("spec"), option::of(part("status")), unknown)
        .prop_map(move |(metadata, spec, status, unknown)| {
            let mut object = unknown;
            object.insert("apiVersion".to_owned(), json!(api_version));
            object.insert("kind".to_owned(), json!(kind));
            object.insert("metadata".to_owned(), metadata);
            object.insert("spec".to_owned(), spec);
            object.extend(status.map(|status| ("status".to_owned(), status)));
            Value::Object(object)
        })
        .boxed()
}

/// One object with every field that the schema of its kind names, whatever it is worth.
pub fn full_object(definition: &Definition) -> Value {
    let schema = definition.object_schema();
    json!({
        "apiVersion": definition.api_version(),
        "kind": definition.kind,
        "metadata": {"name": "full"},
        "spec": full(&schema["properties"]["spec"]),
        "status": full(&schema["properties"]["status"]),
    })
}

/// Whether the type of a place keeps unknown fields by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Inside,
    /// An item of conditions or tuples.
    Closed,
}

fn metadata(strangeness: Strangeness) -> BoxedStrategy<Value> {
    let texts = || btree_map("[a-z]{1,4}(/[a-z]{1,4})?", "[a-z]{0,4}", 1..3);
    let unknown = unknown_fields(strangeness == Strangeness::Hostile);
    let owner = unknown_fields(strangeness == Strangeness::Hostile).prop_map(|mut owner| {
        owner.extend([
            ("apiVersion".to_owned(), json!("v1")),
            ("kind".to_owned(), json!("Namespace")),
            ("name".to_owned(), json!("n")),
            ("uid".to_owned(), json!("u")),
        ]);
        Value::Object(owner)
    });
    (
        "[a-z]{1,8}",
        option::of(texts()),
        option::of(texts()),
        option::of(vec("[a-z]{1,4}/[a-z]{1,4}", 1..3)),
        option::of(vec(owner, 1..3)),
        option::of(0..9i64),
        unknown,
    )
        .prop_map(|(name, labels, annotations, finalizers, owners, generation, mut metadata)| {
            metadata.insert("name".to_owned(), json!(name));
            let mut set = |field: &str, value: Option<Value>| {
                metadata.extend(value.map(|value| (field.to_owned(), value)));
            };
            set("labels", labels.map(|labels| json!(labels)));
            set("annotations", annotations.map(|annotations| json!(annotations)));
            set("finalizers", finalizers.map(|finalizers| json!(finalizers)));
            set("ownerReferences", owners.map(Value::Array));
            set("generation", generation.map(Value::from));
            Value::Object(metadata)
        })
        .boxed()
}

fn unknown_fields(wanted: bool) -> BoxedStrategy<Map<String, Value>> {
    if !wanted {
        return Just(Map::new()).boxed();
    }
    btree_map(select(vec!["xFuture".to_owned(), "yFuture".to_owned()]), anything(), 0..2)
        .prop_map(Map::from_iter)
        .boxed()
}

/// Any JSON but `null`, which servers take for an absent field.
fn anything() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(prop_oneof![3 => inner.clone(), 1 => Just(Value::Null)], 0..3).prop_map(Value::from),
            btree_map("[a-z]{1,3}", inner, 0..3).prop_map(Value::from_iter),
        ]
    })
    .boxed()
}

fn by_schema(schema: &Value, strangeness: Strangeness, place: Place) -> BoxedStrategy<Value> {
    match schema["type"].as_str() {
        Some("boolean") => any::<bool>().prop_map(Value::from).boxed(),
        Some("integer") => {
            (schema["minimum"].as_i64().unwrap_or(i64::MIN)..=i64::MAX).prop_map(Value::from).boxed()
        }
        Some("array") => {
            let item = by_schema(&schema["items"], strangeness, item_place(&schema["items"]));
            let least = if strangeness == Strangeness::Hostile { 0 } else { 1 };
            vec(item, least..3).prop_map(Value::from).boxed()
        }
        Some("object") if schema["additionalProperties"].is_object() => {
            let value = by_schema(&schema["additionalProperties"], strangeness, Place::Inside);
            let least = usize::from(strangeness != Strangeness::Hostile);
            btree_map("[a-z]{1,4}", value, least..3).prop_map(Value::from_iter).boxed()
        }
        Some("object") => fields(schema, strangeness, place),
        Some("string") => texts(schema, strangeness),
        _ => anything(),
    }
}

/// Conditions and tuples are told apart by what they must have.
fn item_place(item: &Value) -> Place {
    let required = |field: &str| {
        item["required"].as_array().is_some_and(|required| required.iter().any(|name| name == field))
    };
    if required("lastTransitionTime") || (required("relation") && required("user")) {
        Place::Closed
    } else {
        Place::Inside
    }
}

fn fields(schema: &Value, strangeness: Strangeness, place: Place) -> BoxedStrategy<Value> {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut all = unknown_fields(match strangeness {
        Strangeness::Plain => false,
        Strangeness::Newer => place == Place::Inside,
        Strangeness::Hostile => true,
    });
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        let value = by_schema(schema, strangeness, Place::Inside);
        let field = match (required.contains(&name.as_str()), strangeness) {
            (true, _) => value.prop_map(Some).boxed(),
            (false, Strangeness::Hostile) => {
                prop_oneof![2 => Just(None), 2 => value.prop_map(Some), 1 => Just(Some(Value::Null))].boxed()
            }
            (false, _) => option::of(value).boxed(),
        };
        let name = name.clone();
        all = (all, field)
            .prop_map(move |(mut object, value)| {
                object.extend(value.map(|value| (name.clone(), value)));
                object
            })
            .boxed();
    }
    all.prop_map(Value::Object).boxed()
}

fn texts(schema: &Value, strangeness: Strangeness) -> BoxedStrategy<Value> {
    if let Some(values) = schema["enum"].as_array() {
        let mut values = values.clone();
        if strangeness != Strangeness::Plain {
            values.push(json!("newer"));
        }
        return select(values).boxed();
    }
    match samples(schema) {
        Some(samples) => select(samples.to_vec()).prop_map(Value::from).boxed(),
        None => prop_oneof![".{0,12}", "[a-z:*#@-]{0,12}"].prop_map(Value::from).boxed(),
    }
}

/// Texts that a format or pattern lets through.
fn samples(schema: &Value) -> Option<&'static [&'static str]> {
    if schema["format"] == "date-time" {
        return Some(&["2026-01-02T03:04:05Z", "1999-12-31T23:59:59Z"]);
    }
    if schema["format"] == "email" {
        return Some(&["ann@acme.test", "first.last+tag@a-b.example.org"]);
    }
    schema["pattern"].is_string().then_some(&["Ready", "WorkspaceSubroutine"])
}

fn full(schema: &Value) -> Value {
    match schema["type"].as_str() {
        Some("boolean") => json!(true),
        Some("integer") => json!(7),
        Some("array") => json!([full(&schema["items"])]),
        Some("object") if schema["additionalProperties"].is_object() => {
            json!({"key": full(&schema["additionalProperties"])})
        }
        Some("object") => schema["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, schema)| (name.clone(), full(schema)))
            .collect(),
        Some("string") => match schema["enum"].as_array() {
            Some(values) => values.first().cloned().unwrap_or_default(),
            None => json!(samples(schema).and_then(|samples| samples.first()).unwrap_or(&"text")),
        },
        _ => json!({"any": ["thing"]}),
    }
}
