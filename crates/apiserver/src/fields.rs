//! Sets of fields: which parts of an object somebody owns, as Kubernetes writes them in `FieldsV1`.
//!
//! A [`FieldSet`] is a tree of [`PathElement`]s. It is read from a value under a [`MergeSchema`] (what is a set, what
//! is keyed, what is one piece), combined by union, intersection and difference, and written as `FieldsV1` JSON.
//!
//! ```
//! use apiserver::fields::{FieldPath, FieldSet};
//!
//! let set = FieldSet::from_json(&serde_json::json!({"f:spec": {"f:replicas": {}}}))?;
//! assert!(set.has(&FieldPath::names(["spec", "replicas"])));
//! assert_eq!(set.paths()[0].to_string(), ".spec.replicas");
//! # Ok::<(), apiserver::fields::FieldsError>(())
//! ```

mod codec; // FieldsV1 JSON, both ways
mod element; // one step of a path, with its order and its text
mod extract; // the fields that a value holds under a schema
mod merge_schema; // what of a value is a set, keyed, atomic
mod set; // the tree, and the algebra on it

pub use codec::FieldsError;
pub use element::{FieldPath, PathElement, compare_values, same_value};
pub(crate) use extract::field_set_with_empty_lists;
pub use extract::{ShapeFault, element_of, field_set_of};
pub use merge_schema::{DEDUCED, MergeSchema, PatchStrategy, SCALAR, Shape};
pub use set::FieldSet;
