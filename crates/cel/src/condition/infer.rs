//! The type checker: every name is declared, every operator and function gets types it takes. Gives the code to evaluate.

use std::sync::Arc;

use super::{
    call,
    code::{Code, FoldCode},
    lex::LexError,
    overload::{Cost, Function, Overload, overloads},
    run::Fault,
    source::At,
    tree::{Expr, Fold, FoldKind, Kind},
    types::{Solver, TYPE_SIZE_MAX, Type, most_general},
    value::{Entries, Key, Value},
};

/// Why an expression has no type.
pub(crate) type TypeError = LexError;
type Checked = Result<(Code, Type), TypeError>;

/// Checks `expr`, whose parameters are `parameters`, and gives its code and type.
pub(crate) fn check(expr: &Expr, parameters: &[(String, Type)]) -> Checked {
    let mut checker = Checker { parameters, locals: Vec::new(), solver: Solver::default() };
    let (code, found) = checker.check(expr)?;
    Ok((code, checker.solver.resolve(&found, true)))
}

struct Checker<'a> {
    parameters: &'a [(String, Type)],
    /// Names bound by macros, innermost last.
    locals: Vec<(String, Type)>,
    solver: Solver,
}

fn error<T>(at: At, message: String) -> Result<T, TypeError> {
    Err(TypeError { at, message })
}

impl Checker<'_> {
    fn check(&mut self, expr: &Expr) -> Checked {
        let (code, found) = match &expr.kind {
            Kind::Null => (Code::Constant(Value::Null), Type::Null),
            Kind::Bool(value) => (Code::Constant(Value::Bool(*value)), Type::Bool),
            Kind::Int(value) => (Code::Constant(Value::Int(*value)), Type::Int),
            Kind::Uint(value) => (Code::Constant(Value::Uint(*value)), Type::Uint),
            Kind::Double(value) => (Code::Constant(Value::Double(*value)), Type::Double),
            Kind::Text(text) => (Code::Constant(Value::Text(text.as_str().into())), Type::Text),
            Kind::Bytes(bytes) => (Code::Constant(Value::Bytes(bytes.as_slice().into())), Type::Bytes),
            Kind::Name(name) => match self.lookup(name) {
                Some(found) => found,
                None => return error(expr.at, format!("`{name}` is not declared")),
            },
            Kind::Select(operand, field) => self.select(expr, operand, field)?,
            Kind::Has(operand, field) => {
                let (operand, _) = self.field(expr.at, operand)?;
                (Code::Has(Box::new(operand), field.as_str().into()), Type::Bool)
            }
            Kind::And(parts) => (Code::And(self.truths(parts)?), Type::Bool),
            Kind::Or(parts) => (Code::Or(self.truths(parts)?), Type::Bool),
            Kind::Choose(parts) => self.choose(expr.at, parts)?,
            Kind::Call { name, target, args } => self.call(expr.at, name, target.as_deref(), args)?,
            Kind::List(items) => self.list(items)?,
            Kind::Map(entries) => self.map(entries)?,
            Kind::Fold(fold) => self.fold(fold)?,
        };
        if found.size() > TYPE_SIZE_MAX {
            return error(expr.at, "type of this part is too large".to_owned());
        }
        Ok((code, found))
    }

    /// Names of macros hide parameters, parameters hide types; a leading dot looks past the names of macros.
    fn lookup(&self, name: &str) -> Option<(Code, Type)> {
        let outermost = name.strip_prefix('.');
        if outermost.is_none()
            && let Some(slot) = self.locals.iter().rposition(|(known, _)| known == name)
        {
            return Some((Code::Local(slot), self.locals.get(slot)?.1.clone()));
        }
        let name = outermost.unwrap_or(name);
        if let Some(slot) = self.parameters.iter().position(|(known, _)| known == name) {
            return Some((Code::Parameter(slot), self.parameters.get(slot)?.1.clone()));
        }
        let named = Arc::new(Type::named(name)?);
        Some((Code::Constant(Value::Type(named.clone())), Type::Kind(named)))
    }

    fn select(&mut self, expr: &Expr, operand: &Expr, field: &str) -> Checked {
        if let Some(name) = expr.qualified()
            && let Some(found) = self.lookup(&name)
        {
            return Ok(found);
        }
        let (operand, found) = self.field(expr.at, operand)?;
        Ok((Code::Select(Box::new(operand), field.into()), found))
    }

    /// The operand of a selection, and the type that its fields have.
    fn field(&mut self, at: At, operand: &Expr) -> Checked {
        let (code, found) = self.check(operand)?;
        match self.solver.resolve(&found, false) {
            Type::Map(_, values) => Ok((code, values.as_ref().clone())),
            found @ (Type::Dyn | Type::Var(_)) => {
                self.solver.assignable(&Type::Dyn, &found);
                Ok((code, Type::Dyn))
            }
            found => error(at, format!("type `{found}` has no fields")),
        }
    }

    fn truths(&mut self, parts: &[Expr]) -> Result<Vec<Code>, TypeError> {
        parts.iter().map(|part| self.truth(part)).collect()
    }

    fn truth(&mut self, expr: &Expr) -> Result<Code, TypeError> {
        let (code, found) = self.check(expr)?;
        if self.solver.assignable(&found, &Type::Bool) {
            return Ok(code);
        }
        let found = self.solver.resolve(&found, true);
        error(expr.at, format!("expected type `bool`, found `{found}`"))
    }

    fn choose(&mut self, at: At, parts: &[Expr; 3]) -> Checked {
        let [condition, yes, no] = parts;
        let condition = self.truth(condition)?;
        let (yes, yes_type) = self.check(yes)?;
        let (no, no_type) = self.check(no)?;
        let any = self.solver.fresh();
        if !self.solver.all_assignable(&[yes_type.clone(), no_type.clone()], &[any.clone(), any.clone()]) {
            let (yes, no) = (self.solver.resolve(&yes_type, true), self.solver.resolve(&no_type, true));
            return error(at, format!("both values of `?:` must have one type, found `{yes}` and `{no}`"));
        }
        Ok((Code::Choose(Box::new([condition, yes, no])), self.solver.resolve(&any, false)))
    }

    fn call(&mut self, at: At, name: &str, target: Option<&Expr>, args: &[Expr]) -> Checked {
        let mut codes = Vec::with_capacity(args.len() + 1);
        let mut types = Vec::with_capacity(args.len() + 1);
        for part in target.into_iter().chain(args) {
            let (code, found) = self.check(part)?;
            codes.push(code);
            types.push(found);
        }
        if name == "_[_]" {
            return self.index(at, codes, &types);
        }
        let Some(overloads) = overloads(name) else {
            return error(at, format!("there is no function `{name}`"));
        };
        let mut chosen: Option<(&Overload, Type, Cost)> = None;
        for overload in overloads.iter().filter(|overload| overload.method == target.is_some()) {
            let (wanted, result) = overload.instance(&mut self.solver);
            if !self.solver.all_assignable(&types, &wanted) {
                continue;
            }
            let result = self.solver.resolve(&result, false);
            chosen = Some(match chosen {
                None => (overload, result, overload.cost),
                // Which one it is shows when values are there; its price is then the ordinary one.
                Some((first, known, _)) => {
                    (first, if known == result { known } else { Type::Dyn }, Cost::One)
                }
            });
        }
        match chosen {
            Some((overload, result, cost)) => Ok((prepared(at, overload.function, codes, cost)?, result)),
            None => error(at, self.no_overload(name, target.is_some(), &types)),
        }
    }

    fn no_overload(&self, name: &str, method: bool, types: &[Type]) -> String {
        let types: Vec<String> =
            types.iter().map(|found| self.solver.resolve(found, true).to_string()).collect();
        let operator = name.trim_matches('_').trim_start_matches('@');
        match (types.split_first(), method) {
            (Some((target, args)), true) => {
                format!("`{target}` has no function `{name}({})`", args.join(", "))
            }
            _ if name.contains('_') && !name.chars().any(char::is_alphanumeric) || name == "@in" => {
                format!("operator `{operator}` does not take {}", types.join(" and "))
            }
            _ => format!("function `{name}` does not take ({})", types.join(", ")),
        }
    }

    fn index(&mut self, at: At, codes: Vec<Code>, types: &[Type]) -> Checked {
        let (item, key, value) = (self.solver.fresh(), self.solver.fresh(), self.solver.fresh());
        let list = [Type::list(item.clone()), Type::Int];
        let map = [Type::map(key.clone(), value.clone()), key];
        let in_list = self.solver.all_assignable(types, &list).then(|| self.solver.resolve(&item, false));
        let in_map = self.solver.all_assignable(types, &map).then(|| self.solver.resolve(&value, false));
        let found = match (in_list, in_map) {
            (Some(a), Some(b)) if a != b => Type::Dyn,
            (Some(found), _) | (None, Some(found)) => found,
            (None, None) => return error(at, self.no_overload("_[]_", false, types)),
        };
        match <[Code; 2]>::try_from(codes) {
            Ok(parts) => Ok((Code::Index(Box::new(parts)), found)),
            Err(_) => error(at, "an index is one value".to_owned()),
        }
    }

    /// The common type of entries: the most general of those that fit each other, else any.
    fn join(&mut self, known: Option<Type>, found: Type) -> Type {
        let Some(known) = known else { return found };
        if self.solver.assignable(&known, &found) {
            return most_general(&known, &found);
        }
        if self.solver.assignable(&found, &known) {
            return most_general(&found, &known);
        }
        Type::Dyn
    }

    fn list(&mut self, items: &[Expr]) -> Checked {
        let mark = self.solver.mark();
        let mut codes = Vec::with_capacity(items.len());
        let mut joined = None;
        for item in items {
            let (code, found) = self.check(item)?;
            codes.push(code);
            joined = Some(self.join(joined, found));
        }
        if joined == Some(Type::Dyn) {
            // What was learned by trying to find one type for all does not hold.
            self.solver.back_to(mark);
        }
        let of = joined.unwrap_or_else(|| self.solver.fresh());
        let constants: Option<Vec<Value>> = codes.iter().map(Code::constant).collect();
        let code = match constants {
            Some(values) => Code::Constant(Value::List(Arc::new(values))),
            None => Code::List(codes),
        };
        Ok((code, Type::list(of)))
    }

    fn map(&mut self, entries: &[(Expr, Expr)]) -> Checked {
        let mut codes = Vec::with_capacity(entries.len());
        let (mut keys, mut values) = (None, None);
        for (key, value) in entries {
            let (key, found) = self.check(key)?;
            keys = Some(self.join(keys, found));
            let (value, found) = self.check(value)?;
            values = Some(self.join(values, found));
            codes.push((key, value));
        }
        let keys = keys.unwrap_or_else(|| self.solver.fresh());
        let values = values.unwrap_or_else(|| self.solver.fresh());
        Ok((constant_map(&codes).unwrap_or(Code::Map(codes)), Type::map(keys, values)))
    }

    fn fold(&mut self, fold: &Fold) -> Checked {
        let (range, found) = self.check(&fold.range)?;
        let entry = match self.solver.resolve(&found, false) {
            Type::List(items) => items.as_ref().clone(),
            Type::Map(keys, _) => keys.as_ref().clone(),
            found @ (Type::Dyn | Type::Var(_)) => {
                self.solver.assignable(&Type::Dyn, &found);
                Type::Dyn
            }
            found => {
                return error(fold.range.at, format!("cannot go over a value of type `{found}`"));
            }
        };
        self.locals.push((fold.name.clone(), entry));
        let parts = self.fold_parts(fold);
        self.locals.pop();
        let (filter, body, result) = parts?;
        Ok((Code::Fold(Box::new(FoldCode { kind: fold.kind, range, filter, body })), result))
    }

    fn fold_parts(&mut self, fold: &Fold) -> Result<(Option<Code>, Code, Type), TypeError> {
        let filter = fold.filter.as_ref().map(|filter| self.truth(filter)).transpose()?;
        if fold.kind != FoldKind::Collect {
            let body = match &fold.body {
                Some(body) => self.truth(body)?,
                None => Code::Constant(Value::Bool(true)),
            };
            return Ok((filter, body, Type::Bool));
        }
        let (body, found) = match &fold.body {
            Some(body) => self.check(body)?,
            None => {
                let slot = self.locals.len().saturating_sub(1);
                let found = self.locals.last().map_or(Type::Dyn, |(_, found)| found.clone());
                (Code::Local(slot), found)
            }
        };
        Ok((filter, body, self.solver.resolve(&Type::list(found), false)))
    }
}

/// A call, with everything done that needs no parameters: a conversion of a constant is a constant, a pattern is compiled,
/// a test whether a list of constants holds a value costs nothing of its own.
fn prepared(at: At, function: Function, args: Vec<Code>, cost: Cost) -> Result<Code, TypeError> {
    let refuse = |fault: Fault| match fault {
        Fault::Failed(message) => TypeError { at, message },
        Fault::OverCost => TypeError { at, message: "constant is too large".to_owned() },
    };
    match (function, args.as_slice()) {
        (_, [Code::Constant(value)]) if function.is_conversion() => {
            Ok(Code::Constant(call::call(function, std::slice::from_ref(value)).map_err(refuse)?))
        }
        (Function::Matches, [_, Code::Constant(Value::Text(pattern))]) => {
            call::pattern(pattern).map_err(refuse)?;
            Ok(Code::Call { function, args, cost })
        }
        (Function::In, [_, Code::Constant(Value::List(items))]) if cost == Cost::Entries => {
            if items.is_empty() {
                return Ok(Code::Constant(Value::Bool(false)));
            }
            let cost = if items.iter().all(is_plain) { Cost::Nothing } else { cost };
            Ok(Code::Call { function, args, cost })
        }
        _ => Ok(Code::Call { function, args, cost }),
    }
}

fn is_plain(value: &Value) -> bool {
    matches!(value, Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Double(_) | Value::Text(_))
}

/// The map, if all of it is constant and no key is there twice.
fn constant_map(entries: &[(Code, Code)]) -> Option<Code> {
    let mut map = Entries::new();
    for (key, value) in entries {
        let (key, value) = (key.constant()?, value.constant()?);
        if map.insert(Key::of(&key)?, (key, value)).is_some() {
            return None;
        }
    }
    Some(Code::Constant(Value::Map(Arc::new(map))))
}
