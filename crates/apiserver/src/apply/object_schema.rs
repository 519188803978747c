//! The root of an object for merging: type and metadata are the same everywhere, the rest is the kind's own.

use crate::{
    builtin,
    fields::{MergeSchema, SCALAR, Shape},
};

/// The schema of a whole object around the schema of its kind. Structural schemas say nothing of metadata.
pub struct ObjectSchema<'a>(pub &'a dyn MergeSchema);

impl MergeSchema for ObjectSchema<'_> {
    fn shape(&self) -> Shape<'_> {
        Shape::Map
    }

    fn field(&self, name: &str) -> Option<&dyn MergeSchema> {
        match name {
            "apiVersion" | "kind" => Some(&SCALAR),
            "metadata" => Some(object_meta()),
            _ => self.0.field(name),
        }
    }

    fn rest(&self) -> Option<&dyn MergeSchema> {
        self.0.rest()
    }
}

/// The schema of `metadata`: owner references by uid, finalizers as a set, labels and annotations by key.
pub fn object_meta() -> &'static dyn MergeSchema {
    builtin::table().object_meta()
}
