//! All parts of a Platform Mesh as one value: how they are wired, started and stopped. Holds no rules of its own.
//!
//! ```no_run
//! use mesh::{Bare, BareOptions};
//!
//! # async fn start() -> Result<(), mesh::MeshError> {
//! let options = BareOptions { folder: ".kcp".into(), kcp: kcp_embedded::Options::default(), seed: None };
//! let kcp = Bare::up(options).await?;
//! println!("{}", kcp.server().url());
//! # Ok(()) }
//! ```

mod bare; // the control plane alone, empty as `kcp start` leaves it
mod error; // what keeps a mesh from starting, and the next step

pub use bare::{Bare, BareOptions};
pub use error::MeshError;
