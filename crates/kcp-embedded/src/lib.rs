//! kcp in one process: workspaces, types, logical clusters, exports and bindings, virtual workspaces, who may do what.
//!
//! Promises kcp's semantics on one machine; refuses, with a clear error, what needs shards. Knows nothing of Platform
//! Mesh: authorizers and token verifiers are injected.

pub mod core; // the parts everything works with
pub mod options; // what a server is started with; flags of `kcp start`
pub mod pipeline; // from URL to handler. A request reads downwards here.
mod request_info; // verb and resource of a request
pub mod tree; // workspace tree: path and name both ways
pub mod urls; // /clusters, /services; what a URL names

pub mod authentication; // who is calling
pub mod authorization; // may they do this? the chain, a file per link
pub mod identity; // effective users, scopes, warrants
pub mod impersonation; // who may act as whom
mod webhook_client; // HTTPS to a webhook that a kubeconfig describes

pub mod api_sets; // which resources a cluster serves
pub mod definitions; // a definition as served resources
pub mod feeds; // indexes that follow the store
pub mod rbac_index; // roles and bindings by subject

pub mod initializers; // what the server does in a new workspace
pub mod logical_clusters; // phases, initializers and terminators, the end
pub mod workspace_types; // extension, limits, lifecycle URLs
pub mod workspaces; // admission, scheduling, content deletion

pub mod virtual_workspaces; // /services/…

mod bootstrap; // what root holds at ready
pub mod reconcile; // a loop over one kind in all clusters
pub mod records; // guarded writes of the server's own loops

pub use authorization::{Action, AuthorizationAttributes, Authorizer, ResourceAction};
pub use options::Options;
