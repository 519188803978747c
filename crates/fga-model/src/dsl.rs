//! The DSL: text to model and back.

mod cursor; // the text, comments cut away, with places
mod document; // a model with the places of its names
mod parse; // text to document. Start here.
mod print; // model to text

pub(crate) use document::{ConditionPlace, LeafPlace, RelationPlace, RestrictionPlace, TypePlace};
pub use document::{Document, Header};
pub use parse::{parse_document, parse_model};
pub use print::{PrintError, SourceInfo, print_model};
