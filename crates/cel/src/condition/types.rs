//! Types of a condition's expression, and what may stand for what.

use std::{fmt, sync::Arc};

/// Parts of a type; larger ones are refused, for a type can double with every macro.
pub(crate) const TYPE_SIZE_MAX: usize = 2_000;

/// A type as the checker knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Type {
    /// Known when evaluated.
    Dyn,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    Text,
    Bytes,
    Duration,
    Timestamp,
    Address,
    List(Arc<Type>),
    Map(Arc<Type>, Arc<Type>),
    /// The type of a type.
    Kind(Arc<Type>),
    /// Not known yet.
    Var(usize),
}

impl Type {
    pub(crate) fn list(items: Type) -> Self {
        Type::List(Arc::new(items))
    }

    pub(crate) fn map(keys: Type, values: Type) -> Self {
        Type::Map(Arc::new(keys), Arc::new(values))
    }

    /// The type's name where it has one of its own.
    pub(crate) fn named(name: &str) -> Option<Type> {
        Some(match name {
            "bool" => Type::Bool,
            "bytes" => Type::Bytes,
            "double" => Type::Double,
            "google.protobuf.Duration" => Type::Duration,
            "google.protobuf.Timestamp" => Type::Timestamp,
            "int" => Type::Int,
            "list" => Type::list(Type::Dyn),
            "map" => Type::map(Type::Dyn, Type::Dyn),
            "null_type" => Type::Null,
            "string" => Type::Text,
            "type" => Type::Kind(Arc::new(Type::Dyn)),
            "uint" => Type::Uint,
            _ => return None,
        })
    }

    /// Parts of the type, counted up to a little over [`TYPE_SIZE_MAX`].
    pub(crate) fn size(&self) -> usize {
        let mut left = TYPE_SIZE_MAX + 1;
        self.count(&mut left);
        TYPE_SIZE_MAX + 1 - left
    }

    fn count(&self, left: &mut usize) {
        if *left == 0 {
            return;
        }
        *left -= 1;
        match self {
            Type::List(inner) | Type::Kind(inner) => inner.count(left),
            Type::Map(keys, values) => {
                keys.count(left);
                values.count(left);
            }
            _ => {}
        }
    }

    fn takes_null(&self) -> bool {
        matches!(self, Type::Null | Type::Duration | Type::Timestamp | Type::Address)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Dyn | Type::Var(_) => f.write_str("dyn"),
            Type::Null => f.write_str("null"),
            Type::Bool => f.write_str("bool"),
            Type::Int => f.write_str("int"),
            Type::Uint => f.write_str("uint"),
            Type::Double => f.write_str("double"),
            Type::Text => f.write_str("string"),
            Type::Bytes => f.write_str("bytes"),
            Type::Duration => f.write_str("duration"),
            Type::Timestamp => f.write_str("timestamp"),
            Type::Address => f.write_str("ipaddress"),
            Type::List(items) => write!(f, "list({items})"),
            Type::Map(keys, values) => write!(f, "map({keys}, {values})"),
            Type::Kind(of) => write!(f, "type({of})"),
        }
    }
}

/// What is known of the variables so far; attempts can be taken back.
#[derive(Debug, Default)]
pub(crate) struct Solver {
    known: Vec<Option<Type>>,
    /// Earlier states, newest last.
    undo: Vec<(usize, Option<Type>)>,
}

impl Solver {
    pub(crate) fn fresh(&mut self) -> Type {
        self.known.push(None);
        Type::Var(self.known.len() - 1)
    }

    /// A point to go back to.
    pub(crate) fn mark(&self) -> usize {
        self.undo.len()
    }

    pub(crate) fn back_to(&mut self, mark: usize) {
        while self.undo.len() > mark {
            if let Some((var, before)) = self.undo.pop()
                && let Some(slot) = self.known.get_mut(var)
            {
                *slot = before;
            }
        }
    }

    fn find(&self, var: usize) -> Option<Type> {
        self.known.get(var).cloned().flatten()
    }

    fn set(&mut self, var: usize, to: Type) {
        if let Some(slot) = self.known.get_mut(var) {
            self.undo.push((var, slot.replace(to)));
        }
    }

    /// Whether values of these types may all be given where those types are expected; nothing is learned if not.
    pub(crate) fn all_assignable(&mut self, from: &[Type], to: &[Type]) -> bool {
        let mark = self.mark();
        let fits = from.len() == to.len() && from.iter().zip(to).all(|(from, to)| self.unify(from, to));
        if !fits {
            self.back_to(mark);
        }
        fits
    }

    /// Whether a value of type `from` may be given where `to` is expected.
    pub(crate) fn assignable(&mut self, from: &Type, to: &Type) -> bool {
        self.all_assignable(std::slice::from_ref(from), std::slice::from_ref(to))
    }

    fn unify(&mut self, from: &Type, to: &Type) -> bool {
        if let Type::Var(var) = to {
            match self.bind(*var, from, to) {
                Some(true) => return true,
                Some(false) if self.find(*var).is_some() => return false,
                _ => {}
            }
        }
        if let Type::Var(var) = from {
            return self.bind(*var, to, from) == Some(true);
        }
        match (from, to) {
            (Type::Dyn, _) | (_, Type::Dyn) => true,
            (Type::Null, to) => to.takes_null(),
            (Type::List(a), Type::List(b)) => self.unify(a, b),
            (Type::Map(a, b), Type::Map(c, d)) => self.unify(a, c) && self.unify(b, d),
            (Type::Kind(_), Type::Kind(_)) => true,
            (a, b) => a == b,
        }
    }

    /// Takes `value` for the variable, or checks it against what the variable is known to be.
    fn bind(&mut self, var: usize, value: &Type, variable: &Type) -> Option<bool> {
        if let Some(known) = self.find(var) {
            if known == *value {
                return Some(true);
            }
            if self.unify(value, &known) {
                let general = most_general(value, &known);
                self.set(var, general);
                return Some(true);
            }
            return Some(false);
        }
        if self.occurs(variable, value) {
            return Some(false);
        }
        self.set(var, value.clone());
        Some(true)
    }

    fn occurs(&self, variable: &Type, within: &Type) -> bool {
        if variable == within {
            return true;
        }
        match within {
            Type::Var(var) => self.find(*var).is_some_and(|known| self.occurs(variable, &known)),
            Type::List(inner) => self.occurs(variable, inner),
            Type::Map(keys, values) => self.occurs(variable, keys) || self.occurs(variable, values),
            _ => false,
        }
    }

    /// The type with everything filled in that is known. Variables left over become `dyn` if `closed`.
    pub(crate) fn resolve(&self, of: &Type, closed: bool) -> Type {
        let mut left = TYPE_SIZE_MAX + 1;
        self.fill(of, closed, &mut left)
    }

    /// Fills in at most `left` parts; what is over the bound is refused by the caller for its size.
    fn fill(&self, of: &Type, closed: bool, left: &mut usize) -> Type {
        *left = left.saturating_sub(1);
        if *left == 0 {
            return of.clone();
        }
        match of {
            Type::Var(var) => match self.find(*var) {
                Some(known) => self.fill(&known, closed, left),
                None if closed => Type::Dyn,
                None => of.clone(),
            },
            Type::List(inner) => Type::list(self.fill(inner, closed, left)),
            Type::Map(keys, values) => {
                Type::map(self.fill(keys, closed, left), self.fill(values, closed, left))
            }
            Type::Kind(inner) => Type::Kind(Arc::new(self.fill(inner, closed, left))),
            _ => of.clone(),
        }
    }
}

/// The one of two types that says less; both are known to fit each other.
pub(crate) fn most_general(a: &Type, b: &Type) -> Type {
    if says_no_more(a, b) { a.clone() } else { b.clone() }
}

fn says_no_more(a: &Type, b: &Type) -> bool {
    match (a, b) {
        (Type::Dyn | Type::Var(_), _) => true,
        (_, Type::Dyn | Type::Var(_)) => false,
        (Type::List(a), Type::List(b)) => says_no_more(a, b),
        (Type::Map(a, b), Type::Map(c, d)) => says_no_more(a, c) && says_no_more(b, d),
        (Type::Kind(_), Type::Kind(_)) => true,
        (a, b) => a == b,
    }
}
