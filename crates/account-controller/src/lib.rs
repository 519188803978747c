//! Turns Accounts into workspaces, and keeps wrong Accounts out. What should exist is computed by `account-model`; this
//! crate only fetches, compares and writes. It decides nothing about identity or authorization.
//!
//! ```no_run
//! use account_controller::{Options, serve};
//! use clap::Parser as _;
//!
//! # async fn start() -> Result<(), account_controller::RunError> {
//! let options = Options::parse_from(["account-operator", "--webhooks-additional-account-types=account"]);
//! serve(options, runtime::Stop::new()).await
//! # }
//! ```

mod options; // flags and environment, upstream's names
mod run; // parts to a running operator, in stopping order
mod serve; // options to parts: the operator as a process

mod account; // reconciler of Accounts: start here
mod account_info; // holds AccountInfo while children exist
mod app; // what all steps share
mod apply;
mod seen; // fetches all that a plan needs, once // carries out the writes of a plan

mod admission; // HTTPS answers to AdmissionReviews

mod error;
mod metrics; // upstream's names // what can go wrong, who acts

pub use admission::Admission;
pub use error::{ApplyError, RunError};
pub use options::Options;
pub use run::{Parts, WebhookServer, run};
pub use serve::serve;

/// Name of the Lease that replicas elect a leader by.
pub const LEASE: &str = "8c290d9a.platform-mesh.io";
