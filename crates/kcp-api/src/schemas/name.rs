//! Names of APIResourceSchemas: `<prefix>.<plural>.<group>`.

use std::{fmt, str::FromStr};

use serde_json::Value;
use sha2::{Digest, Sha224};

use crate::encoding::hex;

/// The name of an APIResourceSchema, in parts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SchemaName {
    /// What tells generations of the schema apart, such as `v260126-7c674ee`.
    pub prefix: String,
    /// Plural resource name.
    pub resource: String,
    /// API group; empty for core, which names spell `core`.
    pub group: String,
}

impl SchemaName {
    /// The name that a resource's schema must have under a prefix.
    ///
    /// # Errors
    /// The prefix must begin with a letter and have a-z, 0-9 and inner hyphens only.
    pub fn new(prefix: &str, resource: &str, group: &str) -> Result<Self, SchemaNameError> {
        if !is_prefix(prefix) {
            return Err(SchemaNameError::Prefix { prefix: shorten(prefix) });
        }
        Ok(Self { prefix: prefix.into(), resource: resource.into(), group: group.into() })
    }

    /// `<resource>.<group or core>`, which every schema name of the resource ends with.
    pub fn suffix(resource: &str, group: &str) -> String {
        format!("{resource}.{}", if group.is_empty() { "core" } else { group })
    }
}

/// Prefix, resource and group of a schema name, without copying; `None` where a part is missing.
pub(crate) fn split(name: &str) -> Option<(&str, &str, &str)> {
    let mut parts = name.splitn(3, '.');
    let (prefix, resource, group) = (parts.next()?, parts.next()?, parts.next()?);
    let is_whole = !prefix.is_empty() && !resource.is_empty() && !group.is_empty();
    is_whole.then_some((prefix, resource, if group == "core" { "" } else { group }))
}

impl fmt::Display for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.prefix, Self::suffix(&self.resource, &self.group))
    }
}

impl FromStr for SchemaName {
    type Err = SchemaNameError;

    /// Splits at the first two dots; the word `core` becomes the empty group.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = split(text).ok_or_else(|| SchemaNameError::parts(text))?;
        Ok(Self { prefix: parts.0.into(), resource: parts.1.into(), group: parts.2.into() })
    }
}

/// Why a text is no schema name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaNameError {
    /// Fewer than three parts.
    #[error(
        "schema name `{name}` is not valid: it must be `<prefix>.<plural>.<group>`, with `core` for the core group"
    )]
    Parts {
        /// What was given, shortened.
        name: String,
    },
    /// A prefix that kcp refuses.
    #[error(
        "schema prefix `{prefix}` is not valid: it must begin with a letter and have a-z, 0-9 and inner `-` only"
    )]
    Prefix {
        /// What was given, shortened.
        prefix: String,
    },
}

impl SchemaNameError {
    /// The next step.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Parts { .. } => {
                "name schemas `<prefix>.<plural>.<group>`, for example `v1.buckets.storage.example.io`"
            }
            Self::Prefix { .. } => {
                "take `schemas::content_prefix` of the spec, or a date and a commit: `v260126-7c674ee`"
            }
        }
    }

    pub(crate) fn parts(name: &str) -> Self {
        Self::Parts { name: shorten(name) }
    }
}

/// A prefix from the day and the commit of a change: `v<yymmdd>-<commit>`.
///
/// # Errors
/// The commit must be made of lower-case letters and digits.
pub fn dated_prefix(year: u16, month: u8, day: u8, commit: &str) -> Result<String, SchemaNameError> {
    let prefix = format!("v{:02}{month:02}{day:02}-{commit}", year % 100);
    if is_prefix(&prefix) { Ok(prefix) } else { Err(SchemaNameError::Prefix { prefix: shorten(&prefix) }) }
}

/// A prefix from the content of a spec: `v` and 8 hex digits of the SHA-224 of its canonical JSON.
///
/// Equal specs give equal prefixes, whatever the order of their keys.
pub fn content_prefix(spec: &Value) -> String {
    let mut hash = Sha224::new();
    feed(spec, &mut hash);
    let digits = hex(&hash.finalize());
    format!("v{}", digits.get(..8).unwrap_or(&digits))
}

/// Feeds JSON with sorted keys, so that the hash does not depend on the map behind it.
fn feed(value: &Value, hash: &mut Sha224) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            hash.update(b"{");
            for key in keys {
                hash.update(Value::String(key.clone()).to_string());
                hash.update(b":");
                feed(&map[key], hash);
                hash.update(b",");
            }
            hash.update(b"}");
        }
        Value::Array(items) => {
            hash.update(b"[");
            for item in items {
                feed(item, hash);
                hash.update(b",");
            }
            hash.update(b"]");
        }
        scalar => hash.update(scalar.to_string()),
    }
}

fn is_prefix(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn shorten(text: &str) -> String {
    text.chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ars_01_names_are_prefix_plural_group() {
        let name: SchemaName = "v260126-7c674ee.accounts.core.platform-mesh.io".parse().unwrap();
        assert_eq!((name.prefix.as_str(), name.resource.as_str()), ("v260126-7c674ee", "accounts"));
        assert_eq!(name.group, "core.platform-mesh.io");
        assert_eq!(name.to_string(), "v260126-7c674ee.accounts.core.platform-mesh.io");
        let core: SchemaName = "today.widgets.core".parse().unwrap();
        assert_eq!((core.group.as_str(), core.to_string().as_str()), ("", "today.widgets.core"));
        for bad in ["", "a", "a.b", ".b.c", "a..c", "a.b."] {
            assert!(bad.parse::<SchemaName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn ars_04_prefixes_are_deterministic_and_valid() {
        assert_eq!(dated_prefix(2026, 1, 26, "7c674ee").unwrap(), "v260126-7c674ee");
        assert!(dated_prefix(2026, 1, 26, "ABC").is_err());
        let one = content_prefix(&json!({"group": "g", "names": {"kind": "K", "plural": "ks"}}));
        let two = content_prefix(&json!({"names": {"plural": "ks", "kind": "K"}, "group": "g"}));
        assert_eq!(one, two);
        assert!(is_prefix(&one) && one.len() == 9);
        assert_ne!(one, content_prefix(&json!({"group": "h"})));
    }
}
