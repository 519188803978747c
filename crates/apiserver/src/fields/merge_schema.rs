//! What the merge must know of a type: lists that are sets or keyed, maps and lists that are one piece.

use serde_json::Value;

/// How a value is owned and merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape<'s> {
    /// Nothing is known: objects are merged field by field, lists are one piece.
    Deduced,
    /// A single value.
    Scalar,
    /// A list owned as one piece.
    AtomicList,
    /// A list of distinct scalars, each owned for itself.
    SetList,
    /// A list of objects told apart by the values of these fields.
    KeyedList(&'s [String]),
    /// An object owned as one piece.
    AtomicMap,
    /// An object or map owned field by field.
    Map,
}

/// A node of a schema, as far as ownership and merging go. Implemented by structural schemas and by the table of the
/// built-in kinds.
pub trait MergeSchema: Sync {
    /// How a value of this node is owned.
    fn shape(&self) -> Shape<'_>;

    /// The node of a named field, where there is one.
    fn field(&self, name: &str) -> Option<&dyn MergeSchema> {
        let _ = name;
        None
    }

    /// The node of entries that have no name of their own: values of a map, or unknown fields that are kept.
    fn rest(&self) -> Option<&dyn MergeSchema> {
        None
    }

    /// The node of the items of a list.
    fn item(&self) -> Option<&dyn MergeSchema> {
        None
    }

    /// How strategic merge patches treat this field.
    fn patch_strategy(&self) -> PatchStrategy<'_> {
        PatchStrategy::default()
    }

    /// The default of a field of this object: a keyed list whose item omits a key takes it from here.
    fn default_of(&self, field: &str) -> Option<&Value> {
        let _ = field;
        None
    }
}

/// How strategic merge patches treat a field. Without anything said, objects are merged and lists are replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PatchStrategy<'s> {
    /// A list is merged.
    pub merge: bool,
    /// An object is replaced.
    pub replace: bool,
    /// Fields not named in `$retainKeys` are dropped.
    pub retain_keys: bool,
    /// The field by which items of a merged list are matched; none for lists of scalars.
    pub merge_key: Option<&'s str>,
}

/// A node that only has a shape.
#[derive(Clone, Copy, Debug)]
pub struct Plain(Shape<'static>);

impl MergeSchema for Plain {
    fn shape(&self) -> Shape<'_> {
        self.0
    }

    fn rest(&self) -> Option<&dyn MergeSchema> {
        matches!(self.0, Shape::Deduced).then_some(&DEDUCED as &dyn MergeSchema)
    }
}

/// The node of which nothing is known.
pub static DEDUCED: Plain = Plain(Shape::Deduced);

/// The node of a scalar.
pub static SCALAR: Plain = Plain(Shape::Scalar);
