//! From the JSON of an OpenAPI v3 schema to a node, refusing what is not structural.
//!
//! A schema is structural when every object, list and scalar says its type outside of `allOf`, `anyOf`, `oneOf` and `not`,
//! so that pruning and defaulting are decidable. Error paths are those of a CustomResourceDefinition.

use std::collections::BTreeMap;

use mesh_cel::Pattern;
use serde_json::{Map, Number, Value};

use super::{
    error::{FieldError, FieldReason, type_name},
    formats::Format,
    meta,
    node::{Additional, Checks, Kind, ListType, MapType, Node},
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

    fn list_type(&mut self, map: &Map<String, Value>, path: &str, node: &mut Node) {
        let keys: Vec<String> = match map.get("x-kubernetes-list-map-keys") {
            Some(Value::Array(keys)) => {
                keys.iter().filter_map(|key| key.as_str().map(str::to_owned)).collect()
            }
            _ => Vec::new(),
        };
        let keys_path = format!("{path}.x-kubernetes-list-map-keys");
        let type_path = format!("{path}.x-kubernetes-list-type");
        let text = match map.get("x-kubernetes-list-type") {
            None | Some(Value::Null) => {
                if !keys.is_empty() {
                    self.push(FieldError::required(
                        type_path,
                        "must be map if x-kubernetes-list-map-keys is non-empty",
                    ));
                }
                return;
            }
            Some(value) => value.as_str().map(str::to_owned).unwrap_or_else(|| value.to_string()),
        };
        node.list_type_explicit = true;
        if node.kind != Kind::Array {
            let value = Value::from(node.kind.as_str());
            let detail = "must be array if x-kubernetes-list-type is specified";
            self.push(FieldError::invalid(format!("{path}.type"), &value, detail));
        }
        match text.as_str() {
            "atomic" => node.list_type = ListType::Atomic,
            "set" => {
                node.list_type = ListType::Set;
                if let Some(items) = &node.items {
                    self.set_items(items, path);
                }
            }
            "map" => {
                if keys.is_empty() {
                    let detail = "must not be empty if x-kubernetes-list-type is map";
                    self.push(FieldError::required(keys_path.clone(), detail));
                }
                if let Some(items) = &node.items {
                    self.map_keys(items, &keys, path);
                }
                node.list_type = ListType::Map { keys: keys.clone() };
            }
            other => {
                self.push(FieldError::not_supported(
                    type_path,
                    &Value::from(other),
                    &["atomic", "map", "set"],
                ));
            }
        }
        if text != "map" && !keys.is_empty() {
            let value = Value::from(text);
            let detail = "must be map if x-kubernetes-list-map-keys is non-empty";
            self.push(FieldError::invalid(format!("{path}.x-kubernetes-list-type"), &value, detail));
        }
    }

    fn set_items(&mut self, items: &Node, path: &str) {
        let at = format!("{path}.items");
        if items.nullable {
            self.forbid(format!("{at}.nullable"), "cannot be nullable when x-kubernetes-list-type is set");
        }
        let detail = "must be atomic as item of a list with x-kubernetes-list-type=set";
        if items.kind == Kind::Object && items.map_type != MapType::Atomic {
            let value = Value::from("granular");
            self.push(FieldError::invalid(format!("{at}.x-kubernetes-map-type"), &value, detail));
        }
        if items.kind == Kind::Array && items.list_type != ListType::Atomic {
            let value = Value::from("map");
            self.push(FieldError::invalid(format!("{at}.x-kubernetes-list-type"), &value, detail));
        }
    }

    fn map_keys(&mut self, items: &Node, keys: &[String], path: &str) {
        if items.kind != Kind::Object {
            let value = Value::from(items.kind.as_str());
            let detail = "must be object if parent array's x-kubernetes-list-type is map";
            self.push(FieldError::invalid(format!("{path}.items.type"), &value, detail));
            return;
        }
        let required = items.checks.as_ref().map(|checks| checks.required.as_slice()).unwrap_or_default();
        for (index, key) in keys.iter().enumerate() {
            let Some(property) = items.properties.get(key) else {
                let at = format!("{path}.x-kubernetes-list-map-keys[{index}]");
                self.push(FieldError::invalid(at, &Value::from(key.as_str()), "must refer to a property"));
                continue;
            };
            if matches!(property.kind, Kind::Object | Kind::Array) {
                let at = format!("{path}.items.properties[{key}].type");
                let value = Value::from(property.kind.as_str());
                self.push(FieldError::invalid(
                    at,
                    &value,
                    "must be a scalar type if parent array's x-kubernetes-list-type is map",
                ));
            }
            if !required.contains(key) && property.default.is_none() {
                let at = format!("{path}.items.properties[{key}].default");
                let detail = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
                self.push(FieldError::required(at, detail));
            }
            if keys[..index].contains(key) {
                let at = format!("{path}.x-kubernetes-list-map-keys[{index}]");
                self.push(FieldError::duplicate(at, &Value::from(key.as_str())));
            }
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

    /// Fields that checks speak of must be declared outside of them.
    fn completeness(&mut self, node: &Node, path: &str) {
        let Some(checks) = &node.checks else { return };
        let mut missing = Vec::new();
        for (keyword, nested) in
            [("allOf", &checks.all_of), ("anyOf", &checks.any_of), ("oneOf", &checks.one_of)]
        {
            for (index, child) in nested.iter().enumerate() {
                incomplete(child, node, path, &format!("{path}.{keyword}[{index}]"), &mut missing);
            }
        }
        if let Some(not) = &checks.not {
            incomplete(not, node, path, &format!("{path}.not"), &mut missing);
        }
        for error in missing {
            self.push(error);
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

    fn list<'v>(&mut self, map: &'v Map<String, Value>, name: &str, path: &str) -> Option<&'v [Value]> {
        match map.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::Array(list)) => Some(list),
            Some(other) => {
                self.push(FieldError::type_invalid(
                    format!("{path}.{name}"),
                    type_name(other),
                    "must be an array",
                ));
                None
            }
        }
    }

    fn text(&mut self, map: &Map<String, Value>, name: &str, path: &str) -> Option<String> {
        match map.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) if text.is_empty() => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(other) => {
                self.push(FieldError::type_invalid(
                    format!("{path}.{name}"),
                    type_name(other),
                    "must be a string",
                ));
                None
            }
        }
    }

    fn flag(&mut self, map: &Map<String, Value>, name: &str, path: &str) -> bool {
        match map.get(name) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(flag)) => *flag,
            Some(other) => {
                self.push(FieldError::type_invalid(
                    format!("{path}.{name}"),
                    type_name(other),
                    "must be a boolean",
                ));
                false
            }
        }
    }

    fn number(&mut self, map: &Map<String, Value>, name: &str, path: &str) -> Option<Number> {
        match map.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::Number(number)) => Some(number.clone()),
            Some(other) => {
                self.push(FieldError::type_invalid(
                    format!("{path}.{name}"),
                    type_name(other),
                    "must be a number",
                ));
                None
            }
        }
    }

    fn bound(
        &mut self,
        map: &Map<String, Value>,
        name: &str,
        exclusive: &str,
        path: &str,
    ) -> Option<(Number, bool)> {
        let excluded = self.flag(map, exclusive, path);
        self.number(map, name, path).map(|number| (number, excluded))
    }

    fn count(&mut self, map: &Map<String, Value>, name: &str, path: &str) -> Option<u64> {
        let number = self.number(map, name, path)?;
        match number.as_u64() {
            Some(count) => Some(count),
            None if number.as_i64().is_some() => Some(0),
            None => {
                let at = format!("{path}.{name}");
                self.push(FieldError::type_invalid(at, "number", "must be an integer"));
                None
            }
        }
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

/// Reports what `nested` speaks of and `node` does not declare.
fn incomplete(nested: &Node, node: &Node, path: &str, nested_path: &str, errors: &mut Vec<FieldError>) {
    for (name, child) in &nested.properties {
        let at = format!("{path}.properties[{name}]");
        let from = format!("{nested_path}.properties[{name}]");
        match node.child(name) {
            Some(declared) => incomplete(child, declared, &at, &from, errors),
            None if errors.len() < ERRORS_MAX => {
                errors.push(FieldError::required(at, &format!("because it is defined in {from}")));
            }
            None => return,
        }
    }
    if let Some(child) = &nested.items {
        let (at, from) = (format!("{path}.items"), format!("{nested_path}.items"));
        match &node.items {
            Some(declared) => incomplete(child, declared, &at, &from, errors),
            None => errors.push(FieldError::required(at, &format!("because it is defined in {from}"))),
        }
    }
    let Some(checks) = &nested.checks else { return };
    for (keyword, deeper) in [("allOf", &checks.all_of), ("anyOf", &checks.any_of), ("oneOf", &checks.one_of)]
    {
        for (index, child) in deeper.iter().enumerate() {
            incomplete(child, node, path, &format!("{nested_path}.{keyword}[{index}]"), errors);
        }
    }
    if let Some(not) = &checks.not {
        incomplete(not, node, path, &format!("{nested_path}.not"), errors);
    }
}

/// An object node with these properties; for schemas written in code.
pub(crate) fn object(properties: impl IntoIterator<Item = (&'static str, Node)>) -> Node {
    let properties: BTreeMap<String, Node> =
        properties.into_iter().map(|(name, node)| (name.to_owned(), node)).collect();
    Node { kind: Kind::Object, properties, ..Node::default() }
}
