//! Why a patch was refused.

use crate::{ApiError, Cause};

/// Why a patch was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatchError {
    /// The body is no patch of its kind (400).
    #[error("error decoding patch: {0}")]
    Malformed(String),
    /// More operations than allowed (413).
    #[error("The allowed maximum operations in a JSON patch is {max}, got {got}")]
    TooManyOperations {
        /// Operations sent.
        got: usize,
        /// Operations allowed.
        max: usize,
    },
    /// Copies add up to more than allowed (413).
    #[error(
        "unable to complete the copy, the accumulated size increase of copy is {got}, exceeding the limit {max}"
    )]
    CopiesTooLarge {
        /// Bytes copied.
        got: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// The result nests too deeply (422).
    #[error("the patched object nests deeper than {0} levels")]
    TooDeep(usize),
    /// An operation does not fit the object (422).
    #[error("operation {index} of the patch does not apply: {why}")]
    Inapplicable {
        /// Position of the operation, from 0.
        index: usize,
        /// What is wrong.
        why: String,
    },
    /// A directive of a strategic merge patch is wrong (400).
    #[error("{0}")]
    Directive(String),
    /// A list item lacks its merge key (422).
    #[error("map: {item} does not contain declared merge key: {key}")]
    NoMergeKey {
        /// The item.
        item: String,
        /// The key it lacks.
        key: String,
    },
}

impl From<PatchError> for ApiError {
    fn from(error: PatchError) -> Self {
        match &error {
            PatchError::Malformed(_) | PatchError::Directive(_) => ApiError::bad_request(error.to_string()),
            PatchError::TooManyOperations { .. } | PatchError::CopiesTooLarge { .. } => {
                ApiError::new(413, "RequestEntityTooLarge", error.to_string())
            }
            PatchError::TooDeep(_) | PatchError::Inapplicable { .. } | PatchError::NoMergeKey { .. } => {
                // Kubernetes gives this fixed text; what happened stands in the cause.
                let text = "the server rejected our request due to an error in our request";
                let mut refusal = ApiError::new(422, "Invalid", text);
                let cause = Cause { reason: String::new(), message: error.to_string(), field: String::new() };
                refusal.details =
                    Some(Box::new(crate::error::Details { causes: vec![cause], ..Default::default() }));
                refusal
            }
        }
    }
}
