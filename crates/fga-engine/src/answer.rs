//! What a relationship store answers, with what the answer rests on.

use fga_model::{AuthorizationModel, ErrorCode, ModelId, StoreId, TupleKey};
use jiff::Timestamp;
use verdict::{Missing, RelationStep};

/// The answer to a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckAnswer {
    /// The user has the relation.
    Allowed(Grounds),
    /// The user does not have it.
    Denied(Grounds),
}

/// What a decision rests on. Empty where the backend does not tell or was not asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grounds {
    /// For an allow: the steps from the object to the user; its tuples alone give the same answer. For a denial: the
    /// tuples that were found and led nowhere.
    pub path: Vec<RelationStep>,
    /// For a denial: the one fact that would turn it. A relationship whose presence does, the closest to the question,
    /// or else an exclusion that alone is in the way. None where no single one would.
    pub missing: Option<Missing>,
}

impl CheckAnswer {
    /// Whether the user has the relation.
    pub fn is_allowed(&self) -> bool {
        matches!(self, CheckAnswer::Allowed(_))
    }

    /// What the decision rests on.
    pub fn grounds(&self) -> &Grounds {
        match self {
            CheckAnswer::Allowed(grounds) | CheckAnswer::Denied(grounds) => grounds,
        }
    }
}

/// The answer to one question of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchAnswer {
    /// Name of the question.
    pub correlation: String,
    /// Its answer, or why it could not be answered.
    pub answer: Result<CheckAnswer, BatchFault>,
}

/// Why one question of a batch could not be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct BatchFault {
    /// OpenFGA's code.
    pub code: ErrorCode,
    /// Why.
    pub message: String,
}

/// A store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Its id.
    pub id: StoreId,
    /// Its name; names are not unique.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last renamed.
    pub updated_at: Timestamp,
}

/// A written model with its id.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredModel {
    /// Its id.
    pub id: ModelId,
    /// Its content; the `id` field inside is empty.
    pub model: AuthorizationModel,
}

/// A stored tuple.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredTuple {
    /// The relationship.
    pub key: TupleKey,
    /// When it was written.
    pub timestamp: Timestamp,
}

/// A question with the answer that the author of a model expects.
#[derive(Clone, Debug, PartialEq)]
pub struct Assertion {
    /// Object, relation and user of the question.
    pub key: TupleKey,
    /// Whether it shall be allowed.
    pub expectation: bool,
    /// Tuples that hold for the question only.
    pub contextual: Vec<TupleKey>,
    /// Values for conditions.
    pub context: crate::Context,
}

/// Whether a change added or removed a tuple.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// The tuple was written.
    Write,
    /// The tuple was deleted.
    Delete,
}

/// One entry of the changelog.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The relationship; without its condition for a delete.
    pub key: TupleKey,
    /// Write or delete.
    pub operation: Operation,
    /// When.
    pub timestamp: Timestamp,
}

/// A page of a long answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The entries.
    pub items: Vec<T>,
    /// Token of the next page; empty at the end (the changelog repeats the request's token there).
    pub token: String,
}

/// One level of a relation, as a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpandNode {
    /// `object#relation` of the request, at every node.
    pub name: String,
    /// What the node is.
    pub kind: ExpandKind,
}

/// What a node of an expand tree is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpandKind {
    /// Users of tuples, sorted, each once.
    Users(Vec<String>),
    /// Another relation of the same object, as `object#relation`.
    Computed(String),
    /// `tupleset` of this object and the usersets it leads to.
    TupleToUserset {
        /// `object#tupleset`.
        tupleset: String,
        /// `object#relation` for each.
        computed: Vec<String>,
    },
    /// Any of them.
    Union(Vec<ExpandNode>),
    /// All of them.
    Intersection(Vec<ExpandNode>),
    /// The first without the second.
    Difference(Box<ExpandNode>, Box<ExpandNode>),
}
