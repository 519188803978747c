//! From tokens to a tree: CEL's grammar by recursive descent, bounded by the guard and by the depth of the tree.

use super::{
    lex::{LexError, Token, lex},
    literal,
    source::At,
    tree::{Expr, Fold, FoldKind, Kind, TREE_DEPTH_MAX},
};

/// Why a text is no expression.
pub(crate) type SyntaxError = LexError;
type Parsed = Result<Expr, SyntaxError>;

/// Words that are kept for later versions of the language and cannot name anything.
const RESERVED: [&str; 17] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// Parses `text`, which has passed the guard.
pub(crate) fn parse(text: &str) -> Parsed {
    let mut parser = Parser { tokens: lex(text)?, next: 0, open: 0 };
    let expr = parser.expression()?;
    match parser.peek() {
        Token::End => Ok(expr),
        _ => Err(parser.unexpected("the end of the expression")),
    }
}

struct Parser {
    tokens: Vec<(Token, At)>,
    next: usize,
    /// Expressions that are being parsed, one inside the other.
    open: usize,
}

/// Marks of binary operators with how tightly they bind, and CEL's names for them.
fn binary(token: &Token) -> Option<(u8, &'static str)> {
    Some(match token {
        Token::In => (3, "@in"),
        Token::Mark(mark) => match *mark {
            "||" => (1, "_||_"),
            "&&" => (2, "_&&_"),
            "==" => (3, "_==_"),
            "!=" => (3, "_!=_"),
            "<" => (3, "_<_"),
            "<=" => (3, "_<=_"),
            ">" => (3, "_>_"),
            ">=" => (3, "_>=_"),
            "+" => (4, "_+_"),
            "-" => (4, "_-_"),
            "*" => (5, "_*_"),
            "/" => (5, "_/_"),
            "%" => (5, "_%_"),
            _ => return None,
        },
        _ => return None,
    })
}

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens.get(self.next).map_or(&Token::End, |(token, _)| token)
    }

    fn at(&self) -> At {
        self.tokens.get(self.next).or(self.tokens.last()).map_or(0, |(_, at)| *at)
    }

    fn take(&mut self, mark: &str) -> bool {
        let found = matches!(self.peek(), Token::Mark(found) if *found == mark);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, mark: &str) -> Result<(), SyntaxError> {
        if self.take(mark) { Ok(()) } else { Err(self.unexpected(&format!("`{mark}`"))) }
    }

    fn unexpected(&self, wanted: &str) -> SyntaxError {
        let found = match self.peek() {
            Token::Ident(name) => format!("`{name}`"),
            Token::True => "`true`".to_owned(),
            Token::False => "`false`".to_owned(),
            Token::Null => "`null`".to_owned(),
            Token::In => "`in`".to_owned(),
            Token::Int(_) | Token::Uint(_) | Token::Double(_) => "a number".to_owned(),
            Token::Text(_) | Token::Bytes(_) => "a string".to_owned(),
            Token::Mark(mark) => format!("`{mark}`"),
            Token::End => "the end".to_owned(),
        };
        SyntaxError { at: self.at(), message: format!("expected {wanted}, found {found}") }
    }

    fn expression(&mut self) -> Parsed {
        self.open += 1;
        if self.open > TREE_DEPTH_MAX {
            return Err(too_deep(self.at()));
        }
        let condition = self.operators(1)?;
        let at = self.at();
        let expr = if self.take("?") {
            let yes = self.operators(1)?;
            self.expect(":")?;
            let no = self.expression()?;
            node(at, Kind::Choose(Box::new([condition, yes, no])))?
        } else {
            condition
        };
        self.open -= 1;
        Ok(expr)
    }

    /// Binary operators that bind at least as tightly as `least`.
    fn operators(&mut self, least: u8) -> Parsed {
        let mut left = self.unary()?;
        while let Some((level, name)) = binary(self.peek()).filter(|(level, _)| *level >= least) {
            let at = self.at();
            self.next += 1;
            let right = self.operators(level + 1)?;
            left = match name {
                "_&&_" => junction(at, left, right, true)?,
                "_||_" => junction(at, left, right, false)?,
                _ => call(at, name, None, vec![left, right])?,
            };
        }
        Ok(left)
    }

    fn unary(&mut self) -> Parsed {
        let at = self.at();
        let mark = match self.peek() {
            Token::Mark(mark @ ("!" | "-")) => *mark,
            _ => return self.member(),
        };
        let mut count = 0;
        while self.take(mark) {
            count += 1;
        }
        // A sign directly before a number belongs to it: the least `int` could not be written otherwise.
        let signed = mark == "-" && matches!(self.peek(), Token::Int(_) | Token::Double(_));
        if signed {
            count -= 1;
            self.next -= 1;
        }
        let operand = self.member()?;
        if count % 2 == 0 {
            return Ok(operand);
        }
        call(at, if mark == "-" { "-_" } else { "!_" }, None, vec![operand])
    }

    fn member(&mut self) -> Parsed {
        let mut expr = self.primary()?;
        loop {
            let at = self.at();
            if self.take(".") {
                let name_at = self.at();
                let name = self.name("a field or function name")?;
                let open_at = self.at();
                expr = if self.take("(") {
                    let args = self.list(")")?;
                    method(open_at, expr, name, args)?
                } else {
                    node(name_at, Kind::Select(Box::new(expr), name))?
                };
            } else if self.take("[") {
                let index = self.expression()?;
                self.expect("]")?;
                expr = call(at, "_[_]", None, vec![expr, index])?;
            } else {
                return Ok(expr);
            }
        }
    }

    fn name(&mut self, wanted: &str) -> Result<String, SyntaxError> {
        match self.peek() {
            Token::Ident(name) => {
                let name = name.clone();
                self.next += 1;
                Ok(name)
            }
            _ => Err(self.unexpected(wanted)),
        }
    }

    fn primary(&mut self) -> Parsed {
        let at = self.at();
        if self.take("(") {
            let inner = self.expression()?;
            self.expect(")")?;
            return Ok(inner);
        }
        if self.take("[") {
            let items = self.list("]")?;
            return node(at, Kind::List(items));
        }
        if self.take("{") {
            return self.map(at);
        }
        if self.take("-") {
            return self.signed(at);
        }
        if self.take(".") {
            return self.named(at, ".");
        }
        if matches!(self.peek(), Token::Ident(_)) {
            return self.named(at, "");
        }
        self.constant(at)
    }

    fn constant(&mut self, at: At) -> Parsed {
        let kind = match self.peek() {
            Token::True => Kind::Bool(true),
            Token::False => Kind::Bool(false),
            Token::Null => Kind::Null,
            Token::Int(text) => Kind::Int(literal::int(text, false).ok_or_else(|| out_of_range(at))?),
            Token::Uint(value) => Kind::Uint(*value),
            Token::Double(value) => Kind::Double(*value),
            Token::Text(text) => Kind::Text(text.clone()),
            Token::Bytes(bytes) => Kind::Bytes(bytes.clone()),
            _ => return Err(self.unexpected("a value")),
        };
        self.next += 1;
        node(at, kind)
    }

    fn signed(&mut self, at: At) -> Parsed {
        let kind = match self.peek() {
            Token::Int(text) => Kind::Int(literal::int(text, true).ok_or_else(|| out_of_range(at))?),
            Token::Double(value) => Kind::Double(-*value),
            _ => return Err(self.unexpected("a number")),
        };
        self.next += 1;
        node(at, kind)
    }

    /// A name, or the call of a function.
    fn named(&mut self, at: At, dot: &str) -> Parsed {
        let name = self.name("a name")?;
        if RESERVED.contains(&name.as_str()) {
            return Err(SyntaxError { at, message: format!("`{name}` is a reserved word") });
        }
        let open = self.at();
        if self.take("(") {
            let args = self.list(")")?;
            return if name == "has" && dot.is_empty() && args.len() == 1 {
                has(open, args)
            } else {
                call(open, &name, None, args)
            };
        }
        if matches!(self.peek(), Token::Mark("{")) {
            let message = format!("messages such as `{name}{{}}` are not supported");
            return Err(SyntaxError { at, message });
        }
        node(at, Kind::Name(format!("{dot}{name}")))
    }

    /// Expressions up to `close`, with a comma between them; lists may end with one.
    fn list(&mut self, close: &str) -> Result<Vec<Expr>, SyntaxError> {
        let mut items = Vec::new();
        loop {
            let may_end = items.is_empty() || close == "]";
            if may_end && self.take(close) {
                return Ok(items);
            }
            items.push(self.expression()?);
            if !self.take(",") {
                self.expect(close)?;
                return Ok(items);
            }
        }
    }

    fn map(&mut self, at: At) -> Parsed {
        let mut entries = Vec::new();
        while !self.take("}") {
            let key = self.expression()?;
            self.expect(":")?;
            entries.push((key, self.expression()?));
            if !self.take(",") {
                self.expect("}")?;
                break;
            }
        }
        node(at, Kind::Map(entries))
    }
}

fn too_deep(at: At) -> SyntaxError {
    SyntaxError { at, message: format!("expression has more than {TREE_DEPTH_MAX} levels") }
}

fn out_of_range(at: At) -> SyntaxError {
    SyntaxError { at, message: "number is out of the range of `int`".to_owned() }
}

/// Builds a part and refuses it where its tree is too deep.
fn node(at: At, kind: Kind) -> Parsed {
    let below = match &kind {
        Kind::Select(operand, _) | Kind::Has(operand, _) => operand.depth,
        Kind::And(parts) | Kind::Or(parts) | Kind::List(parts) => deepest(parts),
        Kind::Choose(parts) => deepest(parts.as_slice()),
        Kind::Call { target, args, .. } => {
            deepest(args).max(target.as_ref().map_or(0, |target| target.depth))
        }
        Kind::Map(entries) => {
            entries.iter().map(|(key, value)| key.depth.max(value.depth)).max().unwrap_or_default()
        }
        Kind::Fold(fold) => {
            let inner = fold.filter.iter().chain(&fold.body).map(|part| part.depth).max();
            fold.range.depth.max(inner.unwrap_or_default())
        }
        _ => 0,
    };
    if below >= TREE_DEPTH_MAX {
        return Err(too_deep(at));
    }
    Ok(Expr { at, depth: below + 1, kind })
}

fn deepest(parts: &[Expr]) -> usize {
    parts.iter().map(|part| part.depth).max().unwrap_or_default()
}

fn call(at: At, name: &str, target: Option<Box<Expr>>, args: Vec<Expr>) -> Parsed {
    node(at, Kind::Call { name: name.to_owned(), target, args })
}

/// `a && b && c` is one part with three operands: forgiving failures and deciding early do not depend on grouping.
fn junction(at: At, left: Expr, right: Expr, and: bool) -> Parsed {
    let parts = match left.kind {
        Kind::And(mut parts) if and => {
            parts.push(right);
            parts
        }
        Kind::Or(mut parts) if !and => {
            parts.push(right);
            parts
        }
        kind => vec![Expr { kind, ..left }, right],
    };
    node(at, if and { Kind::And(parts) } else { Kind::Or(parts) })
}

fn has(at: At, args: Vec<Expr>) -> Parsed {
    match args.into_iter().next().map(|arg| arg.kind) {
        Some(Kind::Select(operand, field)) => node(at, Kind::Has(operand, field)),
        _ => Err(SyntaxError { at, message: "`has` takes a selection such as `a.b`".to_owned() }),
    }
}

fn method(at: At, target: Expr, name: String, args: Vec<Expr>) -> Parsed {
    let kind = match (name.as_str(), args.len()) {
        ("all", 2) => FoldKind::All,
        ("exists", 2) => FoldKind::Exists,
        ("exists_one" | "existsOne", 2) => FoldKind::ExistsOne,
        ("map", 2 | 3) | ("filter", 2) => FoldKind::Collect,
        _ => return call(at, &name, Some(Box::new(target)), args),
    };
    let mut args = args.into_iter();
    let variable = match args.next() {
        Some(Expr { kind: Kind::Name(variable), .. }) if !variable.starts_with('.') => variable,
        other => {
            let at = other.map_or(at, |other| other.at);
            return Err(SyntaxError { at, message: format!("`{name}` takes a simple name first") });
        }
    };
    let (second, third) = (args.next(), args.next());
    let (filter, body) = match name.as_str() {
        "filter" => (second, None),
        _ if third.is_some() => (second, third),
        _ => (None, second),
    };
    node(at, Kind::Fold(Box::new(Fold { kind, range: target, name: variable, filter, body })))
}
