//! Messages and fields of the built-in kinds.

use std::{collections::BTreeMap, sync::LazyLock};

use super::{nodes::Element, parse::parse};
use crate::fields::MergeSchema;

static TABLE: LazyLock<Table> = LazyLock::new(|| parse(include_str!("generated/kinds.txt")));

/// The table of the built-in kinds.
pub fn table() -> &'static Table {
    &TABLE
}

/// All messages, and which of them are kinds.
#[derive(Debug, Default)]
pub struct Table {
    pub(super) messages: Vec<Message>,
    pub(super) names: BTreeMap<String, usize>,
    /// By `apiVersion` and kind.
    pub(super) kinds: BTreeMap<(String, String), usize>,
}

impl Table {
    /// The message of a kind, for example `rbac.authorization.k8s.io/v1`, `Role`.
    pub fn kind(&self, api_version: &str, kind: &str) -> Option<&Message> {
        // Delete options travel under the version of whatever is deleted.
        let api_version = if kind == "DeleteOptions" { "meta.k8s.io/v1" } else { api_version };
        self.message(*self.kinds.get(&(api_version.to_owned(), kind.to_owned()))?)
    }

    /// Every kind in the table, as `apiVersion` and kind.
    pub fn kinds(&self) -> impl Iterator<Item = (&str, &str)> {
        self.kinds.keys().map(|(v, k)| (v.as_str(), k.as_str()))
    }

    pub(crate) fn message(&self, index: usize) -> Option<&Message> {
        self.messages.get(index)
    }

    /// A message by its name in the table, for example `meta/v1.ObjectMeta`.
    pub fn named(&self, name: &str) -> Option<&Message> {
        self.message(*self.names.get(name)?)
    }

    /// The schema of `metadata`.
    pub(crate) fn object_meta(&self) -> &dyn MergeSchema {
        match self.named("meta/v1.ObjectMeta") {
            Some(message) => message,
            None => &crate::fields::DEDUCED,
        }
    }
}

/// An object type.
#[derive(Debug, Default)]
pub struct Message {
    /// Name in the table.
    pub name: String,
    /// Whether its values are owned as one piece.
    pub atomic: bool,
    /// Fields in table order; a field named `-` is another message whose fields stand in its place.
    pub fields: Vec<Field>,
    pub(super) by_number: BTreeMap<u32, usize>,
}

impl Message {
    /// The field with this wire number.
    pub fn by_number(&self, number: u32) -> Option<&Field> {
        self.fields.get(*self.by_number.get(&number)?)
    }

    /// The field with this JSON name, embedded messages included.
    pub fn by_name(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find_map(|field| match (&field.ty, field.name.as_str()) {
            (Type::Message(inner), "-") => table().message(*inner)?.by_name(name),
            (_, own) => (own == name).then_some(field),
        })
    }
}

/// How often a field occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Many {
    /// Once.
    One,
    /// As a list.
    List,
    /// As a map from strings.
    Map,
}

/// The type of a value, of a list item or of a map value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Text.
    String,
    /// Bytes; base64 in JSON.
    Bytes,
    /// True or false.
    Bool,
    /// 32-bit integer.
    Int32,
    /// 64-bit integer.
    Int64,
    /// Fraction.
    Float64,
    /// Time in seconds.
    Time,
    /// Time in microseconds.
    MicroTime,
    /// Quantity; text in JSON.
    Quantity,
    /// Integer or text.
    IntOrString,
    /// Any JSON.
    Raw,
    /// List of text that is a message of its own on the wire.
    Items,
    /// JSON schema or true or false.
    SchemaOrBool,
    /// JSON schema or a list of them.
    SchemaOrArray,
    /// JSON schema or a list of property names.
    SchemaOrStrings,
    /// Another message, by its place in the table.
    Message(usize),
}

/// How a list is owned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListType {
    /// One piece.
    Atomic,
    /// Distinct scalars.
    Set,
    /// Objects told apart by keys.
    Keyed,
}

/// One field of a message.
#[derive(Debug)]
pub struct Field {
    /// Number on the wire.
    pub number: u32,
    /// Name in JSON; `-` for an embedded message.
    pub name: String,
    /// How often it occurs.
    pub many: Many,
    /// Type of the value, the items or the map values.
    pub ty: Type,
    /// Whether an empty value is left out of JSON.
    pub omit_empty: bool,
    /// Whether absent and empty differ.
    pub optional: bool,
    /// How a list is owned.
    pub list: ListType,
    /// Keys of a keyed list.
    pub keys: Vec<String>,
    /// Whether an object is owned as one piece in this place.
    pub atomic: bool,
    /// Whether strategic merge patches merge this list.
    pub patch_merge: bool,
    /// Whether strategic merge patches drop fields not named in `$retainKeys`.
    pub patch_retain_keys: bool,
    /// Key by which strategic merge patches match list items; none for lists of scalars.
    pub merge_key: Option<String>,
    pub(super) element: Element,
}
