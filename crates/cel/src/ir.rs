//! The compiled form of an expression: names resolved to slots, macros to folds, calls to functions.

use std::sync::Arc;

use kube_cel::cel::parser::Expression as CelExpression;

use crate::functions::Native;

/// A compiled expression.
#[derive(Debug)]
pub(crate) enum Ir {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Arc<str>),
    Bytes(Arc<[u8]>),
    Type(&'static str),
    /// A variable or a name bound by a macro, counted from the outermost.
    Slot(usize),
    /// `a.b`, `has(a.b)`, `a.?b`
    Select {
        operand: Box<Ir>,
        field: Field,
        mode: Select,
    },
    /// `a[b]`, `a[?b]`
    Index {
        operand: Box<Ir>,
        index: Box<Ir>,
        optional: bool,
    },
    And(Box<Ir>, Box<Ir>),
    Or(Box<Ir>, Box<Ir>),
    Not(Box<Ir>),
    Negate(Box<Ir>),
    Choose(Box<Ir>, Box<Ir>, Box<Ir>),
    Binary(Binary, Box<Ir>, Box<Ir>),
    List(Vec<(Ir, bool)>),
    Map(Vec<(Ir, Ir, bool)>),
    Fold(Box<Fold>),
    /// `cel.bind(x, init, body)`, `a.optMap(x, body)`: the value takes the next slot.
    Bind {
        kind: Bind,
        value: Box<Ir>,
        body: Box<Ir>,
    },
    Native {
        function: Native,
        args: Vec<Ir>,
    },
    Library {
        call: Arc<LibraryCall>,
        args: Vec<Ir>,
    },
}

/// A field name as written and as the JSON key it may stand for.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) written: Arc<str>,
    pub(crate) key: Arc<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Select {
    Value,
    Test,
    Optional,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bind {
    Plain,
    OptMap,
    OptFlatMap,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
}

/// A macro over the entries of a list or the keys of a map. The entry takes the next slot (two for index and value).
#[derive(Debug)]
pub(crate) struct Fold {
    pub(crate) kind: FoldKind,
    pub(crate) range: Ir,
    pub(crate) two_variables: bool,
    pub(crate) filter: Option<Ir>,
    pub(crate) body: Ir,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FoldKind {
    All,
    Exists,
    ExistsOne,
    /// `map` and `filter`: a list of bodies
    Collect,
    /// `transformMap`
    CollectMap,
    /// `sortBy`
    SortBy,
}

/// A call that the Kubernetes libraries of kube-cel answer; arguments are bound to `a0`, `a1`, ….
#[derive(Debug)]
pub(crate) struct LibraryCall {
    pub(crate) name: String,
    pub(crate) expression: CelExpression,
}

impl Ir {
    /// Levels of the tree.
    pub(crate) fn depth(&self) -> usize {
        let mut deepest = 0;
        self.each(&mut |child| deepest = deepest.max(child.depth()));
        deepest + 1
    }

    /// Calls `visit` on each direct part.
    pub(crate) fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a Ir)) {
        match self {
            Self::Select { operand, .. } => visit(operand),
            Self::Index { operand, index, .. } => {
                visit(operand);
                visit(index);
            }
            Self::And(a, b) | Self::Or(a, b) | Self::Binary(_, a, b) => {
                visit(a);
                visit(b);
            }
            Self::Not(a) | Self::Negate(a) => visit(a),
            Self::Choose(a, b, c) => {
                visit(a);
                visit(b);
                visit(c);
            }
            Self::List(items) => items.iter().for_each(|(item, _)| visit(item)),
            Self::Map(entries) => entries.iter().for_each(|(key, value, _)| {
                visit(key);
                visit(value);
            }),
            Self::Fold(fold) => {
                visit(&fold.range);
                if let Some(filter) = &fold.filter {
                    visit(filter);
                }
                visit(&fold.body);
            }
            Self::Bind { value, body, .. } => {
                visit(value);
                visit(body);
            }
            Self::Native { args, .. } | Self::Library { args, .. } => args.iter().for_each(visit),
            _ => {}
        }
    }
}
