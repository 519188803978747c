//! Patches as functions on objects, with the refusals of Kubernetes.

use serde_json::Value;

use crate::error::{ApiError, Cause, Details};
use crate::names::GroupVersionKind;

/// RFC 7386.
pub(crate) fn merge_patch(object: &mut Value, patch: &Value) -> Result<(), ApiError> {
    if !patch.is_object() {
        return Err(ApiError::bad_request("a merge patch must be an object"));
    }
    json_patch::merge(object, patch);
    Ok(())
}

/// RFC 6902.
pub(crate) fn json_patch(object: &mut Value, patch: &Value) -> Result<(), ApiError> {
    const OPERATIONS_MAX: usize = 10_000;
    if patch.as_array().is_some_and(|list| list.len() > OPERATIONS_MAX) {
        let why = format!("The allowed maximum operations in a JSON patch is {OPERATIONS_MAX}");
        return Err(ApiError::new(413, "RequestEntityTooLarge", why));
    }
    let patch: json_patch::Patch = serde_json::from_value(patch.clone())
        .map_err(|e| ApiError::bad_request(format!("error decoding patch: {e}")))?;
    json_patch::patch(object, &patch).map_err(|e| unprocessable(&e.to_string()))
}

fn unprocessable(why: &str) -> ApiError {
    let mut error =
        ApiError::new(422, "Invalid", "the server rejected our request due to an error in our request");
    let cause = Cause {
        reason: "UnexpectedServerResponse".to_owned(),
        message: why.to_owned(),
        field: String::new(),
    };
    error.details = Some(Box::new(Details { causes: vec![cause], ..Details::default() }));
    error
}

/// Kubernetes' strategic merge.
pub(crate) fn strategic_merge(
    gvk: &GroupVersionKind,
    _object: &mut Value,
    _patch: &Value,
) -> Result<(), ApiError> {
    Err(ApiError::new(
        415,
        "UnsupportedMediaType",
        format!("strategic merge patches of {} are not supported", gvk.kind),
    ))
}
