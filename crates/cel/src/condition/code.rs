//! A checked expression: names resolved to slots, overloads chosen, ready to be evaluated.

use std::sync::Arc;

use super::{
    overload::{Cost, Function},
    tree::FoldKind,
    value::Value,
};

#[derive(Debug)]
pub(crate) enum Code {
    Constant(Value),
    /// A parameter, by its place in the declaration.
    Parameter(usize),
    /// A name bound by a macro, counted from the outermost.
    Local(usize),
    Select(Box<Code>, Arc<str>),
    Has(Box<Code>, Arc<str>),
    Index(Box<[Code; 2]>),
    And(Vec<Code>),
    Or(Vec<Code>),
    Choose(Box<[Code; 3]>),
    Call {
        function: Function,
        args: Vec<Code>,
        cost: Cost,
    },
    List(Vec<Code>),
    Map(Vec<(Code, Code)>),
    Fold(Box<FoldCode>),
}

#[derive(Debug)]
pub(crate) struct FoldCode {
    pub(crate) kind: FoldKind,
    pub(crate) range: Code,
    pub(crate) filter: Option<Code>,
    pub(crate) body: Code,
}

impl Code {
    /// The value, if it does not depend on parameters.
    pub(crate) fn constant(&self) -> Option<Value> {
        match self {
            Code::Constant(value) => Some(value.clone()),
            _ => None,
        }
    }

    /// Whether the value is read from a name, by selections and indices at most. Reading one costs nothing of its own
    /// where it decides between two values or is an index.
    pub(crate) fn is_attribute(&self) -> bool {
        match self {
            Code::Parameter(_) | Code::Local(_) | Code::Choose(_) | Code::Select(..) | Code::Index(_) => true,
            Code::Constant(_)
            | Code::Has(..)
            | Code::And(_)
            | Code::Or(_)
            | Code::Call { .. }
            | Code::List(_)
            | Code::Map(_)
            | Code::Fold(_) => false,
        }
    }
}
