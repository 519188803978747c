//! kcp's logical clusters as clusters of a fleet. Decides which clusters there are and how to reach them; reconciles nothing.
//!
//! | provider | clusters | appears | goes |
//! | --- | --- | --- | --- |
//! | [`ApiExport`] | consumers of an export | its binding is Ready | the last such binding is gone |
//! | [`InitializingWorkspaces`] | workspaces that wait for an initializer | listed | the initializer is removed |
//! | [`TerminatingWorkspaces`] | workspaces that wait for a terminator | listed | the terminator is removed |
//! | [`LogicalClusters`] | every logical cluster of some shards | phase Ready | deleted |
//!
//! ```no_run
//! use multicluster::Fleet;
//! use multicluster_kcp::{ApiExport, Connection};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let kcp = Connection::from_kubeconfig("provider.kubeconfig".as_ref(), None).await?;
//! let fleet = Fleet::builder().provider(ApiExport::new(kcp, "storage.example.io")).build()?;
//! // … controllers on `fleet` …
//! fleet.run_until(async { tokio::signal::ctrl_c().await.ok(); }).await?;
//! # Ok(()) }
//! ```

mod connection; // where the workspace is, and how endpoint URLs are dialed
mod endpoints; // from an object that holds URLs to clusters: start here
mod state; // what is known of each endpoint and its markers

mod api_export; // consumers of an export
mod lifecycle_workspaces; // initializing and terminating workspaces
mod logical_clusters; // all logical clusters of shards

mod lister; // reading a kind over all endpoints at once
mod resolver; // from a path to a cluster that nobody reports

// The README's programs are compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use api_export::ApiExport;
pub use connection::{Connection, ConnectionError, config_of, server_config, workspace_config};
pub use lifecycle_workspaces::{CompleteError, InitializingWorkspaces, TerminatingWorkspaces};
pub use lister::{Listed, Lister};
pub use logical_clusters::LogicalClusters;
pub use resolver::{ResolveError, Resolver};
