//! Kubernetes authorization by relationships.
//!
//! A SubjectAccessReview becomes at most one question to a relationship store; the answer is *allowed* or *no opinion*,
//! never a denial, and always a value that says why. Writes nothing anywhere. Evaluates no relation itself.
//!
//! ```
//! use rebac_authorizer::{Account, Question, ResourceRequest};
//! use fga_model::Naming;
//!
//! let account = Account { cluster: "2x".into(), parent: "1x".into(), name: "dev".into() };
//! let request = ResourceRequest { verb: "get".into(), resource: "buckets".into(), name: "b".into(), ..Default::default() };
//! let api = rebac_authorizer::ApiEntry { group: "s.io".into(), singular: "bucket".into(), is_namespaced: false };
//! let question = Question::on_resource(Naming::Injective, &account, &request, &api, "alice");
//! assert_eq!(question.to_string(), "s_io_bucket:2x/b#get@user:alice");
//! ```

mod api_tables; // kind, scope and singular of a resource in a workspace
mod authorizer; // from request to judgement. Start here.
mod metrics; // what is counted
mod misses; // how often a caller is told to come back
mod options; // flags and environment, upstream's names
mod question; // which relationship decides a request: pure
mod request; // what is asked, without its wire format
mod run; // options to parts, in stopping order
mod serve;
mod server; // the HTTPS endpoint
mod wire; // SubjectAccessReview, v1 and v1beta1
mod workspaces; // accounts behind logical clusters // the same as a process of its own

pub use api_tables::{ApiEntry, ApiTables, ClientOf, DiscoveredTables};
pub use authorizer::{Answer, Authorizer, Handler, Judgement};
pub use metrics::Metrics;
pub use options::Options;
pub use question::{Account, Question};
pub use request::{Action, Request, ResourceRequest};
pub use run::{Parts, RunError, authorizer, run};
pub use serve::serve;
pub use server::service;
pub use wire::{Review, ReviewFault};
pub use workspaces::{FleetWorkspaces, Workspace, WorkspaceInfo, Workspaces};
