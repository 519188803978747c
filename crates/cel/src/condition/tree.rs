//! An expression as written, with macros recognised.

use super::source::At;

/// Levels of an expression's tree; deeper ones are refused, so that every walk over one has a bounded stack.
pub(crate) const TREE_DEPTH_MAX: usize = 250;

/// A part of an expression, with the place that errors about it name.
#[derive(Debug)]
pub(crate) struct Expr {
    pub(crate) at: At,
    pub(crate) depth: usize,
    pub(crate) kind: Kind,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    /// A name; with a leading dot where it was written so.
    Name(String),
    Select(Box<Expr>, String),
    /// `has(operand.field)`
    Has(Box<Expr>, String),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Choose(Box<[Expr; 3]>),
    /// An operator or a function, by CEL's name.
    Call {
        name: String,
        target: Option<Box<Expr>>,
        args: Vec<Expr>,
    },
    List(Vec<Expr>),
    Map(Vec<(Expr, Expr)>),
    Fold(Box<Fold>),
}

/// A macro over the entries of a list or the keys of a map.
#[derive(Debug)]
pub(crate) struct Fold {
    pub(crate) kind: FoldKind,
    pub(crate) range: Expr,
    pub(crate) name: String,
    pub(crate) filter: Option<Expr>,
    /// What is computed for each entry; none for `filter`, which keeps the entry.
    pub(crate) body: Option<Expr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FoldKind {
    All,
    Exists,
    ExistsOne,
    /// `map` and `filter`
    Collect,
}

impl Expr {
    /// `a.b.c` as a dotted name.
    pub(crate) fn qualified(&self) -> Option<String> {
        let mut parts = Vec::new();
        let mut expr = self;
        loop {
            match &expr.kind {
                Kind::Select(operand, field) => {
                    parts.push(field.as_str());
                    expr = operand;
                }
                Kind::Name(name) => {
                    parts.push(name.trim_start_matches('.'));
                    parts.reverse();
                    return Some(parts.join("."));
                }
                _ => return None,
            }
        }
    }
}
