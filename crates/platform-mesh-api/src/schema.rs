//! Structural schemas, written as Rust: the small part of OpenAPI v3 that the kinds here use.

use serde_json::{Map, Value, json};

/// One node of a structural schema. Built by the functions of this module, refined by its methods.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema(Map<String, Value>);

impl Schema {
    fn of(type_: &str) -> Self {
        Self(Map::from_iter([("type".to_owned(), type_.into())]))
    }

    fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    /// Says what the field is for.
    pub fn doc(self, text: &str) -> Self {
        self.with("description", text)
    }
    /// Fields that must be there; order does not matter.
    pub fn required(self, fields: &[&str]) -> Self {
        self.with("required", fields.iter().map(|field| Value::from(*field)).collect::<Vec<_>>())
    }
    /// Longest string, in characters.
    pub fn max_length(self, characters: u64) -> Self {
        self.with("maxLength", characters)
    }
    /// Shortest string, in characters.
    pub fn min_length(self, characters: u64) -> Self {
        self.with("minLength", characters)
    }
    /// Fewest items of a list.
    pub fn min_items(self, items: u64) -> Self {
        self.with("minItems", items)
    }
    /// Least value of a number.
    pub fn minimum(self, value: i64) -> Self {
        self.with("minimum", value)
    }
    /// Regular expression, not anchored unless it says so.
    pub fn pattern(self, pattern: &str) -> Self {
        self.with("pattern", pattern)
    }
    /// Format of a string or number.
    pub fn format(self, format: &str) -> Self {
        self.with("format", format)
    }
    /// The only values allowed.
    pub fn one_of(self, values: &[&str]) -> Self {
        self.with("enum", values.iter().map(|value| Value::from(*value)).collect::<Vec<_>>())
    }
    /// Value of an absent field.
    pub fn default_value(self, value: Value) -> Self {
        self.with("default", value)
    }
    /// The object is replaced as a whole by server-side apply.
    pub fn atomic_map(self) -> Self {
        self.with("x-kubernetes-map-type", "atomic")
    }
    /// Items of the list are told apart by these fields.
    pub fn keyed_list(self, keys: &[&str]) -> Self {
        let keys: Vec<Value> = keys.iter().map(|key| Value::from(*key)).collect();
        self.with("x-kubernetes-list-type", "map").with("x-kubernetes-list-map-keys", keys)
    }
    /// The schema as JSON.
    pub fn into_value(self) -> Value {
        Value::Object(self.0)
    }
}

/// Any text.
pub fn string() -> Schema {
    Schema::of("string")
}
/// True or false.
pub fn boolean() -> Schema {
    Schema::of("boolean")
}
/// A 64-bit whole number.
pub fn integer64() -> Schema {
    Schema::of("integer").format("int64")
}
/// A moment, RFC 3339.
pub fn date_time() -> Schema {
    string().format("date-time")
}
/// Anything at all, kept as it is.
pub fn any() -> Schema {
    Schema(Map::new()).with("x-kubernetes-preserve-unknown-fields", true)
}
/// A list; replaced as a whole by server-side apply unless keyed.
pub fn list(item: Schema) -> Schema {
    Schema::of("array").with("items", item.into_value())
}
/// An object with free keys and values of one shape.
pub fn map_of(value: Schema) -> Schema {
    Schema::of("object").with("additionalProperties", value.into_value())
}
/// An object with these fields and no others.
pub fn object<const N: usize>(fields: [(&str, Schema); N]) -> Schema {
    let fields: Map<String, Value> =
        fields.into_iter().map(|(name, schema)| (name.to_owned(), schema.into_value())).collect();
    if fields.is_empty() { Schema::of("object") } else { Schema::of("object").with("properties", fields) }
}

/// A list of conditions as `meta/v1` defines them.
pub fn conditions() -> Schema {
    list(
        object([
            (
                "type",
                string()
                    .max_length(316)
                    .pattern(
                        r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
                    )
                    .doc("What the condition speaks of."),
            ),
            ("status", string().one_of(&["True", "False", "Unknown"]).doc("Whether it holds.")),
            (
                "reason",
                string()
                    .min_length(1)
                    .max_length(1024)
                    .pattern("^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")
                    .doc("Why, as one word."),
            ),
            ("message", string().max_length(32768).doc("Why, for people.")),
            ("observedGeneration", integer64().minimum(0).doc("Generation of the spec that this speaks of.")),
            ("lastTransitionTime", date_time().doc("When the status changed last.")),
        ])
        .required(&["lastTransitionTime", "message", "reason", "status", "type"]),
    )
    .doc("What was found, step by step.")
}

/// The schema of a whole object, around those of its spec and status.
pub(crate) fn whole(doc: &str, spec: Schema, status: Schema, spec_required: bool) -> Value {
    let root = object([
        ("apiVersion", string().doc("Group and version of this representation.")),
        ("kind", string().doc("The kind of this object.")),
        ("metadata", Schema::of("object")),
        ("spec", spec),
        ("status", status),
    ])
    .doc(doc);
    let mut root = root.into_value();
    if spec_required {
        root["required"] = json!(["spec"]);
    }
    root
}
