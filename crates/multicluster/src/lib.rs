//! Reconcile objects over many clusters. Knows nothing of kcp.
//!
//! A [`Provider`] reports clusters, the [`Fleet`] engages them without any I/O, one watch for each kind and endpoint fills shared stores, and a
//! [`Controller`] runs a function for each object with a queue that is fair between clusters.
//!
//! ```no_run
//! use std::sync::Arc;
//! use k8s_openapi::api::core::v1::ConfigMap;
//! use multicluster::{Action, Controller, Cx, Fleet, Local};
//!
//! async fn reconcile(map: Arc<ConfigMap>, cx: Cx<()>) -> Result<Action, kube::Error> {
//!     println!("{} in {}", cx.object(), cx.cluster().key());
//!     Ok(Action::await_change())
//! }
//!
//! # async fn run(client: kube::Client) -> Result<(), Box<dyn std::error::Error>> {
//! let fleet = Fleet::builder().provider(Local::new(client)).build()?;
//! Controller::<ConfigMap>::new("maps", &fleet).run(reconcile, |_, _, _| Action::backoff(), Arc::new(()));
//! fleet.run_until(async { tokio::signal::ctrl_c().await.ok(); }).await?;
//! # Ok(()) }
//! ```
//!
//! | feature | adds |
//! | --- | --- |
//! | `testing` | an in-process server of many clusters with faults, for tests of controllers |
//! | `compat-metrics` | every fleet shows the figures of its controllers under controller-runtime's names as well, as [`FleetBuilder::compat_metrics`] does for one |

mod client; // clients for one of many clusters
mod cluster_api; // requests that keep nothing for a cluster
mod dialer; // from an endpoint's URL to a client
mod identity; // who a cluster is, and which object in which cluster is meant
mod kind; // what a Kubernetes kind must be
mod kubeconfigs; // clusters by kubeconfig: files, Secrets
mod provider; // a watcher whose objects are clusters; the host cluster as one

mod aliases; // paths and other names
mod changes; // engagements as a stream
mod cluster; // a handle on one engagement
mod fleet; // which clusters are engaged: start here

mod feed; // from a watch into a store
mod index; // secondary indexes over stores
mod store; // shared stores, keyed by cluster
mod watch; // a list and watch that resumes and never gives up

mod action; // what a reconcile asks of the queue
mod controller; // one kind, reconciled everywhere
mod cx; // what a reconcile gets
mod key_backoff; // how long a failed key waits
mod results; // what a controller did

pub mod lifecycle; // reconciling in named steps

mod admission; // the HTTP half of a webhook
pub mod coordination; // which replica works on which cluster
mod finalizer; // clean up before an object goes
mod leader; // one of several processes works, by Lease
mod metrics; // what is counted
mod recorder; // Kubernetes events

// The README's programs are compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(feature = "testing")]
pub mod testing; // an in-process server of many clusters

pub use action::Action;
pub use admission::{AdmissionAnswer, AdmissionReview, AdmissionService, Admit, REVIEW_BYTES_MAX};
pub use changes::{FleetChange, FleetChanges};
pub use client::prefix_client;
pub use cluster::Cluster;
pub use cluster_api::ClusterApi;
pub use controller::{Concurrency, Controller, ControllerHandle};
pub use coordination::{Coordinator, Fence, Sharding};
pub use cx::Cx;
pub use dialer::{Dialer, HostRewrite, InProcess};
pub use finalizer::{FinalizerError, finalize};
pub use fleet::{Fleet, FleetBuilder, FleetError, FleetLimits, Health, KindHealth, Lookup};
pub use identity::{ClusterId, ClusterKey, ClusterObjectRef, Epoch, ObjectKey, ProviderName, ScopeId};
pub use index::Index;
pub use key_backoff::{Exponential, KeyBackoff, KeyedWaits, StaticThenExponential};
pub use kind::{Cached, dynamic_kind};
pub use kubeconfigs::Kubeconfigs;
pub use leader::{Election, ElectionError};
pub use provider::{
    ClientSpec, ClusterSeed, Demux, FleetEvent, Gone, Local, Provider, ProviderError, ReadCluster, Redial,
    WatchScope,
};
pub use recorder::Note;
pub use results::{ReconcileResult, Reconciled, Results};
pub use store::{ClusterStore, FleetStore, Form, StoreEvent, StoreEvents};
pub use watch::{ListWatch, Lists, Progress, Seen, WatchSink};
