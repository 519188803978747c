//! JSON patch, one operation after the other, within bounds.

use json_patch::{Patch, PatchOperation};
use serde_json::Value;

use super::PatchError;

/// Most operations of one patch.
pub const OPERATIONS_MAX: usize = 10_000;
/// Most bytes that all copies of one patch may add.
const COPIED_MAX: usize = 3 * 1024 * 1024;
/// Deepest result; also bounds the recursion of everything that reads it later.
const DEPTH_MAX: usize = 256;

/// The object after a JSON patch. All operations apply, or none.
///
/// # Errors
/// Documents that are no JSON patch, operations that do not fit the object or whose test fails, exceeded bounds.
pub fn json_patch(object: &Value, patch: &Value) -> Result<Value, PatchError> {
    let operations = patch.as_array().map_or(0, Vec::len);
    if operations > OPERATIONS_MAX {
        return Err(PatchError::TooManyOperations { got: operations, max: OPERATIONS_MAX });
    }
    let Patch(operations) =
        serde_json::from_value(patch.clone()).map_err(|e| PatchError::Malformed(e.to_string()))?;
    let mut patched = object.clone();
    let mut copied = 0;
    for (index, operation) in operations.iter().enumerate() {
        check_bounds(&patched, operation, &mut copied)?;
        if is_test_of_absence(&patched, operation) {
            continue;
        }
        json_patch::patch(&mut patched, std::slice::from_ref(operation))
            .map_err(|e| PatchError::Inapplicable { index, why: e.to_string() })?;
    }
    if patched.is_object() {
        Ok(patched)
    } else {
        Err(PatchError::Malformed("the result is no object".to_owned()))
    }
}

/// Kubernetes lets a test for null pass where nothing is: clients test so that a field is absent.
fn is_test_of_absence(object: &Value, operation: &PatchOperation) -> bool {
    match operation {
        PatchOperation::Test(test) => test.value.is_null() && object.pointer(test.path.as_str()).is_none(),
        _ => false,
    }
}

fn check_bounds(object: &Value, operation: &PatchOperation, copied: &mut usize) -> Result<(), PatchError> {
    let (path, value) = match operation {
        PatchOperation::Add(add) => (&add.path, Some(&add.value)),
        PatchOperation::Replace(replace) => (&replace.path, Some(&replace.value)),
        PatchOperation::Move(moved) => (&moved.path, object.pointer(moved.from.as_str())),
        PatchOperation::Copy(copy) => {
            let source = object.pointer(copy.from.as_str());
            *copied += source.map_or(0, |v| v.to_string().len());
            if *copied > COPIED_MAX {
                return Err(PatchError::CopiesTooLarge { got: *copied, max: COPIED_MAX });
            }
            (&copy.path, source)
        }
        PatchOperation::Remove(_) | PatchOperation::Test(_) => return Ok(()),
    };
    let depth = path.tokens().count() + value.map_or(0, depth);
    if depth > DEPTH_MAX { Err(PatchError::TooDeep(DEPTH_MAX)) } else { Ok(()) }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ApiError;
    use serde_json::json;

    #[test]
    fn operations_apply_in_order_or_not_at_all() {
        let object = json!({"a": [1, 2], "b": {"c~d/e": 1}});
        let patch = json!([
            {"op": "test", "path": "/a/0", "value": 1},
            {"op": "add", "path": "/a/-", "value": 3},
            {"op": "remove", "path": "/a/0"},
            {"op": "replace", "path": "/b/c~0d~1e", "value": 2},
            {"op": "copy", "from": "/b", "path": "/x"},
            {"op": "move", "from": "/b", "path": "/y"},
        ]);
        let done = json_patch(&object, &patch).unwrap();
        assert_eq!(done, json!({"a": [2, 3], "x": {"c~d/e": 2}, "y": {"c~d/e": 2}}));
        let absent = json!([{"op": "test", "path": "/none", "value": null}, {"op": "add", "path": "/none", "value": 1}]);
        assert_eq!(json_patch(&object, &absent).unwrap()["none"], 1);
        let failed = json_patch(&object, &json!([{"op": "test", "path": "/a/0", "value": 9}])).unwrap_err();
        assert!(matches!(failed, PatchError::Inapplicable { index: 0, .. }));
        assert_eq!(ApiError::from(failed).code, 422);
    }

    #[test]
    fn bounds_hold() {
        let many = Value::Array(vec![json!({"op": "remove", "path": "/a"}); OPERATIONS_MAX + 1]);
        assert_eq!(ApiError::from(json_patch(&json!({}), &many).unwrap_err()).code, 413);
        let bomb = Value::Array(
            (0..64).map(|i| json!({"op": "copy", "from": "", "path": format!("/k{i}")})).collect(),
        );
        let fat = json!({"a": "x".repeat(64 * 1024)});
        assert!(matches!(json_patch(&fat, &bomb).unwrap_err(), PatchError::CopiesTooLarge { .. }));
        let deeper = Value::Array(vec![json!({"op": "copy", "from": "/a", "path": "/a/a"}); 400]);
        assert!(matches!(json_patch(&json!({"a": {}}), &deeper).unwrap_err(), PatchError::TooDeep(_)));
        assert_eq!(ApiError::from(json_patch(&json!({}), &json!({"op": 1})).unwrap_err()).code, 400);
    }
}
