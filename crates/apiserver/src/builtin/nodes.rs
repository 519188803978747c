//! The table as a schema for merging.

use super::kinds::{Field, ListType, Many, Message, Type, table};
use crate::fields::{DEDUCED, MergeSchema, PatchStrategy, Shape};

/// One value, item or map value of a type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element(pub(super) Type);

impl Element {
    fn message(&self) -> Option<&'static Message> {
        match self.0 {
            Type::Message(index) => table().message(index),
            _ => None,
        }
    }
}

impl MergeSchema for Element {
    fn shape(&self) -> Shape<'_> {
        match self.0 {
            Type::Message(_) => self.message().map_or(Shape::Deduced, |m| m.shape()),
            Type::Items => Shape::AtomicList,
            // Free JSON and values that are of one of several types are owned as one piece.
            _ => Shape::Scalar,
        }
    }

    fn field(&self, name: &str) -> Option<&dyn MergeSchema> {
        self.message()?.field(name)
    }
}

impl MergeSchema for Message {
    fn shape(&self) -> Shape<'_> {
        if self.atomic { Shape::AtomicMap } else { Shape::Map }
    }

    fn field(&self, name: &str) -> Option<&dyn MergeSchema> {
        let field: &dyn MergeSchema = self.by_name(name)?;
        Some(field)
    }
}

impl MergeSchema for Field {
    fn shape(&self) -> Shape<'_> {
        match (self.many, self.list) {
            (Many::List, ListType::Atomic) => Shape::AtomicList,
            (Many::List, ListType::Set) => Shape::SetList,
            (Many::List, ListType::Keyed) => Shape::KeyedList(&self.keys),
            (Many::One | Many::Map, _) if self.atomic => Shape::AtomicMap,
            (Many::Map, _) => Shape::Map,
            (Many::One, _) => self.element.shape(),
        }
    }

    fn field(&self, name: &str) -> Option<&dyn MergeSchema> {
        match self.many {
            Many::One => self.element.field(name),
            _ => None,
        }
    }

    fn rest(&self) -> Option<&dyn MergeSchema> {
        match self.many {
            Many::Map => Some(&self.element),
            _ => None,
        }
    }

    fn item(&self) -> Option<&dyn MergeSchema> {
        match (self.many, self.ty) {
            (Many::List, _) => Some(&self.element),
            (Many::One, Type::Items) => Some(&crate::fields::SCALAR),
            _ => Some(&DEDUCED),
        }
    }

    fn patch_strategy(&self) -> PatchStrategy<'_> {
        PatchStrategy {
            merge: self.patch_merge,
            replace: false,
            retain_keys: self.patch_retain_keys,
            merge_key: self.merge_key.as_deref(),
        }
    }
}
