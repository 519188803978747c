//! The API of kcp as Rust types and pure rules. Never does I/O, reads no clock and draws no random numbers.
//!
//! Kinds of apis, core, tenancy and topology.kcp.io implement `kube`'s `Resource`; enumerations keep words
//! that they do not know.
//!
//! | feature | adds | crates |
//! | --- | --- | --- |
//! | `yaml` | `read_yaml`: manifests from strangers, under the rules of [`read_json`] | serde-saphyr |
//! | `testing` | `testing`: arbitrary objects and the laws that they obey | none |
//!
//! ```
//! use kcp_api::apis::v1alpha2::{ApiExport, ApiExportSpec, ResourceSchema};
//! use kcp_api::{ClusterName, labels};
//!
//! let export = ApiExport::new("cloud.example.io", ApiExportSpec {
//!     resources: vec![ResourceSchema {
//!         name: "buckets".into(),
//!         group: "storage.example.io".into(),
//!         schema: "v1.buckets.storage.example.io".into(),
//!         storage: None,
//!     }],
//!     ..ApiExportSpec::default()
//! });
//! assert_eq!(serde_json::to_value(&export)?["apiVersion"], "apis.kcp.io/v1alpha2");
//! assert_eq!(labels::export_label(&ClusterName::root(), "tenancy.kcp.io").len(), 38);
//! # Ok::<(), serde_json::Error>(())
//! ```

pub mod apis; // what providers publish and consumers bind
pub mod builtins; // resources that claims may name without an identity
pub mod claims; // what is asked, accepted, granted; what an upgrade exposes
pub mod condition; // kcp's own condition
pub mod convert; // APIExport and APIBinding between versions
pub mod core; // logical clusters and shards
mod encoding; // big-endian numbers as text
pub mod finalizers; // finalizers and deletion of any object
pub mod identity; // the secret key of an export, and its public hash
pub mod keys; // annotations, labels, finalizers, reserved names
mod kinds; // every kind as a table
pub mod labels; // labels and names derived by hashing
mod lossless; // a typed view over raw JSON that loses nothing
pub mod names; // cluster names, workspace paths, initializers
mod object; // what every kind has
mod open_enum; // enumerations that keep unknown words
mod read; // JSON and YAML from strangers
pub mod schemas; // CustomResourceDefinitions and APIResourceSchemas of every kind
pub mod tenancy; // workspaces, their types, and who may log in
#[cfg(feature = "testing")]
pub mod testing; // arbitrary objects, and the laws that they obey
pub mod topology; // shards in groups
pub mod workspaces; // types, nesting, contributions, phases

pub use condition::{Condition, ConditionStatus, Conditions, Severity};
pub use convert::{ConversionError, convert};
pub use identity::{IdentityHash, IdentityKey};
pub use kinds::{AnyView, KINDS, KnownKind};
pub use lossless::{Lossless, LosslessError};
pub use names::{ClusterName, ClusterTarget, InitializerName, NameError, WorkspacePath};
pub use object::{Kind, cluster_of, path_of};
#[cfg(feature = "yaml")]
pub use read::read_yaml;
pub use read::{DEPTH_MAX, ReadError, read, read_json};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
