//! The fields of a definition that its rules look at, read once.

use serde_json::{Value, json};

/// The names of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    /// Plural, the name in URLs.
    pub plural: String,
    /// Singular.
    pub singular: String,
    /// Short names for kubectl.
    pub short_names: Vec<String>,
    /// Kind of objects.
    pub kind: String,
    /// Kind of lists.
    pub list_kind: String,
    /// Categories for kubectl.
    pub categories: Vec<String>,
}

impl Names {
    /// Reads `spec.names` or `status.acceptedNames`.
    #[must_use]
    pub fn read(json: &Value) -> Self {
        let text = |name: &str| json.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self {
            plural: text("plural"),
            singular: text("singular"),
            short_names: texts(json.get("shortNames")),
            kind: text("kind"),
            list_kind: text("listKind"),
            categories: texts(json.get("categories")),
        }
    }

    /// The names as JSON; what is empty is left out, except the two that are always there.
    #[must_use]
    pub fn write(&self) -> Value {
        let mut json = json!({"plural": self.plural, "kind": self.kind});
        for (name, text) in [("singular", &self.singular), ("listKind", &self.list_kind)] {
            if !text.is_empty() {
                json[name] = Value::from(text.as_str());
            }
        }
        for (name, list) in [("shortNames", &self.short_names), ("categories", &self.categories)] {
            if !list.is_empty() {
                json[name] = json!(list);
            }
        }
        json
    }
}

/// One version of a definition.
#[derive(Debug, Clone, PartialEq)]
pub struct Version<'a> {
    /// Its name, such as `v1alpha1`.
    pub name: &'a str,
    /// Whether it is served.
    pub served: bool,
    /// Whether objects are stored in it.
    pub storage: bool,
    /// Its whole JSON.
    pub json: &'a Value,
}

/// The names that a definition asks for.
#[must_use]
pub fn names_of(definition: &Value) -> Names {
    Names::read(definition.pointer("/spec/names").unwrap_or(&Value::Null))
}

/// The versions of a definition, in its order.
pub fn versions_of(definition: &Value) -> impl Iterator<Item = Version<'_>> {
    definition.pointer("/spec/versions").and_then(Value::as_array).into_iter().flatten().map(|json| Version {
        name: json.get("name").and_then(Value::as_str).unwrap_or_default(),
        served: json.get("served") == Some(&Value::Bool(true)),
        storage: json.get("storage") == Some(&Value::Bool(true)),
        json,
    })
}

/// Fills in what a definition may leave out: singular, list kind, conversion, and defaults of webhook references.
pub fn default(definition: &mut Value) {
    let Some(spec) = definition.get_mut("spec").and_then(Value::as_object_mut) else { return };
    if let Some(names) = spec.get_mut("names").and_then(Value::as_object_mut) {
        let kind = names.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
        let absent = |names: &serde_json::Map<String, Value>, name: &str| {
            names.get(name).and_then(Value::as_str).unwrap_or_default().is_empty()
        };
        if !kind.is_empty() {
            if absent(names, "singular") {
                names.insert("singular".to_owned(), kind.to_lowercase().into());
            }
            if absent(names, "listKind") {
                names.insert("listKind".to_owned(), format!("{kind}List").into());
            }
        }
    }
    if spec.get("conversion").is_none_or(Value::is_null) {
        spec.insert("conversion".to_owned(), json!({"strategy": "None"}));
    }
    if let Some(service) = spec
        .get_mut("conversion")
        .and_then(|conversion| conversion.pointer_mut("/webhook/clientConfig/service"))
        .and_then(Value::as_object_mut)
    {
        service.entry("port").or_insert_with(|| json!(443));
    }
}

pub(super) fn text<'a>(json: &'a Value, pointer: &str) -> &'a str {
    json.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn texts(json: Option<&Value>) -> Vec<String> {
    let list = json.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|text| text.as_str().map(str::to_owned)).collect()
}
