//! Validation: what authoring tools find in a text, and what a server refuses to store.

mod authoring; // findings with places and OpenFGA's categories
mod entry; // which relations any user can ever have
mod search; // where a name stands in a line
mod server; // write-time rules and limits
mod server_entry; // … and which relations a server takes to be reachable

pub(crate) use authoring::findings_of;
pub use authoring::validate_document;
pub use server::{
    CONDITIONS_MAX, EXPRESSION_BYTES_MAX, ModelFault, ModelLimits, PARAMETERS_MAX, validate_for_write,
};

use crate::{AuthorizationModel, Document, ModelErrors};

/// Checks a model that was not read from a text, by the rules of authoring tools.
pub fn validate_model(model: &AuthorizationModel) -> Result<(), ModelErrors> {
    validate_document(&Document::without_places(model.clone()))
}
