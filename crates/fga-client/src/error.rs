//! Why a relationship store gave no answer.

use fga_model::ErrorCode;

/// A call that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelationshipError {
    /// The store refused the call with one of OpenFGA's codes.
    #[error("the relationship store refused the call with {code}: {message}")]
    Refused {
        /// OpenFGA's code.
        code: ErrorCode,
        /// The server's text.
        message: String,
    },
    /// The store could not be reached, or closed the connection.
    #[error("the relationship store could not be reached: {message}")]
    Unreachable {
        /// What happened.
        message: String,
    },
    /// No answer within the deadline.
    #[error("the relationship store did not answer within {deadline_ms} ms")]
    Deadline {
        /// The deadline, in milliseconds.
        deadline_ms: u64,
    },
    /// The options of a client do not make one.
    #[error("the client's options are not valid: {message}")]
    Options {
        /// What is wrong.
        message: String,
    },
    /// An answer that cannot be understood.
    #[error("the relationship store's answer cannot be understood: {message}")]
    Answer {
        /// What is wrong with it.
        message: String,
    },
}

/// Who has to act on a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCategory {
    /// Nobody: the same call may succeed later.
    Retry,
    /// The caller: the call itself is wrong.
    Caller,
    /// The operator: address, credentials or server.
    Operator,
}

impl RelationshipError {
    /// A refusal with a code.
    pub fn refused(code: ErrorCode, message: impl Into<String>) -> Self {
        RelationshipError::Refused { code, message: message.into() }
    }

    /// OpenFGA's code, where the store gave one.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            RelationshipError::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Whether the call failed with this code.
    pub fn is(&self, code: ErrorCode) -> bool {
        self.code() == Some(code)
    }

    /// Whether the store or the model asked for does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(
            self.code(),
            Some(
                ErrorCode::StoreIdNotFound
                    | ErrorCode::AuthorizationModelNotFound
                    | ErrorCode::LatestAuthorizationModelNotFound
            )
        )
    }

    /// Who has to act.
    pub fn category(&self) -> ErrorCategory {
        match self {
            RelationshipError::Unreachable { .. } | RelationshipError::Deadline { .. } => {
                ErrorCategory::Retry
            }
            RelationshipError::Options { .. } | RelationshipError::Answer { .. } => ErrorCategory::Operator,
            RelationshipError::Refused { code, .. } if code.is_transient() => ErrorCategory::Retry,
            RelationshipError::Refused { code, .. } => match code.http_status() {
                401 | 500 => ErrorCategory::Operator,
                _ => ErrorCategory::Caller,
            },
        }
    }
}
