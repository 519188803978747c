//! Walking the code of a condition over its parameters, with every step's cost counted as the reference counts it.
//!
//! A read of a name, a selection, an index, an operator or a function costs one; constants cost nothing; a list costs ten
//! and a map thirty to make, unless all of it is constant; strings cost a tenth of a unit for each character. Macros cost
//! what their steps cost: reading and testing what was found so far, and joining lists.

use std::sync::Arc;

use super::{
    call,
    code::{Code, FoldCode},
    overload::Cost,
    tree::FoldKind,
    value::{Entries, Key, Value},
};

const LIST_COST: u64 = 10;
const MAP_COST: u64 = 30;

/// Why an evaluation gave no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The expression failed on these values.
    Failed(String),
    /// The evaluation cost more than it may.
    OverCost,
}

pub(crate) type Run<T> = Result<T, Fault>;

/// A failure with this text.
pub(crate) fn failed<T>(text: impl Into<String>) -> Run<T> {
    Err(Fault::Failed(text.into()))
}

/// One evaluation: parameters and names of macros by slot, and the cost so far.
pub(crate) struct Evaluation<'a> {
    parameters: &'a [Value],
    locals: Vec<Value>,
    cost: u64,
    cost_max: u64,
}

impl<'a> Evaluation<'a> {
    pub(crate) fn new(parameters: &'a [Value], cost_max: u64) -> Self {
        Self { parameters, locals: Vec::new(), cost: 0, cost_max }
    }

    pub(crate) fn cost(&self) -> u64 {
        self.cost
    }

    fn charge(&mut self, units: u64) -> Run<()> {
        self.cost = self.cost.saturating_add(units);
        if self.cost > self.cost_max { Err(Fault::OverCost) } else { Ok(()) }
    }

    pub(crate) fn eval(&mut self, code: &Code) -> Run<Value> {
        match code {
            Code::Constant(value) => Ok(value.clone()),
            Code::Parameter(_) | Code::Local(_) | Code::Select(..) | Code::Index(_) => self.read(code, true),
            Code::Choose(parts) => self.choose(parts),
            Code::Has(operand, field) => self.has(operand, field),
            Code::And(parts) => self.junction(parts, false),
            Code::Or(parts) => self.junction(parts, true),
            Code::Call { function, args, cost } => {
                let args = self.args(args)?;
                self.charge(price(*cost, &args))?;
                call::call(*function, &args)
            }
            Code::List(items) => self.list(items),
            Code::Map(entries) => self.map(entries),
            Code::Fold(fold) => self.fold(fold),
        }
    }

    /// Reads a name and what is selected from it. The name itself costs one, but not where it is an index or one of the
    /// two values of `?:` (`counted` is then off).
    fn read(&mut self, code: &Code, counted: bool) -> Run<Value> {
        let slots = match code {
            Code::Parameter(slot) => self.parameters.get(*slot),
            Code::Local(slot) => self.locals.get(*slot),
            _ => return self.read_part(code, counted),
        };
        let value = slots.cloned();
        self.charge(u64::from(counted))?;
        value.map_or_else(|| failed("no such name"), Ok)
    }

    fn read_part(&mut self, code: &Code, counted: bool) -> Run<Value> {
        match code {
            Code::Select(operand, field) => {
                let operand = self.read(operand, counted)?;
                self.charge(1)?;
                select(&operand, field)
            }
            Code::Index(parts) => {
                let [operand, index] = parts.as_ref();
                let operand = self.read(operand, counted)?;
                let index = self.value_of(index)?;
                self.charge(1)?;
                lookup(&operand, &index)
            }
            Code::Choose(parts) => self.choose(parts),
            other => {
                let value = self.eval(other)?;
                self.charge(u64::from(counted))?;
                Ok(value)
            }
        }
    }

    /// A value whose name is not charged for.
    fn value_of(&mut self, code: &Code) -> Run<Value> {
        if code.is_attribute() { self.read(code, false) } else { self.eval(code) }
    }

    fn choose(&mut self, parts: &[Code; 3]) -> Run<Value> {
        let [condition, yes, no] = parts;
        if self.truth(condition)? { self.value_of(yes) } else { self.value_of(no) }
    }

    fn has(&mut self, operand: &Code, field: &Arc<str>) -> Run<Value> {
        let operand = self.eval(operand)?;
        self.charge(1)?;
        Ok(Value::Bool(
            matches!(operand, Value::Map(entries) if entries.contains_key(&Key::Text(field.clone()))),
        ))
    }

    fn truth(&mut self, code: &Code) -> Run<bool> {
        match self.eval(code)? {
            Value::Bool(value) => Ok(value),
            other => failed(format!("expected `bool`, found `{}`", other.type_name())),
        }
    }

    /// All arguments are evaluated, also behind one that fails: so the cost does not depend on their order.
    fn args(&mut self, args: &[Code]) -> Run<Vec<Value>> {
        let mut values = Vec::with_capacity(args.len());
        let mut fault = None;
        for arg in args {
            match self.eval(arg) {
                Ok(value) => values.push(value),
                Err(Fault::OverCost) => return Err(Fault::OverCost),
                Err(first) => fault = fault.or(Some(first)),
            }
        }
        match fault {
            None => Ok(values),
            Some(fault) => {
                self.charge(1)?;
                Err(fault)
            }
        }
    }

    /// `&&` and `||`: a failure of one side is forgiven where another side decides.
    fn junction(&mut self, parts: &[Code], decisive: bool) -> Run<Value> {
        let mut fault = None;
        for part in parts {
            match self.truth(part) {
                Ok(value) if value == decisive => return Ok(Value::Bool(decisive)),
                Ok(_) => {}
                Err(Fault::OverCost) => return Err(Fault::OverCost),
                Err(first) => fault = fault.or(Some(first)),
            }
        }
        fault.map_or(Ok(Value::Bool(!decisive)), Err)
    }

    fn list(&mut self, items: &[Code]) -> Run<Value> {
        let values = items.iter().map(|item| self.eval(item)).collect::<Run<Vec<Value>>>()?;
        self.charge(LIST_COST)?;
        Ok(Value::List(Arc::new(values)))
    }

    fn map(&mut self, entries: &[(Code, Code)]) -> Run<Value> {
        let mut map = Entries::new();
        for (key, value) in entries {
            let key = self.eval(key)?;
            let value = self.eval(value)?;
            let Some(sought) = Key::of(&key) else {
                return failed(format!("a value of type `{}` cannot be the key of a map", key.type_name()));
            };
            if map.insert(sought, (key, value)).is_some() {
                return failed("map has a key twice");
            }
        }
        self.charge(MAP_COST)?;
        Ok(Value::Map(Arc::new(map)))
    }

    fn fold(&mut self, fold: &FoldCode) -> Run<Value> {
        let entries: Vec<Value> = match self.eval(&fold.range)? {
            Value::List(items) => items.as_ref().clone(),
            Value::Map(map) => map.values().map(|(key, _)| key.clone()).collect(),
            other => return failed(format!("cannot go over a value of type `{}`", other.type_name())),
        };
        let base = self.locals.len();
        let result = match fold.kind {
            FoldKind::All => self.quantify(fold, entries, false),
            FoldKind::Exists => self.quantify(fold, entries, true),
            FoldKind::ExistsOne => self.exists_one(fold, entries),
            FoldKind::Collect => self.collect(fold, entries),
        };
        self.locals.truncate(base);
        result
    }

    fn bind(&mut self, base: usize, entry: Value) {
        self.locals.truncate(base);
        self.locals.push(entry);
    }

    /// `all` and `exists`: like `&&` and `||` over all entries.
    fn quantify(&mut self, fold: &FoldCode, entries: Vec<Value>, decisive: bool) -> Run<Value> {
        let base = self.locals.len();
        let mut fault = None;
        let mut decided = false;
        for entry in entries {
            // The test whether to go on: reading what was found, inverted for `exists`.
            self.charge(if decisive { 3 } else { 2 })?;
            if decided {
                break;
            }
            self.bind(base, entry);
            self.charge(1)?;
            match self.truth(&fold.body) {
                Ok(value) => decided = value == decisive,
                Err(Fault::OverCost) => return Err(Fault::OverCost),
                Err(first) => fault = fault.or(Some(first)),
            }
        }
        self.charge(1)?;
        match (decided, fault) {
            (true, _) => Ok(Value::Bool(decisive)),
            (false, Some(fault)) => Err(fault),
            (false, None) => Ok(Value::Bool(!decisive)),
        }
    }

    fn exists_one(&mut self, fold: &FoldCode, entries: Vec<Value>) -> Run<Value> {
        let base = self.locals.len();
        let mut count = 0_usize;
        for entry in entries {
            self.bind(base, entry);
            if self.truth(&fold.body)? {
                self.charge(2)?;
                count += 1;
            }
        }
        self.charge(2)?;
        Ok(Value::Bool(count == 1))
    }

    /// `map` and `filter`.
    fn collect(&mut self, fold: &FoldCode, entries: Vec<Value>) -> Run<Value> {
        let base = self.locals.len();
        let entry_cost = if fold.body.constant().is_some() { 2 } else { LIST_COST + 2 };
        let mut list = Vec::new();
        for entry in entries {
            self.bind(base, entry);
            if let Some(filter) = &fold.filter
                && !self.truth(filter)?
            {
                continue;
            }
            let value = self.eval(&fold.body)?;
            self.charge(entry_cost)?;
            list.push(value);
        }
        self.charge(1)?;
        Ok(Value::List(Arc::new(list)))
    }
}

fn select(operand: &Value, field: &Arc<str>) -> Run<Value> {
    let found = match operand {
        Value::Map(entries) => entries.get(&Key::Text(field.clone())).map(|(_, value)| value.clone()),
        _ => None,
    };
    found.map_or_else(|| failed(format!("no such key: {field}")), Ok)
}

fn lookup(operand: &Value, index: &Value) -> Run<Value> {
    match operand {
        Value::List(items) => {
            let Some(Key::Number(position)) = Key::sought(index) else {
                return failed(format!("a list has no index of type `{}`", index.type_name()));
            };
            let found = usize::try_from(position).ok().and_then(|position| items.get(position));
            found.cloned().map_or_else(|| failed(format!("index out of bounds: {position}")), Ok)
        }
        Value::Map(entries) => {
            let found = Key::sought(index).and_then(|key| entries.get(&key));
            found.map_or_else(
                || failed(format!("no such key: {}", call::short(index))),
                |(_, value)| Ok(value.clone()),
            )
        }
        other => failed(format!("a value of type `{}` has no index", other.type_name())),
    }
}

/// A tenth of the size, rounded up.
fn tenth(size: u64) -> u64 {
    size.div_ceil(10)
}

fn price(cost: Cost, args: &[Value]) -> u64 {
    let size = |at: usize| args.get(at).map_or(0, Value::size);
    match cost {
        Cost::Nothing => 0,
        Cost::One => 1,
        Cost::First => tenth(size(0)),
        Cost::Smaller => tenth(size(0).min(size(1))),
        Cost::Both => tenth(size(0).saturating_add(size(1))),
        Cost::Entries => size(1),
        Cost::Search => tenth(size(0)).saturating_mul(tenth(size(1))),
        Cost::Pattern => tenth(size(0).saturating_add(1)).saturating_mul(size(1).div_ceil(4)),
    }
}
