//! kcp in one process: workspaces, types, logical clusters, exports and bindings, virtual workspaces, who may do what.
//!
//! Promises kcp's semantics on one machine; refuses, with a clear error, what needs shards. Knows nothing of Platform
//! Mesh: authorizers and token verifiers are injected.
//!
//! ```
//! use kcp_embedded::{KcpServer, Options, Parts};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! // Without a listener: a tower service, for `kube::Client::new` and for tests.
//! let server = KcpServer::start(Options::default(), Parts::default()).await?;
//! let request = http::Request::get("/clusters/root/readyz").body(apiserver::body::empty())?;
//! let answer = tower::ServiceExt::oneshot(server.service(), request).await?;
//! assert_eq!(answer.status(), 200);
//! server.stop().await;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | feature | adds |
//! | --- | --- |
//! | `envtest` | a control plane for tests of controllers and providers, on paused time, with faults |

pub mod core; // the parts everything works with
mod health; // /healthz, /livez, /readyz
pub mod options; // what a server is started with; flags of `kcp start`
pub mod pipeline; // from URL to handler. A request reads downwards here.
mod request_info; // verb and resource of a request
pub mod server; // the parts put together as a tower service
pub mod tree; // workspace tree: path and name both ways
pub mod urls; // /clusters, /services; what a URL names

pub mod authentication; // who is calling
pub mod authorization; // may they do this? the chain, a file per link
pub mod identity; // effective users, scopes, warrants
pub mod impersonation; // who may act as whom
mod reviews; // TokenReview, SubjectAccessReview and their kin
mod service_accounts; // the issuer, and what its tokens depend on
mod webhook_client; // HTTPS to a webhook that a kubeconfig describes
mod workspace_issuers; // which issuers a workspace's type names

mod admission_rules; // which writes a webhook or policy speaks of
pub mod api_sets; // which resources a cluster serves
pub mod bindings; // which cluster bound which export
pub mod bound; // what clusters serve because of that
pub mod claims; // what providers may see of their consumers
mod crd_admission; // what a cluster's own definitions may not be
pub mod definitions; // a definition as served resources
pub mod exports; // what providers offer, under which identity
pub mod feeds; // indexes that follow the store
mod kinds; // where the kinds of these loops are stored
mod policies; // admission policies, beside the export or local
mod rbac_admission; // nobody grants what they do not hold
pub mod rbac_index; // roles and bindings by subject
pub mod schemas; // APIResourceSchemas, compiled once
pub mod webhooks; // admission webhooks, beside the export or local

pub mod initializers; // what the server does in a new workspace
pub mod logical_clusters; // phases, initializers and terminators, the end
pub mod workspace_types; // extension, limits, lifecycle URLs
pub mod workspaces; // admission, scheduling, content deletion

pub mod virtual_workspaces; // /services/…

mod bootstrap; // what root holds at ready
mod cluster_roles; // roles made of others
mod controllers; // every loop, its owner, its end
pub mod reconcile; // a loop over one kind in all clusters
pub mod records; // guarded writes of the server's own loops

#[cfg(feature = "envtest")]
pub mod envtest; // a control plane for tests of controllers

pub use authorization::{Action, AuthorizationAttributes, Authorizer, ResourceAction};
pub use options::Options;
pub use server::{Hosting, KcpServer, KcpService, Parts, RunningServer, StartError};
