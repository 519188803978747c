//! The annotation of client-side apply: what it allows to take over, and how it follows.

use serde_json::Value;

use super::{ObjectSchema, Tracking, compare::Comparison};
use crate::fields::{FieldSet, field_set_of};

/// The annotation in which client-side apply keeps what it applied last.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Fields that the annotation claims and that still have the value it claims: a first server-side apply by kubectl may
/// take them without force. None if there is no usable annotation.
pub(super) fn allowed(cx: &Tracking<'_>, live: &Value) -> Option<FieldSet> {
    let claimed: Value = serde_json::from_str(annotation(live)?).ok()?;
    if claimed.get("apiVersion").and_then(Value::as_str) != Some(cx.api_version) {
        return None;
    }
    let schema = ObjectSchema(cx.schema);
    let differs = Comparison::of(&schema, &claimed, live);
    let set = field_set_of(&schema, &claimed);
    Some(set.difference(&differs.modified).difference(&differs.added).difference(&differs.removed))
}

/// Writes what was applied into the annotation, if the object has one.
pub(super) fn follow(object: &mut Value, applied: &Value) {
    if annotation(object).is_none() {
        return;
    }
    let mut applied = applied.clone();
    if let Some(annotations) = annotations_mut(&mut applied) {
        annotations.remove(LAST_APPLIED);
    }
    if let Some(annotations) = annotations_mut(object) {
        // kubectl ends the text with a line feed.
        annotations.insert(LAST_APPLIED.to_owned(), format!("{applied}\n").into());
    }
}

fn annotation(object: &Value) -> Option<&str> {
    let text = object.get("metadata")?.get("annotations")?.get(LAST_APPLIED)?.as_str()?;
    (!text.is_empty()).then_some(text)
}

fn annotations_mut(object: &mut Value) -> Option<&mut serde_json::Map<String, Value>> {
    object.get_mut("metadata")?.get_mut("annotations")?.as_object_mut()
}
