//! Kubernetes API machinery as a service: objects in partitions, every verb, watch, discovery, patches, tables, admission.
//!
//! Promises: one global revision over all partitions; bounded memory per watch and per history; no panic on any request;
//! refusals are Kubernetes `Status` objects. Refuses: to know what a partition means, to authenticate, to authorize — the host
//! does that before it calls [`ApiServer::handle`].
//!
//! Objects are `serde_json::Value` while they are worked on and JSON bytes while they are stored.
//!
//! ```
//! use std::sync::Arc;
//! use apiserver::{ApiServer, Partition, UserInfo, defined::DefinedApis, kinds::BuiltIns, local::WriteParams};
//! use apiserver::{GroupVersionResource, server::Parts};
//! use serde_json::json;
//!
//! # fn main() -> Result<(), apiserver::ApiError> {
//! # let now = tokio::runtime::Builder::new_current_thread().build().map_err(apiserver::ApiError::internal)?;
//! # now.block_on(async {
//! let server = ApiServer::new(Parts::default());
//! let apis = Arc::new(DefinedApis::new(server.store().clone(), BuiltIns::default().resources()));
//! let alice = server.local(Partition::from("tenant-a"), apis, UserInfo::system("alice"));
//! let maps = GroupVersionResource::new("", "v1", "configmaps");
//! let map = json!({"metadata": {"name": "greeting", "namespace": "default"}, "data": {"text": "hello"}});
//! let made = alice.create(&maps, map, &WriteParams::default()).await?;
//! assert_eq!(made["data"]["text"], "hello");
//! # Ok(()) }) }
//! ```

// Names and refusals.
pub mod error; // every refusal as a Status
pub mod name_rules; // which names are allowed
pub mod names; // groups, versions, resources, verbs
pub mod partition; // whose objects: the opaque tenant key
pub mod user; // who asks

// What is served.
pub mod catalog; // which resources a partition serves
pub mod controllers; // loops that keep objects consistent
pub mod crd; // rules of CustomResourceDefinitions
pub mod defined; // built-ins and definitions as API sets
pub mod kinds; // the resources Kubernetes itself brings
pub mod resource; // a resource as served
pub mod strategy; // the rules of one resource
pub mod subresource; // subresources and virtual resources as rows
pub mod tokens; // service account tokens

// Requests. Start at `server`.
pub mod answer; // answers over HTTP
pub mod body; // bodies of requests and answers
pub mod discovery; // groups, versions, resources
pub mod field_selector; // field selectors
pub mod local; // the verbs in process
pub mod query; // options of verbs
pub mod request; // what a URL asks for
pub mod selector; // label selectors
pub mod server; // the request handler

// Writes and storage.
pub mod admission; // what every write passes
pub mod lifecycle; // namespaces must exist
pub mod object; // metadata of objects
pub mod store; // objects under one revision

// Pure machinery.
pub mod apply; // ownership of fields, server-side apply
pub mod builtin; // what the built-in kinds look like
pub mod fields; // sets of fields
pub mod openapi; // OpenAPI v3 documents
pub mod patch; // JSON patch, merge patch, strategic merge patch
pub mod protobuf; // bodies that clients send as protobuf
pub mod rbac; // roles: what they grant, what may be granted
pub mod schema; // structural schemas: parse, prune, default, validate

mod decode; // bodies to values
mod json_path; // paths of printed columns
mod negotiate; // forms of answers and bodies
mod openapi_routes; // OpenAPI documents by URL
mod patching; // patches as functions on objects
mod table; // tables and metadata-only answers
mod typed; // decoding rules of built-in kinds
mod verbs; // every verb below HTTP

pub use admission::{Admission, Attributes, Operation};
pub use catalog::{ApiSets, Catalog, FixedApis};
pub use error::{ApiError, Cause};
pub use local::Local;
pub use names::{GroupResource, GroupVersionKind, GroupVersionResource, Verb};
pub use partition::{Partition, Scope};
pub use resource::{Converter, Origin, PrinterColumn, Scale, ServedResource, StoragePrefix, Subresources};
pub use schema::{FieldError, StructuralSchema};
pub use selector::LabelSelector;
pub use server::{ApiServer, RequestCx};
pub use store::Store;
pub use strategy::ResourceStrategy;
pub use user::UserInfo;
