//! Prune, default and validate by the schema of the resource.

use serde_json::Value;

use crate::error::{ApiError, Cause};
use crate::object;
use crate::query::FieldValidation;
use crate::resource::{Origin, ServedResource};
use crate::typed;

/// Drops unknown fields and fills defaults of an object that a client sent; answers the warnings for what was dropped.
pub(crate) fn clean(
    resource: &ServedResource,
    body: &mut Value,
    validation: FieldValidation,
) -> Result<Vec<String>, ApiError> {
    let mut unknown = object::normalize_metadata(body);
    if resource.origin == Origin::BuiltIn {
        let decoded = typed::decode(body);
        if let Some(fault) = decoded.fault {
            let (kind, version) = (&resource.gvk.kind, &resource.gvk.version);
            let message = format!("{kind} in version \"{version}\" cannot be handled as a {kind}: {fault}");
            return Err(ApiError::bad_request(message));
        }
        unknown.extend(decoded.unknown);
    }
    if let Some(schema) = &resource.schema {
        if validation != FieldValidation::Ignore {
            // Metadata has been cleaned before, so no field is named twice.
            unknown.extend(schema.unknown_fields(body));
        }
        schema.prune(body);
        schema.default(body);
    }
    let texts: Vec<String> = unknown.iter().map(|field| format!("unknown field \"{field}\"")).collect();
    match validation {
        FieldValidation::Ignore => Ok(Vec::new()),
        FieldValidation::Warn => Ok(texts),
        FieldValidation::Strict if texts.is_empty() => Ok(Vec::new()),
        FieldValidation::Strict => {
            let kind = &resource.gvk.kind;
            let message = format!(
                "{kind} in version \"{}\" cannot be handled as a {kind}: strict decoding error: {}",
                resource.gvk.version,
                texts.join(", ")
            );
            Err(ApiError::bad_request(message))
        }
    }
}

/// Shapes an object again after admission or a patch changed it.
pub(crate) fn reshape(resource: &ServedResource, body: &mut Value) {
    object::normalize_metadata(body);
    if resource.origin == Origin::BuiltIn {
        typed::decode(body);
    }
    if let Some(schema) = &resource.schema {
        schema.prune(body);
        schema.default(body);
    }
}

/// Faults by the schema; `old` on updates.
pub(crate) fn faults(resource: &ServedResource, body: &Value, old: Option<&Value>) -> Vec<Cause> {
    let Some(schema) = &resource.schema else { return Vec::new() };
    if resource.origin == Origin::BuiltIn && old.is_some_and(|old| old == body) {
        return Vec::new();
    }
    schema
        .validate(body, old)
        .into_iter()
        .map(|e| Cause { reason: e.reason.as_str().to_owned(), message: e.message, field: e.field })
        .collect()
}
