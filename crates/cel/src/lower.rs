//! From the parser's tree to the compiled form: resolves names, recognises macros, refuses what does not exist.

use std::sync::Arc;

use kube_cel::cel::{
    common::ast::{
        CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, ListExpr, LiteralValue, operators,
    },
    parser::Expression,
};

use crate::{
    functions::{self, Native},
    ir::{Binary, Bind, Field, Fold, FoldKind, Ir, LibraryCall, Select},
    shape::unescape,
};

const TYPES: [&str; 12] = [
    "bool",
    "bytes",
    "double",
    "duration",
    "int",
    "list",
    "map",
    "null_type",
    "string",
    "timestamp",
    "type",
    "uint",
];

/// Lowers `expression`, whose variables are `variables` in slots 0, 1, ….
pub(crate) fn lower(expression: Expression, variables: &[String]) -> Result<Ir, String> {
    let mut lowering = Lowering { scope: variables.to_vec() };
    lowering.expr(expression)
}

struct Lowering {
    /// Names by slot; macros push and pop.
    scope: Vec<String>,
}

impl Lowering {
    fn boxed(&mut self, expr: IdedExpr) -> Result<Box<Ir>, String> {
        self.expr(expr).map(Box::new)
    }

    fn expr(&mut self, expr: IdedExpr) -> Result<Ir, String> {
        match expr.expr {
            Expr::Literal(literal) => Ok(match literal {
                LiteralValue::Boolean(value) => Ir::Bool(*value.inner()),
                LiteralValue::Bytes(value) => Ir::Bytes(value.inner().into()),
                LiteralValue::Double(value) => Ir::Double(*value.inner()),
                LiteralValue::Int(value) => Ir::Int(*value.inner()),
                LiteralValue::Null => Ir::Null,
                LiteralValue::String(value) => Ir::Text(value.inner().into()),
                LiteralValue::UInt(value) => Ir::Uint(*value.inner()),
            }),
            Expr::Ident(name) => self.name(&name),
            Expr::Select(select) => {
                let field = field(&select.field);
                let mode = if select.test { Select::Test } else { Select::Value };
                Ok(Ir::Select { operand: self.boxed(*select.operand)?, field, mode })
            }
            Expr::List(list) => self.list(list),
            Expr::Map(map) => {
                let mut entries = Vec::with_capacity(map.entries.len());
                for entry in map.entries {
                    let EntryExpr::MapEntry(entry) = entry.expr else {
                        return Err("message construction is not supported".to_owned());
                    };
                    entries.push((self.expr(entry.key)?, self.expr(entry.value)?, entry.optional));
                }
                Ok(Ir::Map(entries))
            }
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(comprehension) => self.comprehension(*comprehension),
            Expr::Struct(message) => {
                Err(format!("undeclared reference to '{}' (in container '')", message.type_name))
            }
            Expr::Unspecified => Err("empty expression".to_owned()),
        }
    }

    fn name(&self, name: &str) -> Result<Ir, String> {
        let name = name.strip_prefix('.').unwrap_or(name);
        if let Some(slot) = self.scope.iter().rposition(|known| known == name) {
            return Ok(Ir::Slot(slot));
        }
        if let Some(name) = TYPES.iter().find(|known| **known == name) {
            return Ok(Ir::Type(name));
        }
        Err(format!("undeclared reference to '{name}' (in container '')"))
    }

    fn list(&mut self, list: ListExpr) -> Result<Ir, String> {
        let optional = list.optional_indices;
        let items = list.elements.into_iter().enumerate();
        items
            .map(|(i, item)| Ok((self.expr(item)?, optional.contains(&i))))
            .collect::<Result<_, _>>()
            .map(Ir::List)
    }

    fn call(&mut self, call: CallExpr) -> Result<Ir, String> {
        let CallExpr { func_name, target, args } = call;
        match target {
            None => self.operator_or_function(&func_name, args),
            Some(target) => self.method(&func_name, *target, args),
        }
    }

    fn operator_or_function(&mut self, name: &str, args: Vec<IdedExpr>) -> Result<Ir, String> {
        let count = args.len();
        let mut rest = args.into_iter();
        let mut next = |this: &mut Self| match rest.next() {
            Some(arg) => this.boxed(arg),
            None => Err(format!("too few arguments of '{name}'")),
        };
        let binary = match name {
            operators::ADD => Some(Binary::Add),
            operators::SUBSTRACT => Some(Binary::Sub),
            operators::MULTIPLY => Some(Binary::Mul),
            operators::DIVIDE => Some(Binary::Div),
            operators::MODULO => Some(Binary::Rem),
            operators::EQUALS => Some(Binary::Eq),
            operators::NOT_EQUALS => Some(Binary::Ne),
            operators::LESS => Some(Binary::Lt),
            operators::LESS_EQUALS => Some(Binary::Le),
            operators::GREATER => Some(Binary::Gt),
            operators::GREATER_EQUALS => Some(Binary::Ge),
            operators::IN => Some(Binary::In),
            _ => None,
        };
        if let Some(operator) = binary {
            return Ok(Ir::Binary(operator, next(self)?, next(self)?));
        }
        match name {
            operators::CONDITIONAL => return Ok(Ir::Choose(next(self)?, next(self)?, next(self)?)),
            operators::LOGICAL_AND => return Ok(Ir::And(next(self)?, next(self)?)),
            operators::LOGICAL_OR => return Ok(Ir::Or(next(self)?, next(self)?)),
            operators::LOGICAL_NOT => return Ok(Ir::Not(next(self)?)),
            operators::NEGATE => return Ok(Ir::Negate(next(self)?)),
            operators::INDEX | operators::OPT_INDEX => {
                let optional = name == operators::OPT_INDEX;
                return Ok(Ir::Index { operand: next(self)?, index: next(self)?, optional });
            }
            operators::OPT_SELECT => {
                let operand = next(self)?;
                return match *next(self)? {
                    Ir::Text(name) => Ok(Ir::Select { operand, field: field(&name), mode: Select::Optional }),
                    _ => Err("optional selection needs a field name".to_owned()),
                };
            }
            _ => {}
        }
        let args = rest.map(|arg| self.expr(arg)).collect::<Result<Vec<_>, _>>()?;
        self.function(name, None, args, count)
    }

    fn method(&mut self, name: &str, target: IdedExpr, args: Vec<IdedExpr>) -> Result<Ir, String> {
        if let Some(namespace) = namespace_of(&target.expr)
            && !self.scope.contains(&namespace)
            && functions::is_namespace(&namespace)
        {
            if namespace == "cel" && name == "bind" {
                return self.bind(Bind::Plain, args);
            }
            let count = args.len();
            let args = args.into_iter().map(|arg| self.expr(arg)).collect::<Result<Vec<_>, _>>()?;
            return self.function(&format!("{namespace}.{name}"), None, args, count);
        }
        match (name, args.len()) {
            ("all" | "exists" | "existsOne" | "transformList" | "transformMap", 3)
            | ("transformList" | "transformMap", 4) => return self.two_variable_macro(name, target, args),
            ("sortBy", 2) => return self.sort_by(target, args),
            ("optMap", 2) => return self.bind_on(Bind::OptMap, target, args),
            ("optFlatMap", 2) => return self.bind_on(Bind::OptFlatMap, target, args),
            _ => {}
        }
        let target = self.expr(target)?;
        let count = args.len();
        let args = args.into_iter().map(|arg| self.expr(arg)).collect::<Result<Vec<_>, _>>()?;
        self.function(name, Some(target), args, count)
    }

    fn function(
        &mut self,
        name: &str,
        target: Option<Ir>,
        args: Vec<Ir>,
        count: usize,
    ) -> Result<Ir, String> {
        let is_method = target.is_some();
        let all: Vec<Ir> = target.into_iter().chain(args).collect();
        if let Some(function) = Native::find(name, is_method, count) {
            return Ok(Ir::Native { function, args: all });
        }
        if functions::is_library(name, is_method) {
            return Ok(Ir::Library { call: Arc::new(library_call(name, is_method, all.len())), args: all });
        }
        Err(format!("undeclared reference to '{name}' (in container '')"))
    }

    fn bind(&mut self, kind: Bind, args: Vec<IdedExpr>) -> Result<Ir, String> {
        match <[IdedExpr; 3]>::try_from(args) {
            Ok([name, value, body]) => {
                let value = self.boxed(value)?;
                let body = self.with_name(name, |this| this.boxed(body))?;
                Ok(Ir::Bind { kind, value, body })
            }
            Err(_) => Err("cel.bind takes a name, a value and an expression".to_owned()),
        }
    }

    fn bind_on(&mut self, kind: Bind, target: IdedExpr, args: Vec<IdedExpr>) -> Result<Ir, String> {
        let all = args
            .into_iter()
            .fold((None, None), |(a, b), arg| if a.is_none() { (Some(arg), b) } else { (a, Some(arg)) });
        match all {
            (Some(name), Some(body)) => {
                let value = self.boxed(target)?;
                let body = self.with_name(name, |this| this.boxed(body))?;
                Ok(Ir::Bind { kind, value, body })
            }
            _ => Err("optMap takes a name and an expression".to_owned()),
        }
    }

    fn with_name<T>(
        &mut self,
        name: IdedExpr,
        inner: impl FnOnce(&mut Self) -> Result<T, String>,
    ) -> Result<T, String> {
        let Expr::Ident(name) = name.expr else { return Err("argument must be a simple name".to_owned()) };
        self.scope.push(name);
        let result = inner(self);
        self.scope.pop();
        result
    }

    fn two_variable_macro(
        &mut self,
        name: &str,
        target: IdedExpr,
        args: Vec<IdedExpr>,
    ) -> Result<Ir, String> {
        let kind = match name {
            "all" => FoldKind::All,
            "exists" => FoldKind::Exists,
            "existsOne" => FoldKind::ExistsOne,
            "transformList" => FoldKind::Collect,
            _ => FoldKind::CollectMap,
        };
        let range = self.expr(target)?;
        let mut args = args.into_iter();
        let (Some(first), Some(second), Some(third)) = (args.next(), args.next(), args.next()) else {
            return Err(format!("too few arguments of '{name}'"));
        };
        let fourth = args.next();
        self.with_name(first, |this| {
            this.with_name(second, |this| {
                let (filter, body) = match fourth {
                    Some(body) => (Some(this.expr(third)?), this.expr(body)?),
                    None => (None, this.expr(third)?),
                };
                Ok(Ir::Fold(Box::new(Fold { kind, range, two_variables: true, filter, body })))
            })
        })
    }

    fn sort_by(&mut self, target: IdedExpr, args: Vec<IdedExpr>) -> Result<Ir, String> {
        let range = self.expr(target)?;
        let mut args = args.into_iter();
        let (Some(name), Some(key)) = (args.next(), args.next()) else {
            return Err("sortBy takes a name and an expression".to_owned());
        };
        let body = self.with_name(name, |this| this.expr(key))?;
        let fold = Fold { kind: FoldKind::SortBy, range, two_variables: false, filter: None, body };
        Ok(Ir::Fold(Box::new(fold)))
    }

    /// The parser has expanded the macros; their shape says which one it was.
    fn comprehension(&mut self, c: ComprehensionExpr) -> Result<Ir, String> {
        let range = self.expr(c.iter_range)?;
        let Expr::Call(step) = c.loop_step.expr else { return Err("unknown macro".to_owned()) };
        let (kind, filter, body) = match (step.func_name.as_str(), c.accu_init.expr) {
            (operators::LOGICAL_AND, _) => (FoldKind::All, None, last(step)?),
            (operators::LOGICAL_OR, _) => (FoldKind::Exists, None, last(step)?),
            (operators::ADD, Expr::List(_)) => (FoldKind::Collect, None, only(last(step)?)?),
            (operators::CONDITIONAL, Expr::List(_)) => {
                let mut args = step.args.into_iter();
                let (Some(filter), Some(add)) = (args.next(), args.next()) else {
                    return Err("unknown macro".to_owned());
                };
                let Expr::Call(add) = add.expr else { return Err("unknown macro".to_owned()) };
                (FoldKind::Collect, Some(filter), only(last(add)?)?)
            }
            (operators::CONDITIONAL, _) => {
                let body = step.args.into_iter().next().ok_or("unknown macro")?;
                (FoldKind::ExistsOne, None, body)
            }
            _ => return Err("unknown macro".to_owned()),
        };
        self.scope.push(c.iter_var);
        let parts = (|| {
            let filter = filter.map(|filter| self.expr(filter)).transpose()?;
            Ok::<_, String>((filter, self.expr(body)?))
        })();
        self.scope.pop();
        let (filter, body) = parts?;
        Ok(Ir::Fold(Box::new(Fold { kind, range, two_variables: false, filter, body })))
    }
}

fn last(mut call: CallExpr) -> Result<IdedExpr, String> {
    call.args.pop().ok_or_else(|| "unknown macro".to_owned())
}

fn only(list: IdedExpr) -> Result<IdedExpr, String> {
    match list.expr {
        Expr::List(mut list) => list.elements.pop().ok_or_else(|| "unknown macro".to_owned()),
        _ => Err("unknown macro".to_owned()),
    }
}

fn field(written: &str) -> Field {
    Field { written: written.into(), key: unescape(written).into() }
}

/// `a.b` as a dotted name.
fn namespace_of(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Ident(name) => Some(name.clone()),
        _ => None,
    }
}

pub(crate) fn library_call(name: &str, is_method: bool, count: usize) -> LibraryCall {
    let ident = |name: String| IdedExpr { id: 0, expr: Expr::Ident(name) };
    let mut args: Vec<IdedExpr> = (0..count).map(|i| ident(format!("a{i}"))).collect();
    let (target, func_name) = match name.split_once('.') {
        Some((namespace, function)) => (Some(Box::new(ident(namespace.to_owned()))), function.to_owned()),
        None if is_method && !args.is_empty() => (Some(Box::new(args.remove(0))), name.to_owned()),
        None => (None, name.to_owned()),
    };
    let call = CallExpr { func_name, target, args };
    LibraryCall { name: name.to_owned(), expression: IdedExpr { id: 0, expr: Expr::Call(call) } }
}
