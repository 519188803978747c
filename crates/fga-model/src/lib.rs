//! OpenFGA authorization models as text and as values. Never evaluates one.
//!
//! ```
//! use fga_model::TupleKey;
//!
//! let key: TupleKey = "document:1#viewer@user:anne".parse()?;
//! assert_eq!(key.object, "document:1");
//! # Ok::<(), fga_model::TupleFault>(())
//! ```

mod code;
mod ids; // ids that servers give
mod json; // their JSON form
mod model; // types, relations, rewrites, restrictions, conditions
mod tuple; // object, relation, user // OpenFGA's error codes

pub use code::ErrorCode;
pub use ids::{ModelId, StoreId};
pub use json::JsonError;
pub use model::{
    AuthorizationModel, Condition, ParameterKind, ParameterType, Relation, Restriction, Rewrite,
    TypeDefinition,
};
pub use tuple::{
    OBJECT_LENGTH_MAX, ObjectRef, RELATION_LENGTH_MAX, TYPE_LENGTH_MAX, TupleCondition, TupleFault, TupleKey,
    USER_LENGTH_MAX, UserRef, check_relation, is_authoring_object_id,
};
