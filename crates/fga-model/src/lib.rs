//! OpenFGA authorization models as text and as values. Never evaluates one.
//!
//! ```
//! use fga_model::{Rewrite, parse_model, validate_model};
//!
//! let model = parse_model("
//! model
//!   schema 1.1
//! type user
//! type document
//!   relations
//!     define owner: [user]
//!     define viewer: [user, user:*] or owner
//! ")?;
//! validate_model(&model)?;
//! assert!(matches!(model.relation("document", "viewer").map(|r| &r.rewrite), Some(Rewrite::Union(_))));
//! # Ok::<(), fga_model::ModelErrors>(())
//! ```

mod model; // types, relations, rewrites, restrictions, conditions. Start here.

mod condition; // from a declared condition to one that can be evaluated
mod dsl; // text to model and back
mod json; // JSON to model and back
mod modules; // module files assembled into one model
mod validate; // what authoring tools and servers refuse

mod store_file; // a model, its tuples and what must hold, in one file

mod diagnostic; // a finding: place, rule, next step

mod generate; // the modules Platform Mesh generates
mod naming; // the names Platform Mesh gives to types, relations, objects, users

#[cfg(feature = "testing")]
pub mod testing; // random models, tuples and questions

mod code; // OpenFGA's error codes
mod ids; // ids that servers give
mod tuple; // object, relation, user

pub use code::ErrorCode;
pub use condition::ConditionFault;
pub use diagnostic::{Category, Diagnostic, ModelErrors, Span};
pub use dsl::{Document, Header, PrintError, SourceInfo, parse_document, parse_model, print_model};
pub use generate::{
    ACCOUNT_TYPE, ApiResource, DISCOVERED_PRIVILEGED, DISCOVERED_STANDARD, NAMESPACE_TYPE, ResourceScope,
    Template, authorization_model_name, core_module, discovered_module, is_generated_export,
    module_file_name, orgs_module, resource_module,
};
pub use ids::{ModelId, StoreId};
pub use json::JsonError;
pub use model::{
    AuthorizationModel, Condition, ParameterKind, ParameterType, Relation, Restriction, Rewrite,
    TypeDefinition,
};
pub use modules::{
    Composition, FgaMod, ModuleFile, Placed, RefusedModule, assemble_modules, compose_isolated,
    compose_modules,
};
pub use naming::{Naming, ParentVerb, RELATION_BYTES_MAX, ResourceName, TYPE_BYTES_MAX};
pub use store_file::{StoreFileFault, check_store_file};
pub use tuple::{
    OBJECT_LENGTH_MAX, ObjectRef, RELATION_LENGTH_MAX, TYPE_LENGTH_MAX, TupleCondition, TupleFault, TupleKey,
    USER_LENGTH_MAX, UserRef, check_relation, is_authoring_object_id,
};
pub use validate::{
    CONDITIONS_MAX, EXPRESSION_BYTES_MAX, ModelFault, ModelLimits, PARAMETERS_MAX, validate_document,
    validate_for_write, validate_model,
};

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
