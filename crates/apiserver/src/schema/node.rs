//! A schema node: what one place of an object may hold.

use std::collections::BTreeMap;

use mesh_cel::Pattern;
use serde_json::{Number, Value};

use super::{formats::Format, rules::Rule};

/// The JSON type a node asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// Any type: nothing is said.
    #[default]
    Any,
    /// `object`
    Object,
    /// `array`
    Array,
    /// `string`
    String,
    /// `integer`
    Integer,
    /// `number`
    Number,
    /// `boolean`
    Boolean,
    /// `x-kubernetes-int-or-string`
    IntOrString,
}

impl Kind {
    /// The type's name in a schema; empty where nothing is said.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::Object => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::IntOrString => "integer,string",
        }
    }
}

/// How a list is owned, merged and kept free of duplicates (`x-kubernetes-list-type`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ListType {
    /// Replaced as a whole.
    #[default]
    Atomic,
    /// Scalars, each at most once.
    Set,
    /// Objects, told apart by these fields.
    Map {
        /// Field names that make an entry's identity.
        keys: Vec<String>,
    },
}

/// How a map or object is owned and merged (`x-kubernetes-map-type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MapType {
    /// Each field on its own.
    #[default]
    Granular,
    /// Replaced as a whole.
    Atomic,
}

/// What an object node says about fields it does not list.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Additional {
    /// Nothing: they are unknown, and pruned.
    #[default]
    None,
    /// `additionalProperties: true`: a map of anything.
    Anything,
    /// `additionalProperties: {…}`: a map of this.
    Schema(Box<Node>),
}

/// How strategic merge patches treat a list or map of a built-in kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PatchMeta {
    /// `x-kubernetes-patch-strategy`: `merge`, `replace`, `retainKeys`, or several with commas.
    pub strategies: Vec<String>,
    /// `x-kubernetes-patch-merge-key`: the field that tells entries of a merged list apart.
    pub merge_key: Option<String>,
}

/// One place of an object: its type, its children, its checks.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Node {
    /// The type asked for.
    pub kind: Kind,
    /// Whether null is a value here.
    pub nullable: bool,
    /// Declared fields.
    pub properties: BTreeMap<String, Node>,
    /// Undeclared fields.
    pub additional: Additional,
    /// Entries of a list.
    pub items: Option<Box<Node>>,
    /// `x-kubernetes-preserve-unknown-fields`
    pub preserve_unknown: bool,
    /// `x-kubernetes-embedded-resource`: a whole object with `apiVersion`, `kind` and `metadata`.
    pub embedded: bool,
    /// `x-kubernetes-list-type`
    pub list_type: ListType,
    /// Whether the schema spelt the list type out; duplicates are only looked for then.
    pub list_type_explicit: bool,
    /// `x-kubernetes-map-type`
    pub map_type: MapType,
    /// Value of a field that is absent.
    pub default: Option<Value>,
    /// `description`, for OpenAPI.
    pub description: Option<String>,
    /// Checks of the value itself.
    pub checks: Option<Box<Checks>>,
    /// `x-kubernetes-validations`, compiled.
    pub rules: Vec<Rule>,
    /// Strategic merge metadata of built-in kinds.
    pub patch: Option<Box<PatchMeta>>,
    /// What stands in the subtree; lets a walk turn back early.
    pub(crate) below: Below,
}

/// What a subtree holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Below {
    /// Some node has a default.
    pub(crate) defaults: bool,
    /// Some node has a CEL rule.
    pub(crate) rules: bool,
    /// Some list is a set or map, so duplicates must be looked for.
    pub(crate) lists: bool,
}

/// Checks of one value, in the words of JSON Schema.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Checks {
    /// `enum`
    pub allowed: Option<Vec<Value>>,
    /// `minimum` and whether it is excluded itself
    pub minimum: Option<(Number, bool)>,
    /// `maximum` and whether it is excluded itself
    pub maximum: Option<(Number, bool)>,
    /// `multipleOf`
    pub multiple_of: Option<Number>,
    /// `minLength`, in characters
    pub min_length: Option<u64>,
    /// `maxLength`, in characters
    pub max_length: Option<u64>,
    /// `pattern`
    pub pattern: Option<Pattern>,
    /// `format`, where it is one that is checked
    pub format: Option<Format>,
    /// `minItems`
    pub min_items: Option<u64>,
    /// `maxItems`
    pub max_items: Option<u64>,
    /// `uniqueItems`; only built-in and nested schemas may set it
    pub unique_items: bool,
    /// `minProperties`
    pub min_properties: Option<u64>,
    /// `maxProperties`
    pub max_properties: Option<u64>,
    /// `required`
    pub required: Vec<String>,
    /// `allOf`
    pub all_of: Vec<Node>,
    /// `anyOf`
    pub any_of: Vec<Node>,
    /// `oneOf`
    pub one_of: Vec<Node>,
    /// `not`
    pub not: Option<Box<Node>>,
}

impl Node {
    /// A node that accepts and keeps everything.
    #[must_use]
    pub fn anything() -> Self {
        Self { preserve_unknown: true, ..Self::default() }
    }

    /// The node of field `name`: the declared one, or that of map values.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<&Node> {
        self.properties.get(name).or(match &self.additional {
            Additional::Schema(node) => Some(node),
            _ => None,
        })
    }

    /// Whether undeclared fields are kept.
    #[must_use]
    pub fn keeps_unknown(&self) -> bool {
        self.preserve_unknown || self.additional == Additional::Anything
    }

    /// Whether the node is a map with free keys.
    #[must_use]
    pub fn is_map(&self) -> bool {
        self.additional != Additional::None
    }

    /// Fills in, bottom up, what stands below each node.
    pub(crate) fn seal(&mut self) {
        let mut below = Below {
            defaults: self.default.is_some(),
            rules: !self.rules.is_empty(),
            lists: self.list_type != ListType::Atomic,
        };
        let mut add = |node: &mut Node| {
            node.seal();
            below.defaults |= node.below.defaults;
            below.rules |= node.below.rules;
            below.lists |= node.below.lists;
        };
        self.properties.values_mut().for_each(&mut add);
        if let Some(items) = &mut self.items {
            add(items);
        }
        if let Additional::Schema(node) = &mut self.additional {
            add(node);
        }
        self.below = below;
    }
}
