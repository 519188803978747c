//! OpenFGA semantics in process: who has which relation, answered from stored tuples. Parses no DSL; a check does no I/O.
//!
//! ```
//! use fga_engine::{CheckRequest, Engine, WriteRequest};
//! use fga_model::parse_model;
//!
//! let engine = Engine::default();
//! let store = engine.create_store("library")?.id;
//! let model = parse_model("model\n  schema 1.1\ntype user\ntype book\n  relations\n    define reader: [user]\n")?;
//! engine.write_model(&store, &model)?;
//! engine.write(&store, &WriteRequest::writes(["book:1#reader@user:anne".parse()?]))?;
//! assert!(engine.check(&store, &CheckRequest::new("book:1", "reader", "user:anne"))?.is_allowed());
//!
//! // A refusal names the one relationship that is missing.
//! let refused = engine.check(&store, &CheckRequest::new("book:1", "reader", "user:bob"))?;
//! assert_eq!(refused.grounds().missing.as_ref().map(ToString::to_string).as_deref(), Some("book:1#reader@user:bob"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | feature | what |
//! | --- | --- |
//! | `redb` | `RedbLog`: stores, models, tuples and changes survive the process in one file |
//! | `server` | `server`: OpenFGA's API over an engine, on gRPC and on HTTP |

mod engine; // stores and models; what an engine is made of
mod question; // what can be asked and written

mod answer; // what comes back, with its grounds
mod ask; // questions resolved; Check and BatchCheck
mod check; // may this user …? Start here.
mod list_objects; // … and for which objects?
mod list_users; // … and who else?

mod expand; // one level of a relation as a tree
mod read; // stored tuples and the changelog, page by page
mod replicate; // changes of another store, as they are
mod write; // validate, then apply all or nothing

mod admission; // which keys and tuples a model accepts
mod assertions; // what authors of models expect
mod conditions; // rules that tuples hold under
mod model; // an authorization model, compiled for walking
mod names; // strings to dense ids, per store
mod state; // one store: models, tuples, changelog
mod tuples; // the tuples of a store, indexed both ways

#[cfg(feature = "server")]
pub mod server; // the wire: OpenFGA's gRPC API

mod deadline; // when a question has to end
mod error; // why a call is refused, with OpenFGA's codes
mod limits; // what one call and one store may hold
mod log; // the seam of durability
mod paging; // pages and their tokens
#[cfg(feature = "redb")]
mod redb; // a log on disk
mod ulid; // ids that sort by time

#[cfg(feature = "redb")]
pub use crate::redb::RedbLog;
pub use answer::{
    Assertion, BatchAnswer, BatchFault, Change, CheckAnswer, ExpandKind, ExpandNode, Grounds, Operation,
    Page, Store, StoredModel, StoredTuple,
};
pub use conditions::ConditionFault;
pub use engine::{Engine, EngineParts};
pub use error::EngineError;
pub use limits::Limits;
pub use list_objects::Cap;
pub use log::{LogEntry, LogError, NoLog, TupleLog};
pub use question::{
    BatchCheckRequest, BatchItem, ChangesRequest, CheckRequest, Consistency, Context, ExpandRequest, Explain,
    ListObjectsRequest, ListUsersRequest, OnDuplicate, OnMissing, PageRequest, TupleFilter, UserFilter,
    WriteRequest,
};
pub use replicate::Replication;
