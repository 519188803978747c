//! What an expression may expect of a JSON value: the types that a schema declares.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

/// The declared type of a JSON value.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Shape {
    /// Nothing is declared; the JSON decides.
    #[default]
    Dyn,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `double`; whole numbers become doubles too
    Double,
    /// `string`
    String,
    /// `bytes`, written as base64
    Bytes,
    /// `google.protobuf.Timestamp`, written as RFC 3339 or as a date
    Timestamp,
    /// `google.protobuf.Duration`, written as in Go
    Duration,
    /// A list; equality of sets and maps looks away from the order.
    List {
        /// What each entry is.
        items: Arc<Shape>,
        /// Whether the order of entries means nothing (list types `set` and `map`).
        unordered: bool,
    },
    /// A map with free keys.
    Map(Arc<Shape>),
    /// An object with declared fields. Field names that are no identifiers are escaped in expressions.
    Object {
        /// Fields by their name in JSON.
        fields: BTreeMap<String, Arc<Shape>>,
        /// Whether there may be fields that are not declared; expressions cannot reach them.
        open: bool,
    },
}

impl Shape {
    /// The shape of what nothing is known about.
    #[must_use]
    pub fn dynamic() -> Arc<Shape> {
        static DYN: LazyLock<Arc<Shape>> = LazyLock::new(|| Arc::new(Shape::Dyn));
        DYN.clone()
    }

    /// The type's name in error texts.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Dyn => "dyn",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Double => "double",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Timestamp => "timestamp",
            Self::Duration => "duration",
            Self::List { .. } => "list",
            Self::Map(_) => "map",
            Self::Object { .. } => "object",
        }
    }
}

pub(crate) static DYN: Shape = Shape::Dyn;

const KEYWORDS: [&str; 21] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// The JSON field that an identifier of an expression means: `__namespace__` is `namespace`, `a__dash__b` is `a-b`.
#[must_use]
pub fn unescape(identifier: &str) -> String {
    if let Some(word) = identifier.strip_prefix("__").and_then(|rest| rest.strip_suffix("__"))
        && KEYWORDS.contains(&word)
    {
        return word.to_owned();
    }
    if !identifier.contains("__") {
        return identifier.to_owned();
    }
    const ESCAPES: [(&str, char); 3] = [("__dot__", '.'), ("__dash__", '-'), ("__slash__", '/')];
    let mut out = String::with_capacity(identifier.len());
    let mut rest = identifier;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("__underscores__") {
            out.push_str("__");
            rest = after;
        } else if let Some((word, c)) = ESCAPES.iter().find(|(word, _)| rest.starts_with(word)) {
            out.push(*c);
            rest = &rest[word.len()..];
        } else {
            let next = rest.chars().next().map_or(1, char::len_utf8);
            out.push_str(&rest[..next]);
            rest = &rest[next..];
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_unescape_to_field_names() {
        for (identifier, field) in [
            ("name", "name"),
            ("__namespace__", "namespace"),
            ("a__dash__b", "a-b"),
            ("a__dot__b__slash__c", "a.b/c"),
            ("x__underscores__y", "x__y"),
            ("__name__", "__name__"),
        ] {
            assert_eq!(unescape(identifier), field);
        }
    }
}
