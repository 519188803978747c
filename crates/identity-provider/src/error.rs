//! What went wrong at an identity provider, and who acts.

/// Who acts on an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// Nobody: it may go away by itself, so it is tried again.
    Retry,
    /// Whoever wrote the object that asked for it.
    Caller,
    /// Whoever runs the identity provider.
    Operator,
}

/// Why an identity provider did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// No connection, or it broke.
    #[error("{method} {path}: {cause}")]
    Transport {
        /// HTTP method.
        method: String,
        /// Path, without the query.
        path: String,
        /// What the network said.
        cause: String,
    },
    /// An answer other than the ones the call can have.
    #[error("{method} {path}: status {status}: {body}")]
    Status {
        /// HTTP method.
        method: String,
        /// Path, without the query.
        path: String,
        /// HTTP status code.
        status: u16,
        /// The first 4096 bytes of the answer.
        body: String,
    },
    /// An answer that cannot be read.
    #[error("{method} {path}: {cause}")]
    Body {
        /// HTTP method.
        method: String,
        /// Path, without the query.
        path: String,
        /// What is wrong with it.
        cause: String,
    },
    /// A configuration with which no call can work.
    #[error("{0}")]
    Configuration(String),
}

impl IdentityError {
    /// Who acts on it.
    pub fn category(&self) -> Category {
        match self {
            IdentityError::Transport { .. } | IdentityError::Body { .. } => Category::Retry,
            IdentityError::Status { status, .. } => match status {
                408 | 429 | 500..=599 => Category::Retry,
                401 | 403 => Category::Operator,
                _ => Category::Caller,
            },
            IdentityError::Configuration(_) => Category::Operator,
        }
    }

    /// The HTTP status of the answer, where there was one.
    pub fn status(&self) -> Option<u16> {
        match self {
            IdentityError::Status { status, .. } => Some(*status),
            _ => None,
        }
    }
}
