//! Why the engine refuses a call, with OpenFGA's codes.

use std::time::Duration;

use fga_model::{ErrorCode, ModelFault, TupleKey};

use crate::conditions::ConditionFault;

/// A refused call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// No store with this id.
    #[error("store `{store}` does not exist")]
    StoreNotFound {
        /// The id asked for.
        store: String,
    },
    /// The store has no model with this id.
    #[error("authorization model `{model}` does not exist")]
    ModelNotFound {
        /// The id asked for.
        model: String,
    },
    /// The store has no model at all.
    #[error("no authorization models found for store `{store}`")]
    NoModel {
        /// The store.
        store: String,
    },
    /// A model that a server does not store.
    #[error(transparent)]
    Model(#[from] ModelFault),
    /// The model lacks a type.
    #[error("type `{type_name}` not found")]
    TypeNotFound {
        /// The type asked for.
        type_name: String,
    },
    /// A type lacks a relation.
    #[error("relation `{type_name}#{relation}` not found")]
    RelationNotFound {
        /// The type.
        type_name: String,
        /// The relation asked for.
        relation: String,
    },
    /// A request that breaks a rule of shape, names or model.
    #[error("{what}")]
    Invalid {
        /// What is wrong.
        what: String,
    },
    /// A contextual tuple that the model does not allow.
    #[error("invalid contextual tuple `{tuple}`: {why}")]
    InvalidContextual {
        /// The tuple.
        tuple: String,
        /// Why.
        why: String,
    },
    /// An expand request without relation or object.
    #[error("expand needs both an object and a relation")]
    InvalidExpand,
    /// A write that names nothing.
    #[error("invalid input: provide at least one write, or at least one delete")]
    EmptyWrite,
    /// The same key twice in one request.
    #[error("duplicate tuple in write: `{tuple}`")]
    DuplicateKey {
        /// The key.
        tuple: String,
    },
    /// More keys than one request may carry.
    #[error("the number of write operations exceeds the allowed limit of {limit}")]
    TooManyKeys {
        /// The limit.
        limit: usize,
    },
    /// A written tuple that exists.
    #[error("cannot write a tuple which already exists: `{tuple}`")]
    TupleExists {
        /// The tuple.
        tuple: String,
    },
    /// A deleted tuple that does not exist.
    #[error("cannot delete a tuple which does not exist: `{tuple}`")]
    TupleMissing {
        /// The tuple.
        tuple: String,
    },
    /// An existing tuple with another condition.
    #[error("tuple `{tuple}` exists with a different condition")]
    ConditionConflict {
        /// The tuple.
        tuple: String,
    },
    /// More assertions than a model may have.
    #[error("a model has at most {limit} assertions")]
    TooManyAssertions {
        /// The limit.
        limit: usize,
    },
    /// More bytes than one call may carry.
    #[error("the {what} have {bytes} bytes, the limit is {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// A token that this engine did not give.
    #[error("invalid continuation token")]
    Token,
    /// A token of another type filter.
    #[error("the type of the query string and the continuation token differ")]
    TokenType,
    /// A page size outside the allowed range.
    #[error("page size {size} is not between 1 and 100")]
    PageSize {
        /// The size asked for.
        size: u32,
    },
    /// Evaluation went deeper than the limit.
    #[error(
        "authorization model resolution required too many rewrite rules to be resolved (more than {depth} hops)"
    )]
    TooComplex {
        /// The limit.
        depth: u32,
    },
    /// Evaluation visited more than the budget.
    #[error("the question needs more than {steps} steps")]
    Budget {
        /// The budget.
        steps: u64,
    },
    /// Evaluation took longer than it may.
    #[error("the question was not answered within {time:?}")]
    Late {
        /// The time it had.
        time: Duration,
    },
    /// The answer depends on a condition that could not be evaluated.
    #[error(transparent)]
    Condition(#[from] ConditionFault),
    /// The engine holds as much as it may.
    #[error("the engine has {what} at its limit of {limit}")]
    Full {
        /// What is full.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The log of the engine could not be written.
    #[error("the change could not be made durable: {what}")]
    Log {
        /// What happened.
        what: String,
    },
}

impl EngineError {
    pub(crate) fn invalid(what: impl Into<String>) -> Self {
        EngineError::Invalid { what: what.into() }
    }

    pub(crate) fn exists(tuple: &TupleKey) -> Self {
        EngineError::TupleExists { tuple: tuple.to_string() }
    }

    /// OpenFGA's code for the refusal.
    pub fn code(&self) -> ErrorCode {
        match self {
            EngineError::StoreNotFound { .. } => ErrorCode::StoreIdNotFound,
            EngineError::ModelNotFound { .. } => ErrorCode::AuthorizationModelNotFound,
            EngineError::NoModel { .. } => ErrorCode::LatestAuthorizationModelNotFound,
            EngineError::Model(fault) => fault.code(),
            EngineError::TypeNotFound { .. } => ErrorCode::TypeNotFound,
            EngineError::RelationNotFound { .. } => ErrorCode::RelationNotFound,
            EngineError::Invalid { .. } => ErrorCode::ValidationError,
            EngineError::InvalidContextual { .. } => ErrorCode::InvalidTuple,
            EngineError::InvalidExpand => ErrorCode::InvalidExpandInput,
            EngineError::EmptyWrite => ErrorCode::InvalidWriteInput,
            EngineError::DuplicateKey { .. } => ErrorCode::DuplicateTuples,
            EngineError::TooManyKeys { .. } | EngineError::Full { .. } => ErrorCode::ExceededEntityLimit,
            EngineError::TupleExists { .. } | EngineError::TupleMissing { .. } => {
                ErrorCode::WriteFailedDueToInvalidInput
            }
            EngineError::ConditionConflict { .. } => ErrorCode::Aborted,
            EngineError::TooManyAssertions { .. } => ErrorCode::AssertionsTooManyItems,
            EngineError::TooLarge { .. } => ErrorCode::ExceededEntityLimit,
            EngineError::Token => ErrorCode::InvalidContinuationToken,
            EngineError::TokenType => ErrorCode::TokenTypeMismatch,
            EngineError::PageSize { .. } => ErrorCode::PageSizeInvalid,
            EngineError::TooComplex { .. } => ErrorCode::ResolutionTooComplex,
            EngineError::Budget { .. } | EngineError::Late { .. } => ErrorCode::DeadlineExceeded,
            EngineError::Condition(_) => ErrorCode::ValidationError,
            EngineError::Log { .. } => ErrorCode::InternalError,
        }
    }

    /// What to do about it, where there is a next step.
    pub fn help(&self) -> Option<&'static str> {
        Some(match self {
            EngineError::StoreNotFound { .. } => "look the store up by name, it may have been made again",
            EngineError::NoModel { .. } => "write an authorization model first",
            EngineError::TupleExists { .. } => {
                "write with `on_duplicate: ignore` to make the call idempotent"
            }
            EngineError::TupleMissing { .. } => {
                "delete with `on_missing: ignore` to make the call idempotent"
            }
            EngineError::Condition(_) => "send every parameter of the condition, each of its declared type",
            EngineError::TooManyKeys { .. } => "split the write",
            _ => return None,
        })
    }
}
