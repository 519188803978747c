//! OpenFGA semantics in process: who has which relation, answered from stored tuples. Parses no DSL.
//!
//! ```
//! use fga_engine::CheckRequest;
//!
//! let question = CheckRequest::new("document:1", "viewer", "user:anne");
//! assert_eq!(question.model, None); // the store's latest
//! ```

mod answer;
mod question; // what can be asked and written // what comes back, with its grounds

pub use answer::{
    BatchAnswer, BatchFault, Change, CheckAnswer, ExpandKind, ExpandNode, Grounds, Operation, Page, Store,
    StoredModel, StoredTuple,
};
pub use question::{
    BatchCheckRequest, BatchItem, ChangesRequest, CheckRequest, Consistency, Context, ExpandRequest, Explain,
    ListObjectsRequest, ListUsersRequest, OnDuplicate, OnMissing, PageRequest, TupleFilter, UserFilter,
    WriteRequest,
};
