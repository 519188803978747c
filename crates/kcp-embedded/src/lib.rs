//! kcp in one process: workspaces, types, logical clusters, exports and bindings, virtual workspaces, who may do what.
//!
//! Promises kcp's semantics on one machine; refuses, with a clear error, what needs shards. Knows nothing of Platform
//! Mesh: authorizers and token verifiers are injected.

pub mod authentication; // who is calling
pub mod authorization; // may they do this? the chain, a file per link
pub mod feeds; // indexes that follow the store
pub mod identity; // effective users, scopes, warrants
pub mod impersonation; // who may act as whom
pub mod options; // what a server is started with; flags of `kcp start`
pub mod rbac_index; // roles and bindings by subject
mod request_info; // verb and resource of a request
pub mod tree; // workspace tree: path and name both ways
pub mod urls; // /clusters, /services; what a URL names
mod webhook_client; // HTTPS to a webhook that a kubeconfig describes

pub use authorization::{Action, AuthorizationAttributes, Authorizer, ResourceAction};
pub use options::Options;
