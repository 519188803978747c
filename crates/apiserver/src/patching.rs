//! Patches as functions on objects, by the shape of the resource.

use serde_json::Value;

use crate::apply::ObjectSchema;
use crate::error::ApiError;
use crate::fields::{DEDUCED, MergeSchema};
use crate::local::PatchKind;
use crate::patch::{json_patch, merge_patch, strategic_merge_patch};
use crate::resource::{Origin, ServedResource};

/// How the parts of an object are owned and merged: by the structural schema of custom kinds, by the table of built-in kinds.
pub(crate) fn merge_schema(resource: &ServedResource) -> &dyn MergeSchema {
    if resource.origin == Origin::BuiltIn
        && let Some(node) = crate::builtin::table().kind(&resource.api_version(), &resource.gvk.kind)
    {
        return node;
    }
    match &resource.schema {
        Some(schema) => &**schema,
        None => &DEDUCED,
    }
}

/// The object after a patch that is no apply.
pub(crate) fn patched(
    resource: &ServedResource,
    kind: PatchKind,
    object: &Value,
    patch: &Value,
) -> Result<Value, ApiError> {
    let patched = match kind {
        PatchKind::Json => json_patch(object, patch),
        PatchKind::Strategic => strategic_merge_patch(&ObjectSchema(merge_schema(resource)), object, patch),
        PatchKind::Merge | PatchKind::Apply => merge_patch(object, patch),
    };
    Ok(patched?)
}
