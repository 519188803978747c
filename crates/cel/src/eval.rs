//! Walking a compiled expression over values, with a meter that every step is charged to.

use std::{cmp::Ordering, sync::Arc};

use jiff::SignedDuration;

use crate::{
    functions,
    ir::{Binary, Bind, Fold, FoldKind, Ir, Select},
    meter::Meter,
    value::{Text, Val},
};

/// Why an evaluation gave no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The expression failed; the text is Kubernetes'.
    Error(String),
    /// The meter is empty.
    OverBudget,
}

pub(crate) type Result<T> = std::result::Result<T, Fault>;

/// A failure with this text.
pub(crate) fn error<T>(text: impl Into<String>) -> Result<T> {
    Err(Fault::Error(text.into()))
}

/// The failure of an operator or function on types it does not know.
pub(crate) fn no_overload<T>() -> Result<T> {
    error("no such overload")
}

/// One evaluation: variables and names of macros by slot, and the meter.
pub(crate) struct Evaluation<'a, 'm> {
    pub(crate) slots: Vec<Val<'a>>,
    pub(crate) meter: &'m mut Meter,
}

impl<'a> Evaluation<'a, '_> {
    pub(crate) fn eval(&mut self, ir: &'a Ir) -> Result<Val<'a>> {
        self.meter.charge(1)?;
        Ok(match ir {
            Ir::Null => Val::Null,
            Ir::Bool(value) => Val::Bool(*value),
            Ir::Int(value) => Val::Int(*value),
            Ir::Uint(value) => Val::Uint(*value),
            Ir::Double(value) => Val::Double(*value),
            Ir::Text(text) => Val::Text(Text::Borrowed(text)),
            Ir::Bytes(bytes) => Val::Bytes(bytes.clone()),
            Ir::Type(name) => Val::Type(name),
            Ir::Slot(slot) => match self.slots.get(*slot) {
                Some(value) => value.clone(),
                None => return error("no such variable"),
            },
            Ir::Select { .. } => return self.select(ir),
            Ir::Index { operand, index, optional } => return self.index(operand, index, *optional),
            Ir::And(a, b) => return self.junction(a, b, false),
            Ir::Or(a, b) => return self.junction(a, b, true),
            Ir::Not(a) => Val::Bool(!self.truth(a)?),
            Ir::Negate(a) => return self.negate(a),
            Ir::Choose(condition, yes, no) => {
                return if self.truth(condition)? { self.eval(yes) } else { self.eval(no) };
            }
            Ir::Binary(operator, a, b) => return self.binary(*operator, a, b),
            Ir::List(items) => return self.list(items),
            Ir::Map(entries) => return self.map(entries),
            Ir::Fold(fold) => return self.fold(fold),
            Ir::Bind { kind, value, body } => return self.bind(*kind, value, body),
            Ir::Native { function, args } => {
                let args = self.args(args)?;
                return functions::call(*function, args, self.meter);
            }
            Ir::Library { call, args } => {
                let args = self.args(args)?;
                return crate::library::call(call, args, self.meter);
            }
        })
    }

    fn args(&mut self, args: &'a [Ir]) -> Result<Vec<Val<'a>>> {
        args.iter().map(|arg| self.eval(arg)).collect()
    }

    fn truth(&mut self, ir: &'a Ir) -> Result<bool> {
        match self.eval(ir)? {
            Val::Bool(value) => Ok(value),
            _ => no_overload(),
        }
    }

    /// `&&` and `||`: a failure of one side is forgiven where the other side decides.
    fn junction(&mut self, a: &'a Ir, b: &'a Ir, decisive: bool) -> Result<Val<'a>> {
        let first = self.truth(a);
        match first {
            Ok(value) if value == decisive => return Ok(Val::Bool(decisive)),
            Err(Fault::OverBudget) => return Err(Fault::OverBudget),
            _ => {}
        }
        match (first, self.truth(b)) {
            (_, Ok(value)) if value == decisive => Ok(Val::Bool(decisive)),
            (_, Err(Fault::OverBudget)) => Err(Fault::OverBudget),
            (Err(fault), _) | (_, Err(fault)) => Err(fault),
            (Ok(_), Ok(_)) => Ok(Val::Bool(!decisive)),
        }
    }

    fn select(&mut self, ir: &'a Ir) -> Result<Val<'a>> {
        let Ir::Select { operand, field, mode } = ir else { return no_overload() };
        let mut value = self.eval(operand)?;
        let mut mode = *mode;
        if let Val::Optional(inner) = &value {
            match inner {
                None if mode == Select::Test => return Ok(Val::Bool(false)),
                None => return Ok(Val::Optional(None)),
                Some(inner) => {
                    if mode == Select::Value {
                        mode = Select::Optional;
                    }
                    value = inner.as_ref().clone();
                }
            }
        }
        let found = match &value {
            Val::Object(..) | Val::Map(_) => value.field(&field.written, &field.key),
            _ if mode == Select::Optional => None,
            _ => return no_overload(),
        };
        match mode {
            Select::Test => Ok(Val::Bool(found.is_some())),
            Select::Optional => Ok(Val::Optional(found.map(Arc::new))),
            Select::Value => found.map_or_else(|| error(format!("no such key: {}", field.written)), Ok),
        }
    }

    fn index(&mut self, operand: &'a Ir, index: &'a Ir, optional: bool) -> Result<Val<'a>> {
        let mut value = self.eval(operand)?;
        let mut optional = optional;
        if let Val::Optional(inner) = &value {
            optional = true;
            match inner {
                None => return Ok(Val::Optional(None)),
                Some(inner) => value = inner.as_ref().clone(),
            }
        }
        let index = self.eval(index)?;
        let found = match value.entries() {
            Some(entries) => {
                let position = match &index {
                    Val::Int(i) => usize::try_from(*i).ok(),
                    Val::Uint(i) => usize::try_from(*i).ok(),
                    Val::Double(i) if i.fract() == 0.0 && *i >= 0.0 => Some(*i as usize),
                    _ => return no_overload(),
                };
                position.and_then(|i| entries.get(i))
            }
            None if matches!(value, Val::Object(..) | Val::Map(_)) => value.get(&index),
            None => return no_overload(),
        };
        match (found, optional) {
            (found, true) => Ok(Val::Optional(found.map(Arc::new))),
            (Some(found), false) => Ok(found),
            (None, false) if value.entries().is_some() => {
                error(format!("index out of bounds: {}", functions::to_text(&index)))
            }
            (None, false) => error(format!("no such key: {}", functions::to_text(&index))),
        }
    }

    fn negate(&mut self, a: &'a Ir) -> Result<Val<'a>> {
        match self.eval(a)? {
            Val::Int(value) => value.checked_neg().map_or_else(overflow, |value| Ok(Val::Int(value))),
            Val::Double(value) => Ok(Val::Double(-value)),
            Val::Duration(value) => Ok(Val::Duration(-value)),
            _ => no_overload(),
        }
    }

    fn list(&mut self, items: &'a [(Ir, bool)]) -> Result<Val<'a>> {
        let mut list = Vec::with_capacity(items.len());
        for (item, optional) in items {
            match self.eval(item)? {
                Val::Optional(inner) if *optional => list.extend(inner.map(|inner| inner.as_ref().clone())),
                value => list.push(value),
            }
        }
        self.meter.charge(list.len() as u64)?;
        Ok(Val::list(list))
    }

    fn map(&mut self, entries: &'a [(Ir, Ir, bool)]) -> Result<Val<'a>> {
        let mut map: Vec<(Val<'a>, Val<'a>)> = Vec::with_capacity(entries.len());
        for (key, value, optional) in entries {
            let key = self.eval(key)?;
            if !matches!(key, Val::Text(_) | Val::Int(_) | Val::Uint(_) | Val::Bool(_)) {
                return error("unsupported key type");
            }
            let value = match self.eval(value)? {
                Val::Optional(None) if *optional => continue,
                Val::Optional(Some(inner)) if *optional => inner.as_ref().clone(),
                value => value,
            };
            self.meter.charge(map.len() as u64 / 8 + 1)?;
            if map.iter().any(|(known, _)| known.equals(&key)) {
                return error("duplicate key in map literal");
            }
            map.push((key, value));
        }
        Ok(Val::Map(Arc::new(map)))
    }

    fn bind(&mut self, kind: Bind, value: &'a Ir, body: &'a Ir) -> Result<Val<'a>> {
        let value = self.eval(value)?;
        let bound = match (kind, value) {
            (Bind::Plain, value) => value,
            (_, Val::Optional(None)) => return Ok(Val::Optional(None)),
            (_, Val::Optional(Some(inner))) => inner.as_ref().clone(),
            _ => return no_overload(),
        };
        self.slots.push(bound);
        let result = self.eval(body);
        self.slots.pop();
        match kind {
            Bind::OptMap => Ok(Val::Optional(Some(Arc::new(result?)))),
            _ => result,
        }
    }

    fn fold(&mut self, fold: &'a Fold) -> Result<Val<'a>> {
        let range = self.eval(&fold.range)?;
        let steps = self.steps(&range, fold.two_variables)?;
        let base = self.slots.len();
        let result = self.fold_steps(fold, steps);
        self.slots.truncate(base);
        result
    }

    /// What each round binds: the entry, or index and entry, or key and value.
    fn steps(&mut self, range: &Val<'a>, two: bool) -> Result<Vec<(Val<'a>, Option<Val<'a>>)>> {
        self.meter.charge(range.length().unwrap_or(0) as u64)?;
        if let Some(entries) = range.entries() {
            let all = entries.to_vec().into_iter().enumerate();
            return Ok(all
                .map(|(i, entry)| if two { (Val::Int(i as i64), Some(entry)) } else { (entry, None) })
                .collect());
        }
        match range.pairs() {
            Some(pairs) => Ok(pairs.into_iter().map(|(key, value)| (key, two.then_some(value))).collect()),
            None => no_overload(),
        }
    }

    fn fold_steps(&mut self, fold: &'a Fold, steps: Vec<(Val<'a>, Option<Val<'a>>)>) -> Result<Val<'a>> {
        let base = self.slots.len();
        let mut fault = None;
        let mut count = 0;
        let mut list = Vec::new();
        let mut pairs = Vec::new();
        for (first, second) in steps {
            self.slots.truncate(base);
            let key = first.clone();
            self.slots.push(first);
            self.slots.extend(second);
            if let Some(filter) = &fold.filter
                && !self.truth(filter)?
            {
                continue;
            }
            match fold.kind {
                FoldKind::All | FoldKind::Exists => {
                    let decisive = fold.kind == FoldKind::Exists;
                    match self.truth(&fold.body) {
                        Ok(value) if value == decisive => return Ok(Val::Bool(decisive)),
                        Ok(_) => {}
                        Err(Fault::OverBudget) => return Err(Fault::OverBudget),
                        Err(first) => fault = fault.or(Some(first)),
                    }
                }
                FoldKind::ExistsOne => count += usize::from(self.truth(&fold.body)?),
                FoldKind::Collect => list.push(self.eval(&fold.body)?),
                FoldKind::CollectMap => pairs.push((key, self.eval(&fold.body)?)),
                FoldKind::SortBy => pairs.push((self.eval(&fold.body)?, key)),
            }
        }
        match (fold.kind, fault) {
            (_, Some(fault)) => Err(fault),
            (FoldKind::All, _) => Ok(Val::Bool(true)),
            (FoldKind::Exists, _) => Ok(Val::Bool(false)),
            (FoldKind::ExistsOne, _) => Ok(Val::Bool(count == 1)),
            (FoldKind::Collect, _) => Ok(Val::list(list)),
            (FoldKind::CollectMap, _) => Ok(Val::Map(Arc::new(pairs))),
            (FoldKind::SortBy, _) => sorted(pairs),
        }
    }

    fn binary(&mut self, operator: Binary, a: &'a Ir, b: &'a Ir) -> Result<Val<'a>> {
        let a = self.eval(a)?;
        let b = self.eval(b)?;
        match operator {
            Binary::Add => self.add(a, b),
            Binary::Sub | Binary::Mul | Binary::Div | Binary::Rem => arithmetic(operator, &a, &b),
            Binary::Eq | Binary::Ne => {
                let left = self.meter.left();
                self.meter.charge(a.size(left).min(b.size(left)))?;
                if is_unordered_pair(&a, &b) {
                    // Entries are compared with each other.
                    let length = a.length().unwrap_or(0).min(b.length().unwrap_or(0)) as u64;
                    self.meter.charge(length.saturating_mul(length))?;
                }
                Ok(Val::Bool(a.equals(&b) == (operator == Binary::Eq)))
            }
            Binary::In => self.contains(&a, &b),
            Binary::Lt | Binary::Le | Binary::Gt | Binary::Ge => {
                let Some(order) = a.compare(&b) else {
                    let nan = |v: &Val<'_>| matches!(v, Val::Double(value) if value.is_nan());
                    return if nan(&a) || nan(&b) { Ok(Val::Bool(false)) } else { no_overload() };
                };
                Ok(Val::Bool(match operator {
                    Binary::Lt => order == Ordering::Less,
                    Binary::Le => order != Ordering::Greater,
                    Binary::Gt => order == Ordering::Greater,
                    _ => order != Ordering::Less,
                }))
            }
        }
    }

    fn contains(&mut self, a: &Val<'a>, b: &Val<'a>) -> Result<Val<'a>> {
        if let Some(entries) = b.entries() {
            for i in 0..entries.len() {
                self.meter.charge(1)?;
                if entries.get(i).is_some_and(|entry| entry.equals(a)) {
                    return Ok(Val::Bool(true));
                }
            }
            return Ok(Val::Bool(false));
        }
        match b {
            Val::Object(..) | Val::Map(_) => Ok(Val::Bool(b.get(a).is_some())),
            _ => no_overload(),
        }
    }

    fn add(&mut self, a: Val<'a>, b: Val<'a>) -> Result<Val<'a>> {
        match (&a, &b) {
            (Val::Int(a), Val::Int(b)) => {
                a.checked_add(*b).map_or_else(overflow, |value| Ok(Val::Int(value)))
            }
            (Val::Uint(a), Val::Uint(b)) => {
                a.checked_add(*b).map_or_else(overflow, |value| Ok(Val::Uint(value)))
            }
            (Val::Double(a), Val::Double(b)) => Ok(Val::Double(a + b)),
            (Val::Text(a), Val::Text(b)) => {
                let (a, b) = (a.as_str(), b.as_str());
                self.meter.charge_bytes(a.len() + b.len())?;
                Ok(Val::from([a, b].concat()))
            }
            (Val::Bytes(a), Val::Bytes(b)) => {
                self.meter.charge_bytes(a.len() + b.len())?;
                Ok(Val::Bytes([&a[..], &b[..]].concat().into()))
            }
            (Val::Duration(a), Val::Duration(b)) => {
                a.checked_add(*b).map_or_else(overflow, |value| Ok(Val::Duration(value)))
            }
            (Val::Timestamp(t), Val::Duration(d)) | (Val::Duration(d), Val::Timestamp(t)) => {
                t.checked_add(*d).map_or_else(|_| overflow(), |value| Ok(Val::Timestamp(value)))
            }
            _ => match (a.entries(), b.entries()) {
                (Some(x), Some(y)) => {
                    self.meter.charge((x.len() + y.len()) as u64)?;
                    let mut list = x.to_vec();
                    list.extend(y.to_vec());
                    Ok(Val::list(list))
                }
                _ => no_overload(),
            },
        }
    }
}

fn is_unordered_pair(a: &Val<'_>, b: &Val<'_>) -> bool {
    let unordered =
        |v: &Val<'_>| matches!(v, Val::View(_, crate::shape::Shape::List { unordered: true, .. }));
    unordered(a) || unordered(b)
}

fn overflow<'a>() -> Result<Val<'a>> {
    error("return error for overflow")
}

fn arithmetic<'a>(operator: Binary, a: &Val<'a>, b: &Val<'a>) -> Result<Val<'a>> {
    match (a, b) {
        (Val::Int(a), Val::Int(b)) => {
            let value = match operator {
                Binary::Sub => a.checked_sub(*b),
                Binary::Mul => a.checked_mul(*b),
                Binary::Div | Binary::Rem if *b == 0 => return zero(operator),
                Binary::Div => a.checked_div(*b),
                _ => a.checked_rem(*b),
            };
            value.map_or_else(overflow, |value| Ok(Val::Int(value)))
        }
        (Val::Uint(a), Val::Uint(b)) => {
            let value = match operator {
                Binary::Sub => a.checked_sub(*b),
                Binary::Mul => a.checked_mul(*b),
                Binary::Div | Binary::Rem if *b == 0 => return zero(operator),
                Binary::Div => a.checked_div(*b),
                _ => a.checked_rem(*b),
            };
            value.map_or_else(overflow, |value| Ok(Val::Uint(value)))
        }
        (Val::Double(a), Val::Double(b)) => Ok(Val::Double(match operator {
            Binary::Sub => a - b,
            Binary::Mul => a * b,
            Binary::Div => a / b,
            _ => return no_overload(),
        })),
        (Val::Duration(a), Val::Duration(b)) if operator == Binary::Sub => {
            a.checked_sub(*b).map_or_else(overflow, |value| Ok(Val::Duration(value)))
        }
        (Val::Timestamp(a), Val::Duration(b)) if operator == Binary::Sub => {
            a.checked_sub(*b).map_or_else(|_| overflow(), |value| Ok(Val::Timestamp(value)))
        }
        (Val::Timestamp(a), Val::Timestamp(b)) if operator == Binary::Sub => {
            Ok(Val::Duration(SignedDuration::from_nanos_i128(a.as_nanosecond() - b.as_nanosecond())))
        }
        _ => no_overload(),
    }
}

fn zero<'a>(operator: Binary) -> Result<Val<'a>> {
    error(if operator == Binary::Div { "division by zero" } else { "modulus by zero" })
}

fn sorted<'a>(mut pairs: Vec<(Val<'a>, Val<'a>)>) -> Result<Val<'a>> {
    let one_type = pairs.windows(2).all(|pair| pair[0].0.type_name() == pair[1].0.type_name());
    let comparable = one_type && pairs.iter().all(|(key, _)| key.compare(key).is_some());
    if !comparable {
        return error("sortBy needs keys of one comparable type");
    }
    pairs.sort_by(|a, b| a.0.compare(&b.0).unwrap_or(Ordering::Equal));
    Ok(Val::list(pairs.into_iter().map(|(_, value)| value).collect()))
}
