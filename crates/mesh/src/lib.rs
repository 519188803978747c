//! All parts of a Platform Mesh as one value: how they are wired, started and stopped. Holds no rules of its own.
//!
//! ```no_run
//! use mesh::{Mesh, MeshOptions};
//!
//! # async fn start() -> Result<(), mesh::MeshError> {
//! let mesh = Mesh::up(MeshOptions::new(".platform-mesh")).await?;
//! println!("{}", mesh.url());
//! mesh.stop().await;
//! # Ok(()) }
//! ```

mod mesh; // all parts wired, started in order: start here

mod mesh_file; // what a running mesh tells other processes
mod options; // what a mesh is started with

mod bare; // the control plane alone, empty as `kcp start` leaves it
mod bootstrap; // applies the list that makes a mesh of an empty kcp
mod error; // what keeps a mesh from starting, and the next step

mod members; // who has which role on an account
mod reach; // a running mesh from outside

mod demo; // the story of a mesh, over its public addresses only

mod clients; // callers of the control plane in this process
mod front; // the one HTTPS address: issuer and control plane
mod operator; // who keeps providers and reads decisions
mod outside; // what parts that somebody else runs need
mod parts; // operators and webhook, each under its own service account
mod relationships; // the webhook as a function of the authorization chain
mod tokens; // documents by which tokens of people are verified

pub use bare::{Bare, BareOptions};
pub use bootstrap::{BootstrapError, Change, apply_bootstrap};
pub use demo::{DEMO_STEPS, DemoEvent, DemoSummary, StepReport, demo};
pub use error::MeshError;
pub use members::{Member, Members, Role, full_path};
pub use mesh::Mesh;
pub use mesh_file::{MESH_FILE, MeshFile};
pub use options::{DEVELOPMENT_PASSWORD, MeshOptions, MeshPart, PEOPLE, UnknownPart};
pub use reach::{Reach, mail_address};
