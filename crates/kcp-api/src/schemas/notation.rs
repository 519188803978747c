//! Builders for structural schemas and CustomResourceDefinitions.

use serde_json::{Map, Value, json};

/// A structural schema under construction.
#[derive(Clone)]
pub(super) struct Schema(Map<String, Value>);

/// A schema of a scalar type.
fn of_type(name: &str) -> Schema {
    Schema(Map::new()).with("type", name)
}

pub(super) fn string() -> Schema {
    of_type("string")
}

pub(super) fn boolean() -> Schema {
    of_type("boolean")
}

pub(super) fn integer() -> Schema {
    of_type("integer")
}

pub(super) fn object() -> Schema {
    of_type("object")
}

/// A list whose kind is not declared: replaced as a whole.
pub(super) fn list(items: Schema) -> Schema {
    of_type("array").with("items", items.0)
}

/// A list that server-side apply replaces as a whole.
pub(super) fn atomic(items: Schema) -> Schema {
    list(items).with("x-kubernetes-list-type", "atomic")
}

/// A list without duplicates.
pub(super) fn set(items: Schema) -> Schema {
    list(items).with("x-kubernetes-list-type", "set")
}

/// A list of objects told apart by these fields.
pub(super) fn keyed(keys: &[&str], items: Schema) -> Schema {
    list(items).with("x-kubernetes-list-map-keys", keys).with("x-kubernetes-list-type", "map")
}

/// An object of strings by any key.
pub(super) fn string_map() -> Schema {
    object().with("additionalProperties", string().0)
}

/// One of some words.
pub(super) fn word_of(words: &[&str]) -> Schema {
    string().with("enum", words)
}

impl Schema {
    /// A Kubernetes quantity: a number or a number with a unit.
    pub(super) fn quantity() -> Self {
        Schema(Map::new())
            .with("anyOf", json!([{"type": "integer"}, {"type": "string"}]))
            .with(
                "pattern",
                r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$",
            )
            .with("x-kubernetes-int-or-string", true)
    }

    pub(super) fn with(mut self, key: &str, value: impl serde::Serialize) -> Self {
        self.0.insert(key.to_owned(), json!(value));
        self
    }

    pub(super) fn describe(self, text: &str) -> Self {
        self.with("description", text)
    }

    pub(super) fn values(self, schema: Schema) -> Self {
        self.with("additionalProperties", schema.0)
    }

    pub(super) fn pattern(self, pattern: &str) -> Self {
        self.with("pattern", pattern)
    }

    pub(super) fn not_empty(self) -> Self {
        self.with("minLength", 1)
    }

    pub(super) fn default(self, value: Value) -> Self {
        self.with("default", value)
    }

    /// The whole object is one value for server-side apply.
    pub(super) fn whole(self) -> Self {
        self.with("x-kubernetes-map-type", "atomic")
    }

    /// A CEL rule and what a client reads where it fails.
    pub(super) fn rule(mut self, rule: &str, message: &str) -> Self {
        push(&mut self.0, "x-kubernetes-validations", json!({"message": message, "rule": rule}));
        self
    }

    /// Exactly one of these fields is there.
    pub(super) fn one_of(self, fields: &[&str]) -> Self {
        let choices: Vec<Value> = fields.iter().map(|field| json!({"required": [field]})).collect();
        self.with("oneOf", choices)
    }

    /// An optional field.
    pub(super) fn may(mut self, name: &str, text: &str, schema: Schema) -> Self {
        let schema = if text.is_empty() { schema } else { schema.describe(text) };
        let fields = self.0.entry("properties").or_insert_with(|| json!({}));
        if let Some(fields) = fields.as_object_mut() {
            fields.insert(name.to_owned(), Value::Object(schema.0));
        }
        self
    }

    /// A required field.
    pub(super) fn must(mut self, name: &str, text: &str, schema: Schema) -> Self {
        self = self.may(name, text, schema);
        self.require(&[name])
    }

    /// Marks fields as required; the list stays sorted.
    pub(super) fn require(mut self, names: &[&str]) -> Self {
        for name in names {
            push(&mut self.0, "required", json!(name));
        }
        if let Some(Value::Array(required)) = self.0.get_mut("required") {
            required.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
        }
        self
    }
}

fn push(map: &mut Map<String, Value>, key: &str, value: Value) {
    if let Value::Array(list) = map.entry(key).or_insert_with(|| json!([])) {
        list.push(value);
    }
}

/// The schema of a kind: the three fields that open every object, described once.
pub(super) fn kind_schema(text: &str) -> Schema {
    object()
        .describe(text)
        .may(
            "apiVersion",
            "Group and version of this representation of the object; servers convert and may refuse.",
            string(),
        )
        .may("kind", "Name of the REST resource in CamelCase; it never changes.", string())
        .may("metadata", "", object())
}

/// A CustomResourceDefinition under construction.
pub(super) struct Crd(Value);

impl Crd {
    pub(super) fn new(group: &str, kind: &str, plural: &str) -> Self {
        Self(json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.{group}")},
            "spec": {
                "group": group,
                "names": {
                    "categories": ["kcp"],
                    "kind": kind,
                    "listKind": format!("{kind}List"),
                    "plural": plural,
                    "singular": kind.to_lowercase(),
                },
                "scope": "Cluster",
                "versions": [],
            },
        }))
    }

    pub(super) fn short_name(mut self, name: &str) -> Self {
        self.0["spec"]["names"]["shortNames"] = json!([name]);
        self
    }

    /// Says that only `apiVersion` changes; kcp converts its own kinds in process.
    pub(super) fn no_conversion(mut self) -> Self {
        self.0["spec"]["conversion"] = json!({"strategy": "None"});
        self
    }

    pub(super) fn version(mut self, version: Version) -> Self {
        if let Some(versions) = self.0["spec"]["versions"].as_array_mut() {
            versions.push(Value::Object(version.0));
        }
        self
    }

    pub(super) fn build(self) -> Value {
        self.0
    }
}

/// One version of a CustomResourceDefinition.
pub(super) struct Version(Map<String, Value>);

impl Version {
    /// A served and stored version without subresources.
    pub(super) fn new(name: &str, schema: Schema) -> Self {
        let mut version = Map::new();
        version.insert("name".into(), json!(name));
        version.insert("schema".into(), json!({"openAPIV3Schema": schema.0}));
        version.insert("served".into(), json!(true));
        version.insert("storage".into(), json!(true));
        Self(version)
    }

    fn with(mut self, key: &str, value: Value) -> Self {
        self.0.insert(key.to_owned(), value);
        self
    }

    pub(super) fn status(self) -> Self {
        self.with("subresources", json!({"status": {}}))
    }

    /// An empty list of subresources, where kcp declares one.
    pub(super) fn no_subresources(self) -> Self {
        self.with("subresources", json!({}))
    }

    pub(super) fn served_only(self) -> Self {
        self.with("storage", json!(false))
    }

    pub(super) fn column(self, name: &str, json_path: &str, text: &str) -> Self {
        self.typed_column(name, json_path, text, "string")
    }

    /// The column every kcp kind ends its row of built-in columns with.
    pub(super) fn age(self) -> Self {
        self.typed_column("Age", ".metadata.creationTimestamp", "", "date")
    }

    fn typed_column(mut self, name: &str, json_path: &str, text: &str, type_: &str) -> Self {
        let mut column = json!({"jsonPath": json_path, "name": name, "type": type_});
        if !text.is_empty() {
            column["description"] = json!(text);
        }
        push(&mut self.0, "additionalPrinterColumns", column);
        self
    }
}
