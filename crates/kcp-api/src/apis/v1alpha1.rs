//! apis.kcp.io/v1alpha1.

mod api_binding; // an API in use
mod api_conversion; // rules between versions
mod api_export; // an API published
mod api_export_endpoint_slice; // where a provider reaches consumers
mod api_resource_schema; // the schema of one resource

pub use api_binding::*;
pub use api_conversion::*;
pub use api_export::*;
pub use api_export_endpoint_slice::*;
pub use api_resource_schema::*;
