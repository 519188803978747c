//! Merge patch: null removes, objects merge, everything else replaces.

use serde_json::Value;

use super::PatchError;

/// The object after a merge patch.
///
/// # Errors
/// Patches that are no objects.
pub fn merge_patch(object: &Value, patch: &Value) -> Result<Value, PatchError> {
    if !patch.is_object() {
        return Err(PatchError::Malformed("a merge patch of an object must be an object".to_owned()));
    }
    let mut patched = object.clone();
    json_patch::merge(&mut patched, patch);
    Ok(patched)
}
