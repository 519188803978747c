//! What can be asked of a relationship store and written to it.

use fga_model::{ModelId, TupleKey};
use jiff::Timestamp;

use crate::EngineError;

/// Free values that conditions see, by parameter name.
pub type Context = serde_json::Map<String, serde_json::Value>;

/// How fresh the answer must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Consistency {
    /// Whatever is fastest.
    #[default]
    MinimizeLatency,
    /// Every write acknowledged before the call is seen.
    HigherConsistency,
}

/// Whether an answer carries the tuples it rests on, where the backend knows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Explain {
    /// Collect the grounds.
    #[default]
    Grounds,
    /// The decision alone; the fast path.
    DecisionOnly,
}

/// May `user` have `relation` on `object`?
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CheckRequest {
    /// `type:id`.
    pub object: String,
    /// Relation asked for.
    pub relation: String,
    /// `type:id`, `type:id#relation` or `type:*`.
    pub user: String,
    /// Tuples that hold for this question only.
    pub contextual: Vec<TupleKey>,
    /// Values for conditions.
    pub context: Context,
    /// The model to use; `None` is the store's latest.
    pub model: Option<ModelId>,
    /// How fresh the answer must be.
    pub consistency: Consistency,
    /// Whether the grounds are wanted.
    pub explain: Explain,
}

impl CheckRequest {
    /// The question without contextual tuples, against the latest model.
    pub fn new(object: impl Into<String>, relation: impl Into<String>, user: impl Into<String>) -> Self {
        Self { object: object.into(), relation: relation.into(), user: user.into(), ..Self::default() }
    }

    /// The same question with tuples that hold for it alone.
    #[must_use]
    pub fn with_contextual(mut self, tuples: impl IntoIterator<Item = TupleKey>) -> Self {
        self.contextual.extend(tuples);
        self
    }

    /// The same question against one model.
    #[must_use]
    pub fn with_model(mut self, model: impl Into<ModelId>) -> Self {
        self.model = Some(model.into());
        self
    }
}

/// What happens to a write of a tuple that exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnDuplicate {
    /// The whole request fails.
    #[default]
    Error,
    /// Nothing, if the condition is the same too.
    Ignore,
}

/// What happens to a delete of a tuple that does not exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnMissing {
    /// The whole request fails.
    #[default]
    Error,
    /// Nothing.
    Ignore,
}

impl OnDuplicate {
    /// The word of the API: `error`, `ignore`, or nothing.
    ///
    /// # Errors
    /// Another word.
    pub fn from_word(word: &str) -> Result<Self, EngineError> {
        match word {
            "" | "error" => Ok(Self::Error),
            "ignore" => Ok(Self::Ignore),
            other => Err(EngineError::invalid(format!("on_duplicate is `error` or `ignore`, not `{other}`"))),
        }
    }
}

impl OnMissing {
    /// The word of the API: `error`, `ignore`, or nothing.
    ///
    /// # Errors
    /// Another word.
    pub fn from_word(word: &str) -> Result<Self, EngineError> {
        match word {
            "" | "error" => Ok(Self::Error),
            "ignore" => Ok(Self::Ignore),
            other => Err(EngineError::invalid(format!("on_missing is `error` or `ignore`, not `{other}`"))),
        }
    }
}

/// Tuples to write and delete, all or none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WriteRequest {
    /// Tuples that shall exist.
    pub writes: Vec<TupleKey>,
    /// Tuples that shall not; conditions are ignored.
    pub deletes: Vec<TupleKey>,
    /// What an existing tuple means.
    pub on_duplicate: OnDuplicate,
    /// What a missing tuple means.
    pub on_missing: OnMissing,
    /// The model that must allow the writes; `None` is the store's latest.
    pub model: Option<ModelId>,
}

impl WriteRequest {
    /// Writes, refusing tuples that exist.
    pub fn writes(tuples: impl IntoIterator<Item = TupleKey>) -> Self {
        Self { writes: tuples.into_iter().collect(), ..Self::default() }
    }

    /// Deletes, refusing tuples that do not exist.
    pub fn deletes(tuples: impl IntoIterator<Item = TupleKey>) -> Self {
        Self { deletes: tuples.into_iter().collect(), ..Self::default() }
    }

    /// The same request, idempotent: existing writes and missing deletes are passed over.
    #[must_use]
    pub fn idempotent(mut self) -> Self {
        (self.on_duplicate, self.on_missing) = (OnDuplicate::Ignore, OnMissing::Ignore);
        self
    }
}

/// Which stored tuples to read. Empty: the whole store. Otherwise an object (`type:id` or `type:`) is required, and
/// with `type:` also a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TupleFilter {
    /// `type:id` or `type:`.
    pub object: Option<String>,
    /// A relation.
    pub relation: Option<String>,
    /// A user in any form.
    pub user: Option<String>,
}

impl TupleFilter {
    /// All tuples of the store.
    pub fn everything() -> Self {
        Self::default()
    }

    /// All tuples of one object.
    pub fn object(object: impl Into<String>) -> Self {
        Self { object: Some(object.into()), ..Self::default() }
    }

    /// The tuple with exactly this key.
    pub fn key(key: &TupleKey) -> Self {
        Self {
            object: Some(key.object.clone()),
            relation: Some(key.relation.clone()),
            user: Some(key.user.clone()),
        }
    }
}

/// Which page of a long answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// Entries on the page, 1 to 100; `None` is the server's choice (50).
    pub size: Option<u32>,
    /// Token of the page before; empty for the first.
    pub token: String,
}

impl PageRequest {
    /// The page after the one that gave `token`.
    pub fn after(token: impl Into<String>) -> Self {
        Self { size: None, token: token.into() }
    }

    /// The same page with this many entries at most.
    #[must_use]
    pub fn sized(mut self, size: u32) -> Self {
        self.size = Some(size);
        self
    }
}

/// Which changes to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangesRequest {
    /// Only changes of tuples whose object has this type.
    pub type_name: Option<String>,
    /// Only changes from this time on; not used when the page has a token.
    pub start_time: Option<Timestamp>,
    /// Which page.
    pub page: PageRequest,
}

/// Which objects of a type does `user` have `relation` on?
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListObjectsRequest {
    /// Type of the objects.
    pub type_name: String,
    /// Relation asked for.
    pub relation: String,
    /// A user in any form.
    pub user: String,
    /// Tuples that hold for this question only.
    pub contextual: Vec<TupleKey>,
    /// Values for conditions.
    pub context: Context,
    /// The model to use; `None` is the store's latest.
    pub model: Option<ModelId>,
    /// How fresh the answer must be.
    pub consistency: Consistency,
}

/// Which users of one shape have `relation` on `object`?
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListUsersRequest {
    /// `type:id`.
    pub object: String,
    /// Relation asked for.
    pub relation: String,
    /// The shape of the users.
    pub filter: UserFilter,
    /// Tuples that hold for this question only.
    pub contextual: Vec<TupleKey>,
    /// Values for conditions.
    pub context: Context,
    /// The model to use; `None` is the store's latest.
    pub model: Option<ModelId>,
    /// How fresh the answer must be.
    pub consistency: Consistency,
}

/// A shape of users: objects of a type, or usersets of a type and relation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct UserFilter {
    /// Type of the users.
    pub type_name: String,
    /// Relation, where usersets are wanted.
    pub relation: Option<String>,
}

/// What is one relation of one object made of, one level deep?
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExpandRequest {
    /// `type:id`.
    pub object: String,
    /// Relation asked for.
    pub relation: String,
    /// Tuples that hold for this question only.
    pub contextual: Vec<TupleKey>,
    /// The model to use; `None` is the store's latest.
    pub model: Option<ModelId>,
    /// How fresh the answer must be.
    pub consistency: Consistency,
}

/// One question of a batch, under a name that its answer carries.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchItem {
    /// Name of the question, unique in the batch, 1 to 36 letters, digits, `_` and `-`.
    pub correlation: String,
    /// The question. Its `model` and `consistency` are not used: those of the batch are.
    pub check: CheckRequest,
}

/// Many questions against one model at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BatchCheckRequest {
    /// The questions.
    pub checks: Vec<BatchItem>,
    /// The model to use; `None` is the store's latest.
    pub model: Option<ModelId>,
    /// How fresh the answers must be.
    pub consistency: Consistency,
}
