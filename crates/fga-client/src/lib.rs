//! Relationship stores behind one trait: callers cannot tell the engine in process from a server. Caches nothing.
//!
//! ```
//! use fga_client::{CheckRequest, RelationshipError, RelationshipStore, StoreId};
//!
//! async fn may_view(store: &dyn RelationshipStore, id: &StoreId) -> Result<bool, RelationshipError> {
//!     let question = CheckRequest::new("document:1", "viewer", "user:anne");
//!     Ok(store.check(id, question).await?.is_allowed())
//! }
//! ```

mod store; // the trait. Start here.

mod engine; // backend: the engine in this process
mod openfga; // backend: an OpenFGA server over gRPC
mod replica; // backend: a copy of a server's store that follows it

mod error; // why there is no answer

pub use engine::InProcess;
pub use error::{ErrorCategory, RelationshipError};
pub use openfga::{OpenFga, OpenFgaOptions, Transport};
pub use replica::{Replica, ReplicaOptions, ReplicaStatus, Source, Sourced};
pub use store::{BATCH_CHECKS_MAX, PAGE_SIZE_MAX, RelationshipStore, WRITE_KEYS_MAX};

pub use fga_engine::{
    BatchAnswer, BatchCheckRequest, BatchFault, BatchItem, Change, ChangesRequest, CheckAnswer, CheckRequest,
    Consistency, Context, ExpandKind, ExpandNode, ExpandRequest, Explain, Grounds, ListObjectsRequest,
    ListUsersRequest, OnDuplicate, OnMissing, Operation, Page, PageRequest, Store, StoredModel, StoredTuple,
    TupleFilter, UserFilter, WriteRequest,
};
pub use fga_model::{AuthorizationModel, ErrorCode, ModelId, StoreId, TupleCondition, TupleKey};

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
