//! What every long-running process needs. Knows no domain: no Kubernetes kinds, no tenants, no policies.
//!
//! ```
//! use runtime::{Clock, Ids, Stop, Tasks, End};
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let stop = Stop::new();
//! let tasks = Tasks::new();
//! let ended = stop.clone();
//! tasks.spawn("short", End::MayEnd, async move { ended.stop() });
//! tasks.run_until(stop).await.unwrap();
//! assert_ne!(Ids::seeded(7).base36(16), Ids::seeded(8).base36(16));
//! # });
//! ```

mod backoff; // how long to wait before the next try
mod clock; // the time of day, injected
mod fair_queue; // keyed queue: fair between groups, deduplicated, delayed
mod ids; // randomness, ids and tokens, injected
mod stop; // one signal that ends everything, signals of the process included
mod tasks; // tasks with an owner, a name, and a declared end

mod authority; // a certificate authority that issues server and client certificates
mod crypto; // the one rustls provider of the process
mod peer; // who is on the other end of a connection
mod serve; // HTTPS and HTTP listeners over a tower service
mod server_tls; // server side TLS: client certificates, reload

mod faults; // a tower layer that delays, fails and cuts
mod files; // files that appear by rename
mod flag_values; // durations and addresses as Go's flags write them
mod kubeconfig; // kubeconfig files: build, write, read
mod logging; // text or JSON logs
mod ops; // health, readiness and metrics

pub use authority::{Authority, AuthorityError, Identity, ServerNames};
pub use backoff::{Backoff, FullJitter};
pub use clock::Clock;
pub use crypto::install_crypto;
pub use fair_queue::{FairQueue, Lane, Limits, Popped, Taken};
pub use faults::{Fault, FaultBody, FaultLayer, FaultRule, FaultService, Faults};
pub use files::{FileError, write_private, write_public};
pub use flag_values::{parse_go_duration, parse_listen_address};
pub use ids::{Ids, Seed};
pub use kubeconfig::{Credential, Kubeconfig, KubeconfigError};
pub use logging::{LogFormat, LoggingError, init_logging};
pub use ops::{Check, CheckState, Metrics, Ops, serve_ops};
pub use peer::{PeerAddress, PeerCertificate};
pub use serve::{ServeError, ServeOptions, serve_http, serve_https};
pub use server_tls::{ServerTls, TlsError, TlsFiles};
pub use stop::Stop;
pub use tasks::{End, TaskFailure, TaskOutput, Tasks};

/// The metrics library whose registry [`Metrics`] carries, so that users register with the same version.
pub use prometheus_client;
