//! A model text that was read: the model, and where each name of it stands.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::{AuthorizationModel, Span};

/// What the first line of a file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Header {
    /// `model`, with a schema version.
    #[default]
    Model,
    /// `module NAME`.
    Module(String),
}

/// A model with the places of its names; `types[i]` is the place of `model.types[i]`.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// Model or module.
    pub header: Header,
    /// What the text says. Extended types of a module file stand among its types.
    pub model: AuthorizationModel,
    pub(crate) schema_place: Option<Span>,
    pub(crate) types: Vec<TypePlace>,
    pub(crate) conditions: IndexMap<String, ConditionPlace>,
}

/// Where a type stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct TypePlace {
    pub name: Span,
    pub file: Option<String>,
    pub extends: bool,
    pub relations: IndexMap<String, RelationPlace>,
}

/// Where a relation stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct RelationPlace {
    pub name: Span,
    /// The line of the name, comments cut away.
    pub line: Arc<str>,
    pub file: Option<String>,
    pub restrictions: Vec<RestrictionPlace>,
    /// References to relations, in the order of the text.
    pub leaves: Vec<LeafPlace>,
}

/// Where an entry of the bracketed list stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RestrictionPlace {
    pub type_name: Span,
    /// `type`, `type:*` or `type#relation`.
    pub shape: Span,
    /// The shape with its condition.
    pub whole: Span,
    pub condition: Option<Span>,
}

/// Where a reference to a relation stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LeafPlace {
    pub whole: Span,
    /// The relation after `from`.
    pub tupleset: Option<Span>,
}

/// Where a condition stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConditionPlace {
    pub name: Span,
    pub file: Option<String>,
}

impl Document {
    /// A model that was not read from a text: findings about it have no places.
    pub fn without_places(model: AuthorizationModel) -> Self {
        Self { model, ..Self::default() }
    }
}
