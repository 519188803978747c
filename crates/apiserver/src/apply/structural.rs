//! Structural schemas as schemas for merging.

use serde_json::Value;

use super::object_meta;
use crate::{
    fields::{DEDUCED, MergeSchema, PatchStrategy, SCALAR, Shape},
    schema::{Additional, Kind, ListType, MapType, Node, StructuralSchema},
};

impl MergeSchema for StructuralSchema {
    fn shape(&self) -> Shape<'_> {
        self.root().shape()
    }

    fn field(&self, name: &str) -> Option<&dyn MergeSchema> {
        MergeSchema::field(self.root(), name)
    }

    fn rest(&self) -> Option<&dyn MergeSchema> {
        self.root().rest()
    }
}

impl Node {
    /// Whether the schema says nothing about what is inside.
    fn is_open(&self) -> bool {
        self.properties.is_empty() && matches!(self.additional, Additional::None | Additional::Anything)
    }
}

impl MergeSchema for Node {
    fn shape(&self) -> Shape<'_> {
        match (self.kind, &self.list_type) {
            (Kind::Object | Kind::Any, _) if self.map_type == MapType::Atomic => Shape::AtomicMap,
            (Kind::Array, ListType::Atomic) => Shape::AtomicList,
            (Kind::Array, ListType::Set) => Shape::SetList,
            (Kind::Array, ListType::Map { keys }) => Shape::KeyedList(keys),
            (Kind::Object, _) => Shape::Map,
            (Kind::Any, _) if self.is_open() => Shape::Deduced,
            (Kind::Any, _) => Shape::Map,
            (Kind::String | Kind::Integer | Kind::Number | Kind::Boolean | Kind::IntOrString, _) => {
                Shape::Scalar
            }
        }
    }

    fn field(&self, name: &str) -> Option<&dyn MergeSchema> {
        match name {
            "apiVersion" | "kind" if self.embedded => Some(&SCALAR),
            "metadata" if self.embedded => Some(object_meta()),
            _ => self.properties.get(name).map(|node| node as &dyn MergeSchema),
        }
    }

    fn rest(&self) -> Option<&dyn MergeSchema> {
        match &self.additional {
            Additional::Schema(node) => Some(node.as_ref()),
            Additional::Anything => Some(&DEDUCED),
            Additional::None if self.preserve_unknown || self.properties.is_empty() => Some(&DEDUCED),
            Additional::None => None,
        }
    }

    fn item(&self) -> Option<&dyn MergeSchema> {
        self.items.as_deref().map(|node| node as &dyn MergeSchema)
    }

    fn default_of(&self, field: &str) -> Option<&Value> {
        self.properties.get(field)?.default.as_ref()
    }

    fn patch_strategy(&self) -> PatchStrategy<'_> {
        let Some(patch) = &self.patch else { return PatchStrategy::default() };
        let has = |name: &str| patch.strategies.iter().any(|s| s == name);
        PatchStrategy {
            merge: has("merge"),
            replace: has("replace"),
            retain_keys: has("retainKeys"),
            merge_key: patch.merge_key.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::{Tracking, apply};
    use serde_json::json;

    #[test]
    fn custom_resources_merge_by_their_list_types() {
        let schema = StructuralSchema::parse(
            &json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
                "ports": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                    "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "n": {"type": "integer"}}}},
                "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                "plain": {"type": "array", "items": {"type": "string"}},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            }}}}),
            "",
        )
        .unwrap();
        let now = "2030-01-01T00:00:00Z".parse().unwrap();
        let object = |spec: Value| json!({"apiVersion": "x.io/v1", "kind": "X", "metadata": {"name": "x"}, "spec": spec});
        let cx = |manager| Tracking::new("x.io/v1", &schema, manager, now);
        let one = object(
            json!({"ports": [{"name": "a", "n": 1}], "tags": ["x"], "plain": ["p"], "free": {"k": {"l": [1]}}}),
        );
        let two = object(json!({"ports": [{"name": "b"}], "tags": ["y"], "free": {"k": {"m": 1}}}));
        let first = apply(&cx("one"), None, &one, false).unwrap();
        let both = apply(&cx("two"), Some(&first.object), &two, false).unwrap();
        assert_eq!(
            both.object["spec"],
            json!({"ports": [{"name": "a", "n": 1}, {"name": "b"}], "tags": ["x", "y"], "plain": ["p"], "free": {"k": {"l": [1], "m": 1}}})
        );
        let error =
            apply(&cx("two"), Some(&both.object), &object(json!({"plain": ["q"]})), false).unwrap_err();
        assert_eq!(error.to_string(), r#"Apply failed with 1 conflict: conflict with "one": .spec.plain"#);
        assert!(apply(&cx("two"), None, &object(json!({"nope": 1})), false).is_err());
    }
}
