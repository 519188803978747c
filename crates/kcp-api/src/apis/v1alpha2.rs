//! apis.kcp.io/v1alpha2, the storage version.

mod api_binding; // an API in use, and the answers to claims
mod api_export; // an API published, and the claims

pub use api_binding::*;
pub use api_export::*;
