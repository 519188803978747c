//! Values that only the running kcp knows: identities of exports, names of logical clusters, ids of clients. In an
//! object each stands as a placeholder, `${identity-hash root tenancy.kcp.io}`, so that a manifest can be read as it is.

use std::fmt;

use serde_json::Value;

/// A value to be looked up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lookup {
    /// `status.identityHash` of an APIExport.
    IdentityHash {
        /// Path of the workspace that holds the export.
        workspace: String,
        /// Name of the export.
        export: String,
    },
    /// Name of the logical cluster behind a workspace.
    Cluster {
        /// Path of the workspace.
        workspace: String,
    },
    /// The ids of all clients in the status of an IdentityProviderConfiguration, sorted; a list.
    ClientIds {
        /// Path of the workspace that holds the configuration.
        workspace: String,
        /// Name of the configuration.
        configuration: String,
    },
}

/// A value that nobody could say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not known yet")]
pub struct UnresolvedLookup(pub Lookup);

impl fmt::Display for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IdentityHash { workspace, export } => write!(f, "${{identity-hash {workspace} {export}}}"),
            Self::Cluster { workspace } => write!(f, "${{cluster {workspace}}}"),
            Self::ClientIds { workspace, configuration } => {
                write!(f, "${{client-ids {workspace} {configuration}}}")
            }
        }
    }
}

impl Lookup {
    pub(super) fn identity_hash(workspace: &str, export: &str) -> Self {
        Self::IdentityHash { workspace: workspace.to_owned(), export: export.to_owned() }
    }

    pub(super) fn cluster(workspace: &str) -> Self {
        Self::Cluster { workspace: workspace.to_owned() }
    }

    pub(super) fn client_ids(workspace: &str, configuration: &str) -> Self {
        Self::ClientIds { workspace: workspace.to_owned(), configuration: configuration.to_owned() }
    }

    fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split(' ').collect();
        match words.as_slice() {
            ["identity-hash", workspace, export] => Some(Self::identity_hash(workspace, export)),
            ["cluster", workspace] => Some(Self::cluster(workspace)),
            ["client-ids", workspace, configuration] => Some(Self::client_ids(workspace, configuration)),
            _ => None,
        }
    }
}

/// Splits a text at its first placeholder.
fn first_placeholder(text: &str) -> Option<(&str, Lookup, &str)> {
    let start = text.find("${")?;
    let rest = text.get(start + 2..)?;
    let end = rest.find('}')?;
    let lookup = Lookup::parse(rest.get(..end)?)?;
    Some((text.get(..start)?, lookup, rest.get(end + 1..)?))
}

pub(super) fn lookups_in(value: &Value) -> Vec<Lookup> {
    fn walk(value: &Value, found: &mut Vec<Lookup>) {
        match value {
            Value::String(text) => {
                let mut rest = text.as_str();
                while let Some((_, lookup, after)) = first_placeholder(rest) {
                    if !found.contains(&lookup) {
                        found.push(lookup);
                    }
                    rest = after;
                }
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
            Value::Object(fields) => fields.values().for_each(|field| walk(field, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(value, &mut found);
    found
}

pub(super) fn resolve(
    value: &Value,
    find: &dyn Fn(&Lookup) -> Option<Value>,
) -> Result<Value, UnresolvedLookup> {
    Ok(match value {
        Value::String(text) => resolve_text(text, find)?,
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| resolve(item, find)).collect::<Result<_, _>>()?)
        }
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(key, field)| Ok((key.clone(), resolve(field, find)?)))
                .collect::<Result<_, UnresolvedLookup>>()?,
        ),
        other => other.clone(),
    })
}

/// A text that is one placeholder becomes the value, whatever its type; within a longer text only texts fit.
fn resolve_text(text: &str, find: &dyn Fn(&Lookup) -> Option<Value>) -> Result<Value, UnresolvedLookup> {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, lookup, after)) = first_placeholder(rest) {
        let value = find(&lookup).ok_or_else(|| UnresolvedLookup(lookup.clone()))?;
        if result.is_empty() && before.is_empty() && after.is_empty() {
            return Ok(value);
        }
        result.push_str(before);
        result.push_str(value.as_str().ok_or(UnresolvedLookup(lookup))?);
        rest = after;
    }
    result.push_str(rest);
    Ok(Value::String(result))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn boot_placeholders_are_found_filled_in_and_reported() {
        let hash = Lookup::identity_hash("root", "tenancy.kcp.io");
        let cluster = Lookup::cluster("root:platform-mesh-system");
        let clients = Lookup::client_ids("root:platform-mesh-system", "welcome");
        let object = json!({"a": hash.to_string(), "b": [format!("sa:{cluster}:x")], "c": clients.to_string(), "d": "$ {} ${what}"});
        assert_eq!(lookups_in(&object), [hash.clone(), cluster.clone(), clients.clone()]);
        let find = |lookup: &Lookup| match lookup {
            Lookup::IdentityHash { .. } => Some(json!("h")),
            Lookup::Cluster { .. } => Some(json!("id1")),
            Lookup::ClientIds { .. } => Some(json!(["x", "y"])),
        };
        assert_eq!(
            resolve(&object, &find),
            Ok(json!({"a": "h", "b": ["sa:id1:x"], "c": ["x", "y"], "d": "$ {} ${what}"}))
        );
        assert_eq!(
            resolve(&object, &|lookup| (lookup != &cluster).then(|| json!(""))),
            Err(UnresolvedLookup(cluster.clone()))
        );
    }
}
