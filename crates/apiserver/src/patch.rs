//! Patches that are no apply: JSON patch, merge patch, strategic merge patch.
//!
//! Each gives the patched object or a [`PatchError`] with the code that Kubernetes answers. None defaults or validates.
//! Work is bounded: number of operations, size of copies, depth of the result.
//!
//! ```
//! use apiserver::patch::merge_patch;
//! use serde_json::json;
//!
//! let patched = merge_patch(&json!({"a": 1, "b": 2}), &json!({"a": null, "c": 3}))?;
//! assert_eq!(patched, json!({"b": 2, "c": 3}));
//! # Ok::<(), apiserver::patch::PatchError>(())
//! ```

mod error; // refusals with Kubernetes' codes
mod json; // RFC 6902
mod merge; // RFC 7386
mod strategic; // Kubernetes' own, for built-in kinds

pub use error::PatchError;
pub use json::{OPERATIONS_MAX, json_patch};
pub use merge::merge_patch;
pub use strategic::strategic_merge_patch;
