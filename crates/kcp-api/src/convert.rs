//! APIExport and APIBinding between v1alpha1 and v1alpha2, on JSON: unknown fields go along, and what a version
//! cannot express waits in kcp's annotations for the way back.
//!
//! What an older client changes between the two ways wins where the older version can express it: a claim that
//! it removes is gone, one that it adds is there, a new answer counts. Verbs and selectors, which it cannot see,
//! stay as they were; a claim never gets wider on the way.
//!
//! ```
//! use serde_json::json;
//!
//! let export = json!({
//!     "apiVersion": "apis.kcp.io/v1alpha1",
//!     "kind": "APIExport",
//!     "metadata": {"name": "cloud"},
//!     "spec": {"latestResourceSchemas": ["v1.buckets.storage.example.io"]},
//! });
//! let newer = kcp_api::convert(export.clone(), "apis.kcp.io/v1alpha2")?;
//! assert_eq!(newer["spec"]["resources"][0]["name"], "buckets");
//! assert_eq!(kcp_api::convert(newer, "apis.kcp.io/v1alpha1")?, export);
//! # Ok::<(), kcp_api::ConversionError>(())
//! ```

mod api_binding; // reference, answers, status
mod api_export; // resources and claims
mod claims; // lists of claims, with and without a scope
mod retained; // annotations that keep what a version cannot express
mod typed; // the same for Rust values

use serde_json::Value;

use crate::Kind;
use crate::apis::{v1alpha1, v1alpha2};
use crate::schemas::SchemaNameError;

/// Why an object cannot be converted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConversionError {
    /// Nothing is known about such a conversion.
    #[error("`{kind}` cannot be converted from `{from}` to `{to}`: no such conversion")]
    NoSuchConversion {
        /// Kind found.
        kind: String,
        /// apiVersion found.
        from: String,
        /// apiVersion wanted.
        to: String,
    },
    /// A field has another type than the kind says.
    #[error("`{path}` must be {wanted}")]
    Field {
        /// JSON path of the field.
        path: String,
        /// What belongs there.
        wanted: &'static str,
    },
    /// A schema name without prefix, resource and group.
    #[error("`{path}` does not name a schema")]
    SchemaName {
        /// JSON path of the field.
        path: String,
        /// What is wrong with the name.
        source: SchemaNameError,
    },
    /// A retained annotation that is no JSON list of objects.
    #[error("annotation `{key}` cannot be read: {why}")]
    Annotation {
        /// Annotation key.
        key: String,
        /// What is wrong with the value.
        why: String,
    },
}

impl ConversionError {
    /// The next step.
    pub fn help(&self) -> &'static str {
        match self {
            Self::NoSuchConversion { .. } => {
                "only APIExport and APIBinding have two versions: v1alpha1 and v1alpha2"
            }
            Self::Field { .. } => "compare the object with its schema",
            Self::SchemaName { .. } => "name schemas `<prefix>.<plural>.<group>`",
            Self::Annotation { .. } => "remove the annotation; kcp writes it again",
        }
    }

    pub(crate) fn field(path: impl Into<String>, wanted: &'static str) -> Self {
        Self::Field { path: path.into(), wanted }
    }
}

/// Converts one object to another `apiVersion`; the object of the same version comes back as it is.
///
/// # Errors
/// The kind must have both versions, and the fields that conversion touches the types of the schema.
pub fn convert(mut object: Value, to: &str) -> Result<Value, ConversionError> {
    const OLD: &str = v1alpha1::ApiExport::API_VERSION;
    const NEW: &str = v1alpha2::ApiExport::API_VERSION;
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (from, kind) = (text("apiVersion"), text("kind"));
    if from == to {
        return Ok(object);
    }
    match (kind.as_str(), from.as_str(), to) {
        (v1alpha1::ApiExport::KIND, OLD, NEW) => api_export::to_v1alpha2(&mut object)?,
        (v1alpha1::ApiExport::KIND, NEW, OLD) => api_export::to_v1alpha1(&mut object)?,
        (v1alpha1::ApiBinding::KIND, OLD, NEW) => api_binding::to_v1alpha2(&mut object)?,
        (v1alpha1::ApiBinding::KIND, NEW, OLD) => api_binding::to_v1alpha1(&mut object)?,
        _ => return Err(ConversionError::NoSuchConversion { kind, from, to: to.to_owned() }),
    }
    object["apiVersion"] = Value::String(to.to_owned());
    Ok(object)
}

/// The list at `<parent>.<key>`, taken out; `None` where there is none, or `null`.
fn take_list(object: &mut Value, parent: &str, key: &str) -> Result<Option<Vec<Value>>, ConversionError> {
    let Some(parent_map) = section(object, parent)? else { return Ok(None) };
    match parent_map.remove(key) {
        None => Ok(None),
        Some(Value::Array(list)) => Ok(Some(list)),
        Some(Value::Null) => {
            parent_map.insert(key.to_owned(), Value::Null);
            Ok(None)
        }
        Some(_) => Err(ConversionError::field(format!("{parent}.{key}"), "a list")),
    }
}

/// The object at a top-level key; `None` where there is none, or `null`.
fn section<'a>(
    object: &'a mut Value,
    key: &str,
) -> Result<Option<&'a mut serde_json::Map<String, Value>>, ConversionError> {
    match object.get_mut(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(map)) => Ok(Some(map)),
        Some(_) => Err(ConversionError::field(key, "an object")),
    }
}

/// Puts a list back, making the section where it is missing.
fn put_list(object: &mut Value, parent: &str, key: &str, list: Vec<Value>) {
    if !object[parent].is_object() {
        object[parent] = Value::Object(serde_json::Map::new());
    }
    object[parent][key] = Value::Array(list);
}
