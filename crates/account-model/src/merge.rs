//! The smallest JSON merge patch that makes an object hold given values. Fields that are not named stay as they are.

use serde_json::{Map, Value};

/// A patch after which `existing` holds every field of `wanted`, or none if it does already. Objects are looked into;
/// everything else is replaced as a whole. A `null` in `wanted` takes the field away.
pub(crate) fn overlay(existing: &Value, wanted: &Value) -> Option<Value> {
    match (existing, wanted) {
        (Value::Object(existing), Value::Object(wanted)) => {
            let patch: Map<String, Value> = wanted
                .iter()
                .filter_map(|(key, wanted)| match existing.get(key) {
                    None if wanted.is_null() => None,
                    None => Some((key.clone(), wanted.clone())),
                    Some(existing) => overlay(existing, wanted).map(|patch| (key.clone(), patch)),
                })
                .collect();
            (!patch.is_empty()).then_some(Value::Object(patch))
        }
        _ => (existing != wanted).then(|| wanted.clone()),
    }
}

/// `wanted`, with a `null` for every field that `existing` has beside it, so that [`overlay`] makes the two equal.
pub(crate) fn exactly(existing: Option<&Value>, wanted: &Value) -> Value {
    match (existing, wanted) {
        (Some(Value::Object(existing)), Value::Object(wanted)) => {
            let mut all: Map<String, Value> = existing
                .keys()
                .filter(|key| !wanted.contains_key(*key))
                .map(|key| (key.clone(), Value::Null))
                .collect();
            for (key, value) in wanted {
                all.insert(key.clone(), exactly(existing.get(key), value));
            }
            Value::Object(all)
        }
        _ => wanted.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn apply(target: &mut Value, patch: &Value) {
        let Value::Object(patch) = patch else {
            *target = patch.clone();
            return;
        };
        if !target.is_object() {
            *target = json!({});
        }
        for (key, value) in patch {
            if value.is_null() {
                target.as_object_mut().unwrap().remove(key);
            } else {
                apply(target.as_object_mut().unwrap().entry(key.clone()).or_insert(Value::Null), value);
            }
        }
    }

    fn objects() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            (0..3i64).prop_map(Value::from),
            "[ab]".prop_map(Value::from)
        ];
        let tree = leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                proptest::collection::btree_map("[abc]", inner, 0..3).prop_map(Value::from_iter),
            ]
        });
        proptest::collection::btree_map("[abc]", tree, 0..3).prop_map(Value::from_iter)
    }

    proptest! {
        #[test]
        fn patches_reach_the_wanted_value_and_are_empty_when_it_is_there(existing in objects(), wanted in objects()) {
            let mut result = existing.clone();
            if let Some(patch) = overlay(&existing, &exactly(Some(&existing), &wanted)) {
                prop_assert_ne!(&existing, &wanted);
                apply(&mut result, &patch);
            }
            prop_assert_eq!(&result, &wanted);
            prop_assert_eq!(overlay(&wanted, &exactly(Some(&wanted), &wanted)), None);
        }

        #[test]
        fn an_overlay_leaves_other_fields_alone(existing in objects(), wanted in objects()) {
            let mut result = existing.clone();
            if let Some(patch) = overlay(&existing, &wanted) {
                apply(&mut result, &patch);
            }
            prop_assert_eq!(overlay(&result, &wanted), None);
            for (key, value) in existing.as_object().unwrap() {
                if wanted.get(key).is_none() {
                    prop_assert_eq!(result.get(key), Some(value));
                }
            }
        }
    }
}
