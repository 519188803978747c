//! tenancy.kcp.io/v1alpha1.

mod workspace; // a logical cluster seen from its parent
mod workspace_authentication_configuration; // token issuers
mod workspace_type; // what a workspace starts with

pub use workspace::*;
pub use workspace_authentication_configuration::*;
pub use workspace_type::*;
