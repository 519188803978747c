//! From the JSON of an OpenAPI v3 schema to a node, refusing what is not structural.
//!
//! A schema is structural when every object, list and scalar says its type outside of `allOf`, `anyOf`, `oneOf` and `not`,
//! so that pruning and defaulting are decidable. Error paths are those of a CustomResourceDefinition.

mod completeness; // what checks speak of is declared
mod keywords; // one keyword
mod list_types; // sets and maps

use std::collections::BTreeMap;

use mesh_cel::Pattern;
use serde_json::{Map, Number, Value};

use super::{
    error::{FieldError, FieldReason, type_name},
    formats::Format,
    meta,
    node::{Additional, Checks, Kind, MapType, Node},
    rules,
};

/// Levels of nesting a schema may have; deeper ones are refused.
pub const SCHEMA_DEPTH_MAX: usize = 100;
/// Errors after which parsing stops; a broken schema needs no more.
const ERRORS_MAX: usize = 200;

/// Where in a schema a node stands; decides what it may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Structural,
    /// Below `allOf`, `anyOf`, `oneOf` or `not`; types are allowed for the int-or-string pattern.
    Nested {
        int_or_string: bool,
    },
}

/// Parses `json`, found at `path` of its definition, as the schema of a whole resource.
pub(crate) fn parse_root(json: &Value, path: &str) -> Result<Node, Vec<FieldError>> {
    let mut parser = Parser { errors: Vec::new() };
    let mut node = parser.node(json, path, Level::Root, 0);
    if parser.errors.is_empty() {
        parser.root_metadata(json, path);
    }
    meta::add_root_fields(&mut node);
    if parser.errors.is_empty() {
        rules::compile_tree(&mut node, json, path, &mut parser.errors);
    }
    node.seal();
    if parser.errors.is_empty() {
        super::defaulting::check_defaults(&node, path, &mut parser.errors);
    }
    if parser.errors.is_empty() { Ok(node) } else { Err(parser.errors) }
}

struct Parser {
    errors: Vec<FieldError>,
}

impl Parser {
    fn push(&mut self, error: FieldError) {
        if self.errors.len() < ERRORS_MAX {
            self.errors.push(error);
        }
    }

    fn forbid(&mut self, path: String, detail: &str) {
        self.push(FieldError::forbidden(path, detail));
    }

    fn node(&mut self, json: &Value, path: &str, level: Level, depth: usize) -> Node {
        if depth > SCHEMA_DEPTH_MAX {
            self.forbid(
                path.to_owned(),
                &format!("schemas may be nested at most {SCHEMA_DEPTH_MAX} levels deep"),
            );
            return Node::default();
        }
        if self.errors.len() >= ERRORS_MAX {
            return Node::default();
        }
        let Value::Object(map) = json else {
            self.push(FieldError::type_invalid(path, type_name(json), "must be a schema object"));
            return Node::default();
        };
        self.unsupported_keywords(map, path);
        let mut node = Node::default();
        self.kind(map, path, level, &mut node);
        node.nullable = self.flag(map, "nullable", path);
        node.description = map.get("description").and_then(Value::as_str).map(str::to_owned);
        self.children(map, path, level, depth, &mut node);
        self.extensions(map, path, level, &mut node);
        if let Some(default) = map.get("default").filter(|default| !default.is_null()) {
            node.default = Some(default.clone());
        }
        if let Level::Nested { int_or_string } = level {
            self.nested_restrictions(map, path, int_or_string);
        }
        self.checks(map, path, depth, &mut node);
        if !matches!(level, Level::Nested { .. }) {
            self.completeness(&node, path);
        }
        node
    }

    fn unsupported_keywords(&mut self, map: &Map<String, Value>, path: &str) {
        for keyword in
            ["$ref", "definitions", "dependencies", "patternProperties", "additionalItems", "id", "$schema"]
        {
            if map.get(keyword).is_some_and(|value| !value.is_null()) {
                let child = format!("{path}.{keyword}");
                self.forbid(child, &format!("{keyword} is not supported"));
            }
        }
    }

    fn kind(&mut self, map: &Map<String, Value>, path: &str, level: Level, node: &mut Node) {
        let int_or_string = self.flag(map, "x-kubernetes-int-or-string", path);
        let text = match map.get("type") {
            None | Some(Value::Null) => "",
            Some(Value::String(text)) => text,
            Some(other) => {
                self.push(FieldError::type_invalid(
                    format!("{path}.type"),
                    type_name(other),
                    "must be a string",
                ));
                return;
            }
        };
        if int_or_string {
            node.kind = Kind::IntOrString;
            if !text.is_empty() {
                self.forbid(format!("{path}.type"), "must be empty if x-kubernetes-int-or-string is true");
            }
            return;
        }
        node.kind = match text {
            "" => Kind::Any,
            "object" => Kind::Object,
            "array" => Kind::Array,
            "string" => Kind::String,
            "integer" => Kind::Integer,
            "number" => Kind::Number,
            "boolean" => Kind::Boolean,
            "null" => {
                self.forbid(
                    format!("{path}.type"),
                    "type cannot be set to null, use nullable as an alternative",
                );
                Kind::Any
            }
            other => {
                let names = ["array", "boolean", "integer", "number", "object", "string"];
                self.push(FieldError::not_supported(format!("{path}.type"), &Value::from(other), &names));
                Kind::Any
            }
        };
        if level == Level::Root {
            if text.is_empty() {
                self.push(FieldError::required(format!("{path}.type"), "must not be empty at the root"));
            } else if text != "object" {
                let value = Value::from(text);
                self.push(FieldError::invalid(format!("{path}.type"), &value, "must be object at the root"));
            }
        }
    }

    fn children(
        &mut self,
        map: &Map<String, Value>,
        path: &str,
        level: Level,
        depth: usize,
        node: &mut Node,
    ) {
        let below = match level {
            Level::Root | Level::Structural => Level::Structural,
            nested @ Level::Nested { .. } => nested,
        };
        let structural = below == Level::Structural;
        if let Some(properties) = map.get("properties").filter(|value| !value.is_null()) {
            let child_path = format!("{path}.properties");
            let Value::Object(properties) = properties else {
                self.push(FieldError::type_invalid(child_path, type_name(properties), "must be an object"));
                return;
            };
            for (name, json) in properties {
                let at = format!("{child_path}[{name}]");
                let mut child = self.node(json, &at, below, depth + 1);
                // Types of embedded and root metadata are implied, so the schema may leave them out.
                let implied =
                    level == Level::Root && matches!(name.as_str(), "metadata" | "apiVersion" | "kind");
                if structural && !implied {
                    self.needs_type(&child, &at, "must not be empty for specified object fields");
                }
                if implied && child.kind == Kind::Any {
                    child.kind = if name == "metadata" { Kind::Object } else { Kind::String };
                }
                node.properties.insert(name.clone(), child);
            }
        }
        match map.get("additionalProperties") {
            None | Some(Value::Null) => {}
            Some(Value::Bool(true)) => node.additional = Additional::Anything,
            Some(Value::Bool(false)) => {
                if !node.properties.is_empty() || structural {
                    self.forbid(
                        format!("{path}.additionalProperties"),
                        "additionalProperties cannot be set to false",
                    );
                }
            }
            Some(json) => {
                let at = format!("{path}.additionalProperties");
                let child = self.node(json, &at, below, depth + 1);
                if structural {
                    self.needs_type(&child, &at, "must not be empty for specified object fields");
                }
                node.additional = Additional::Schema(Box::new(child));
            }
        }
        if node.is_map() && !node.properties.is_empty() && structural {
            let detail = "additionalProperties and properties are mutual exclusive";
            self.forbid(format!("{path}.additionalProperties"), detail);
        }
        if node.is_map() && level == Level::Root {
            self.forbid(format!("{path}.additionalProperties"), "must not be used at the root");
        }
        match map.get("items") {
            None | Some(Value::Null) => {}
            Some(Value::Array(_)) => {
                let detail = "items must be a schema object and not an array";
                self.forbid(format!("{path}.items"), detail);
            }
            Some(json) => {
                let at = format!("{path}.items");
                let child = self.node(json, &at, below, depth + 1);
                if structural {
                    self.needs_type(&child, &at, "must not be empty for specified array items");
                    if child.nullable {
                        self.forbid(format!("{at}.nullable"), "array items cannot be nullable");
                    }
                }
                node.items = Some(Box::new(child));
            }
        }
        if structural && node.kind == Kind::Array && node.items.is_none() {
            self.push(FieldError::required(format!("{path}.items"), "must be specified"));
        }
    }

    fn needs_type(&mut self, child: &Node, path: &str, detail: &str) {
        if child.kind == Kind::Any && !child.preserve_unknown {
            self.push(FieldError::required(format!("{path}.type"), detail));
        }
    }

    fn extensions(&mut self, map: &Map<String, Value>, path: &str, level: Level, node: &mut Node) {
        match map.get("x-kubernetes-preserve-unknown-fields") {
            None | Some(Value::Null) => {}
            Some(Value::Bool(true)) => node.preserve_unknown = true,
            Some(other) => {
                let at = format!("{path}.x-kubernetes-preserve-unknown-fields");
                self.push(FieldError::invalid(at, other, "must be true or undefined"));
            }
        }
        node.embedded = self.flag(map, "x-kubernetes-embedded-resource", path);
        if node.embedded {
            if node.kind != Kind::Object {
                let value = Value::from(node.kind.as_str());
                let detail = "must be object if x-kubernetes-embedded-resource is true";
                self.push(FieldError::invalid(format!("{path}.type"), &value, detail));
            }
            if !node.preserve_unknown && node.properties.is_empty() {
                let detail = "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields";
                self.push(FieldError::required(format!("{path}.properties"), detail));
            }
            if level == Level::Root {
                self.forbid(format!("{path}.x-kubernetes-embedded-resource"), "must be empty at the root");
            }
            meta::add_embedded_fields(node);
        }
        self.list_type(map, path, node);
        match map.get("x-kubernetes-map-type").map(|value| (value, value.as_str())) {
            None | Some((Value::Null, _)) | Some((_, Some("granular"))) => {}
            Some((_, Some("atomic"))) => node.map_type = MapType::Atomic,
            Some((other, _)) => {
                let at = format!("{path}.x-kubernetes-map-type");
                self.push(FieldError::not_supported(at, other, &["atomic", "granular"]));
            }
        }
        if map.get("x-kubernetes-map-type").is_some_and(|value| !value.is_null()) && node.kind != Kind::Object
        {
            let value = Value::from(node.kind.as_str());
            let detail = "must be object if x-kubernetes-map-type is specified";
            self.push(FieldError::invalid(format!("{path}.type"), &value, detail));
        }
    }

    fn nested_restrictions(&mut self, map: &Map<String, Value>, path: &str, int_or_string: bool) {
        const EMPTY: [&str; 10] = [
            "additionalProperties",
            "default",
            "description",
            "nullable",
            "title",
            "x-kubernetes-embedded-resource",
            "x-kubernetes-int-or-string",
            "x-kubernetes-list-type",
            "x-kubernetes-map-type",
            "x-kubernetes-preserve-unknown-fields",
        ];
        for keyword in EMPTY {
            let set = map.get(keyword).is_some_and(|value| !value.is_null() && value != &Value::Bool(false));
            if set {
                self.forbid(format!("{path}.{keyword}"), "must be empty to be structural");
            }
        }
        if !int_or_string
            && map.get("type").is_some_and(|value| value.as_str() != Some("") && !value.is_null())
        {
            self.forbid(format!("{path}.type"), "must be empty to be structural");
        }
        if map
            .get("x-kubernetes-validations")
            .and_then(Value::as_array)
            .is_some_and(|rules| !rules.is_empty())
        {
            self.forbid(format!("{path}.x-kubernetes-validations"), "must be empty to be structural");
        }
    }

    fn checks(&mut self, map: &Map<String, Value>, path: &str, depth: usize, node: &mut Node) {
        let mut checks = Checks {
            allowed: self.list(map, "enum", path).map(<[Value]>::to_vec),
            minimum: self.bound(map, "minimum", "exclusiveMinimum", path),
            maximum: self.bound(map, "maximum", "exclusiveMaximum", path),
            multiple_of: self.number(map, "multipleOf", path),
            min_length: self.count(map, "minLength", path),
            max_length: self.count(map, "maxLength", path),
            min_items: self.count(map, "minItems", path),
            max_items: self.count(map, "maxItems", path),
            min_properties: self.count(map, "minProperties", path),
            max_properties: self.count(map, "maxProperties", path),
            ..Checks::default()
        };
        if checks.multiple_of.as_ref().and_then(Number::as_f64).is_some_and(|factor| factor <= 0.0) {
            self.push(FieldError::plain(
                format!("{path}.multipleOf"),
                FieldReason::Invalid,
                "must be greater than 0",
            ));
            checks.multiple_of = None;
        }
        if self.flag(map, "uniqueItems", path) {
            let detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
            self.forbid(format!("{path}.uniqueItems"), detail);
        }
        if let Some(text) = self.text(map, "pattern", path) {
            match Pattern::compile(&text) {
                Ok(pattern) => checks.pattern = Some(pattern),
                Err(error) => {
                    let detail = format!("must be a valid regular expression, but isn't: {error}");
                    self.push(FieldError::invalid(format!("{path}.pattern"), &Value::from(text), &detail));
                }
            }
        }
        checks.format = self.text(map, "format", path).and_then(|text| Format::from_name(&text));
        for (index, name) in self.list(map, "required", path).unwrap_or_default().iter().enumerate() {
            match name {
                Value::String(name) => checks.required.push(name.clone()),
                other => {
                    let at = format!("{path}.required[{index}]");
                    self.push(FieldError::type_invalid(at, type_name(other), "must be a string"));
                }
            }
        }
        let level =
            Level::Nested { int_or_string: node.kind == Kind::IntOrString || self.is_any_of_types(map) };
        checks.all_of = self.nested_list(map, "allOf", path, level, depth);
        checks.any_of = self.nested_list(map, "anyOf", path, level, depth);
        checks.one_of = self.nested_list(map, "oneOf", path, level, depth);
        if let Some(json) = map.get("not").filter(|value| !value.is_null()) {
            checks.not = Some(Box::new(self.node(json, &format!("{path}.not"), level, depth + 1)));
        }
        if checks != Checks::default() {
            node.checks = Some(Box::new(checks));
        }
    }

    /// Inside `allOf` of an int-or-string, `anyOf: [{type: integer}, {type: string}]` may stand.
    fn is_any_of_types(&self, map: &Map<String, Value>) -> bool {
        map.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true))
    }

    fn nested_list(
        &mut self,
        map: &Map<String, Value>,
        name: &str,
        path: &str,
        level: Level,
        depth: usize,
    ) -> Vec<Node> {
        let Some(list) = self.list(map, name, path) else { return Vec::new() };
        let list = list.to_vec();
        list.iter()
            .enumerate()
            .map(|(i, json)| self.node(json, &format!("{path}.{name}[{i}]"), level, depth + 1))
            .collect()
    }

    /// Of `metadata`, a schema may restrict the name only: the rest belongs to every object.
    fn root_metadata(&mut self, json: &Value, path: &str) {
        let at = format!("{path}.properties[metadata]");
        let Some(Value::Object(metadata)) = json.pointer("/properties/metadata") else { return };
        let mut fine = metadata
            .keys()
            .all(|key| matches!(key.as_str(), "type" | "description" | "properties" | "required"));
        if let Some(Value::Object(properties)) = metadata.get("properties") {
            fine &= properties.keys().all(|key| matches!(key.as_str(), "name" | "generateName"));
        }
        if !fine {
            let detail = "must not specify anything other than name and generateName, but metadata is implicitly specified";
            self.forbid(at, detail);
        } else if metadata.get("type").is_some_and(|kind| kind != "object") {
            let value = metadata.get("type").cloned().unwrap_or_default();
            self.push(FieldError::invalid(format!("{at}.type"), &value, "must be object"));
        }
    }
}

/// An object node with these properties; for schemas written in code.
pub(crate) fn object(properties: impl IntoIterator<Item = (&'static str, Node)>) -> Node {
    let properties: BTreeMap<String, Node> =
        properties.into_iter().map(|(name, node)| (name.to_owned(), node)).collect();
    Node { kind: Kind::Object, properties, ..Node::default() }
}
