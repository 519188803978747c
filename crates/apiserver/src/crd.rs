//! CustomResourceDefinitions as pure rules: what may be registered, which names are accepted, what is served.
//!
//! All functions take the definition as JSON and return values; a host stores definitions, calls [`reconcile_status`] when
//! one changes, and serves what [`served_resources`] derives. Definitions of other shapes (kcp's APIResourceSchema) use the
//! parts: [`validate_bare_versions`], [`validate_names`], [`validate_group`], [`compile_version_schema`], [`validate_columns`], [`validate_selectable_fields`].

mod approval; // protected groups
mod definition; // the fields of a definition, read once
mod names; // syntax of names; who has them
mod served; // what a definition serves
mod status; // conditions, accepted names, stored versions
mod validate; // the rules of create and update
mod versions; // rules of one version

pub use approval::{APPROVAL_ANNOTATION, approval, validate_approval};
pub use definition::{Names, Version, default, names_of, versions_of};
pub use names::{NameClaim, NameDecision, accept_names, validate_group, validate_names};
pub use served::{served_resources, storage_version_hash};
pub use status::{
    Condition, condition_status, prepare_for_create, prepare_for_update, reconcile_status, stored_versions,
};
pub use validate::{validate, validate_status};
pub use versions::{
    compile_version_schema, validate_bare_versions, validate_columns, validate_selectable_fields,
    validate_subresources,
};
