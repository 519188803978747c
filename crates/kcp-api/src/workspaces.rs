//! The rules of workspaces and their types as pure functions: which type a workspace gets, where it may stand,
//! what it starts with, which phases it goes through.
//!
//! ```
//! use kcp_api::tenancy::v1alpha1::{WorkspaceTypeReference, WorkspaceTypeSpec};
//! use kcp_api::workspaces::{self, KnownType};
//! use kcp_api::{ClusterName, WorkspacePath};
//!
//! let types = |path: &WorkspacePath, name: &str| {
//!     (path.as_str() == "root" && name == "org").then(|| KnownType {
//!         path: WorkspacePath::root(),
//!         cluster: ClusterName::root(),
//!         name: "org".into(),
//!         spec: WorkspaceTypeSpec { initializer: true, ..WorkspaceTypeSpec::default() },
//!     })
//! };
//! let wanted = WorkspaceTypeReference { name: "org".into(), path: None };
//! let orgs: WorkspacePath = "root:orgs".parse()?;
//! let org = workspaces::resolve_type(&types, &orgs, None, Some(&wanted)).unwrap();
//! let aliases = workspaces::aliases(&types, &org).unwrap();
//! assert_eq!(workspaces::initializers(&aliases)[0].as_str(), "root:org");
//! # Ok::<(), kcp_api::NameError>(())
//! ```

mod admission; // what users may not write, in kcp's words
mod contributions; // initializers, terminators, default bindings, labels
mod nesting; // which types may stand above and below each other
mod phases; // life cycle of workspaces and logical clusters
mod required_groups; // groups that a request needs
mod types; // from a reference to a type, and to all that it extends

pub use admission::{
    binding_refusal, check_workspace_type, reserved_type_name, type_binding_refusal, type_use_refusal,
};
pub use contributions::{DefaultBinding, default_bindings, initializers, label_additions, terminators};
pub use nesting::{NestingRefusal, check_nesting};
pub use phases::{
    LogicalClusterChange, LogicalClusterFacts, PhaseRefusal, WorkspaceFacts, check_logical_cluster_change,
    logical_cluster_phase, workspace_phase,
};
pub use required_groups::RequiredGroups;
pub use types::{KnownType, TypeCatalog, TypeRefusal, aliases, find_type, resolve_type};
