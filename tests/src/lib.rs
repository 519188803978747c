//! The scenario harness: a control plane over real HTTPS, callers with tokens, stock kubectl, upstream's files.
//!
//! Scenarios talk to public interfaces only. Where a helper or a folder of files is missing, a scenario says so in one
//! line and passes over.
//!
//! ```no_run
//! # async fn scenario() {
//! let plane = scenarios::Plane::start().await;
//! let answer = plane.get(plane.admin(), "/clusters/root/api/v1/namespaces").await;
//! assert_eq!(answer.code, 200);
//! # }
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a harness of tests: what cannot be set up is the test's failure"
)]

mod backend; // the control plane that MESH_BACKEND names
mod kubectl; // stock kubectl against a plane
mod plane; // a control plane and raw calls to it: start here
mod story; // a fleet beside a story

mod fixtures; // upstream's files: where they lie, their objects
mod template; // their placeholders, filled
mod upstream; // the upstream bootstrap, applied in its order
mod webhook; // a reachable admission webhook that says yes

mod memory; // what this process holds

pub use backend::ControlPlane;
pub use fixtures::{documents, fixtures, path_of};
pub use kubectl::{Kubectl, Output};
pub use memory::resident_bytes;
pub use plane::{Answer, Plane};
pub use story::{PATIENCE, beside, client_at, kind, until};
pub use template::{Values, fill};
pub use upstream::{Applied, bootstrap};
pub use webhook::Webhook;
