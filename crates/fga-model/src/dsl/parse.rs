//! The parser of the DSL: recursive descent, one finding at the first place that does not fit.

use indexmap::{IndexMap, map::Entry};

use super::{
    cursor::{Cursor, Parsed},
    document::{ConditionPlace, Document, Header, LeafPlace, RelationPlace, RestrictionPlace, TypePlace},
};
use crate::{
    AuthorizationModel, Category, Condition, Diagnostic, ModelErrors, ParameterKind, ParameterType, Relation,
    Restriction, Rewrite, Span, TypeDefinition,
};

/// Deepest nesting of parentheses; deeper text is refused, so that no text can exhaust the stack.
const NESTING_MAX: usize = 64;

/// Reads a model file or a module file; names and references are not checked.
pub fn parse_document(text: &str) -> Result<Document, ModelErrors> {
    let mut parser =
        Parser { cursor: Cursor::new(text), document: Document::default(), findings: Vec::new() };
    if let Err(finding) = parser.file() {
        parser.findings.push(finding);
    }
    if parser.findings.is_empty() { Ok(parser.document) } else { Err(ModelErrors(parser.findings)) }
}

struct Parser {
    cursor: Cursor,
    document: Document,
    /// Findings after which reading goes on: things defined twice.
    findings: Vec<Diagnostic>,
}

impl Parser {
    fn file(&mut self) -> Parsed<()> {
        self.cursor.blanks();
        self.cursor.newline_and_comments();
        if self.cursor.keyword("model") {
            if !self.cursor.newline_and_comments() {
                return Err(self.cursor.unexpected("a new line"));
            }
            self.cursor.expect_keyword("schema")?;
            self.cursor.expect_blanks()?;
            let (version, span) = self.cursor.version()?;
            self.document.model.schema_version = version;
            self.document.header = Header::Model;
            self.document.schema_place = Some(span);
        } else if self.cursor.keyword("module") {
            self.cursor.expect_blanks()?;
            let (name, _) = self.cursor.plain_name("the module's name")?;
            self.document.header = Header::Module(name);
        } else {
            return Err(self.cursor.unexpected("`model` or `module`"));
        }
        self.definitions()
    }

    fn definitions(&mut self) -> Parsed<()> {
        let mut types_ended = false;
        loop {
            let before = self.cursor.mark();
            self.cursor.blanks();
            if self.cursor.at_end() {
                return Ok(());
            }
            self.cursor.reset(before);
            if !self.cursor.newline_and_comments() {
                return Err(self.cursor.unexpected("the end of the line"));
            }
            if self.cursor.at_end() {
                return Ok(());
            }
            match self.cursor.peek_word().as_deref() {
                Some("condition") => {
                    types_ended = true;
                    self.condition()?;
                }
                Some("type" | "extend") if !types_ended => self.type_definition()?,
                Some(_) | None if types_ended => return Err(self.cursor.unexpected("`condition`")),
                Some(_) | None => return Err(self.cursor.unexpected("`type`, `extend type` or `condition`")),
            }
        }
    }

    fn type_definition(&mut self) -> Parsed<()> {
        let start = self.cursor.mark();
        let extends = self.cursor.keyword("extend");
        if extends {
            let span = self.cursor.span_from(start);
            if self.document.header == Header::Model {
                let finding =
                    Diagnostic::new(Category::Syntax, "extend", "extend can only be used in a modular model");
                self.findings.push(finding.at(Some(span)));
            }
            self.cursor.expect_blanks()?;
        }
        self.cursor.expect_keyword("type")?;
        self.cursor.expect_blanks()?;
        let (name, span) = self.cursor.extended_name("the type's name")?;
        let again = self
            .document
            .model
            .types
            .iter()
            .zip(&self.document.types)
            .any(|(definition, place)| definition.name == name && place.extends);
        if extends && again {
            let message = format!("'{name}' is already extended in file.");
            self.findings.push(Diagnostic::new(Category::Syntax, &name, message).at(Some(span)));
        }
        let mut definition = TypeDefinition::new(name);
        let mut place = TypePlace { name: span, extends, ..TypePlace::default() };
        let mark = self.cursor.mark();
        if self.cursor.newline_and_comments() && self.cursor.keyword("relations") {
            self.relations(&mut definition, &mut place)?;
        } else {
            self.cursor.reset(mark);
        }
        self.document.model.types.push(definition);
        self.document.types.push(place);
        Ok(())
    }

    fn relations(&mut self, definition: &mut TypeDefinition, place: &mut TypePlace) -> Parsed<()> {
        let mut first = true;
        loop {
            let mark = self.cursor.mark();
            let broke = self.cursor.newline_and_comments();
            if !(broke && self.cursor.keyword("define")) {
                if first {
                    return Err(self.cursor.unexpected("`define`"));
                }
                self.cursor.reset(mark);
                return Ok(());
            }
            first = false;
            self.cursor.expect_blanks()?;
            let start = self.cursor.mark();
            let (name, span) = self.cursor.extended_name("the relation's name")?;
            self.cursor.blanks();
            self.cursor.expect(':')?;
            self.cursor.blanks();
            let mut relation = Relation::new(Rewrite::This, Vec::new());
            let line = self.cursor.line_of(start);
            let mut at = RelationPlace { name: span, line, ..RelationPlace::default() };
            relation.rewrite = self.expression(true, 0, &mut relation.restrictions, &mut at)?;
            match definition.relations.entry(name) {
                Entry::Occupied(taken) => {
                    let (name, of) = (taken.key(), &definition.name);
                    let message = format!("'{name}' is already defined in '{of}'");
                    self.findings.push(Diagnostic::new(Category::Syntax, name, message).at(Some(span)));
                }
                Entry::Vacant(free) => {
                    place.relations.insert(free.key().clone(), at);
                    free.insert(relation);
                }
            }
        }
    }

    /// `head [ tail ]`; only the very first leaf of a relation may be direct.
    fn expression(
        &mut self,
        direct_allowed: bool,
        depth: usize,
        restrictions: &mut Vec<Restriction>,
        at: &mut RelationPlace,
    ) -> Parsed<Rewrite> {
        let head = self.operand(direct_allowed, depth, restrictions, at)?;
        let Some(operator) = self.operator() else { return Ok(head) };
        self.cursor.expect_blanks()?;
        let mut operands = vec![head, self.operand(false, depth, restrictions, at)?];
        if operator != Operator::ButNot {
            loop {
                let mark = self.cursor.mark();
                if self.operator() != Some(operator) {
                    // Another operator here is left to whoever expects the end of the expression.
                    self.cursor.reset(mark);
                    break;
                }
                self.cursor.expect_blanks()?;
                operands.push(self.operand(false, depth, restrictions, at)?);
            }
        }
        Ok(match operator {
            Operator::Or => Rewrite::Union(operands),
            Operator::And => Rewrite::Intersection(operands),
            Operator::ButNot => {
                let subtract = operands.pop().unwrap_or(Rewrite::This);
                let base = operands.pop().unwrap_or(Rewrite::This);
                Rewrite::Difference { base: Box::new(base), subtract: Box::new(subtract) }
            }
        })
    }

    fn operator(&mut self) -> Option<Operator> {
        let mark = self.cursor.mark();
        if self.cursor.blanks() {
            if self.cursor.keyword("or") {
                return Some(Operator::Or);
            }
            if self.cursor.keyword("and") {
                return Some(Operator::And);
            }
            if self.cursor.but_not() {
                return Some(Operator::ButNot);
            }
        }
        self.cursor.reset(mark);
        None
    }

    fn operand(
        &mut self,
        direct_allowed: bool,
        depth: usize,
        restrictions: &mut Vec<Restriction>,
        at: &mut RelationPlace,
    ) -> Parsed<Rewrite> {
        match self.cursor.peek() {
            Some('[') if direct_allowed => {
                self.direct(restrictions, at)?;
                Ok(Rewrite::This)
            }
            Some('(') => {
                if depth >= NESTING_MAX {
                    return Err(self.cursor.unexpected(&format!("at most {NESTING_MAX} nested parentheses")));
                }
                self.cursor.take('(');
                self.cursor.blanks();
                let inner = self.expression(direct_allowed, depth + 1, restrictions, at)?;
                self.cursor.blanks();
                self.cursor.expect(')')?;
                Ok(inner)
            }
            _ => self.reference(at),
        }
    }

    fn reference(&mut self, at: &mut RelationPlace) -> Parsed<Rewrite> {
        let (computed, first) = self.cursor.extended_name("a relation")?;
        let mark = self.cursor.mark();
        if self.cursor.blanks() && self.cursor.keyword("from") {
            self.cursor.expect_blanks()?;
            let (tupleset, last) = self.cursor.extended_name("a relation")?;
            let whole = Span::new(first.line, first.start, last.end);
            at.leaves.push(LeafPlace { whole, tupleset: Some(last) });
            return Ok(Rewrite::TupleToUserset { tupleset, computed });
        }
        self.cursor.reset(mark);
        at.leaves.push(LeafPlace { whole: first, tupleset: None });
        Ok(Rewrite::Computed(computed))
    }

    fn direct(&mut self, restrictions: &mut Vec<Restriction>, at: &mut RelationPlace) -> Parsed<()> {
        self.cursor.expect('[')?;
        loop {
            self.gap();
            self.restriction(restrictions, at)?;
            self.gap();
            if !self.cursor.take(',') {
                break;
            }
        }
        self.cursor.expect(']')
    }

    /// White space that may hold a line break.
    fn gap(&mut self) {
        self.cursor.blanks();
        self.cursor.newline();
    }

    fn restriction(&mut self, restrictions: &mut Vec<Restriction>, at: &mut RelationPlace) -> Parsed<()> {
        let start = self.cursor.mark();
        let (type_name, type_span) = self.cursor.extended_name("a type")?;
        let mut restriction = Restriction::concrete(type_name);
        if self.cursor.take(':') {
            self.cursor.expect('*')?;
            restriction.wildcard = true;
        } else if self.cursor.take('#') {
            restriction.relation = Some(self.cursor.extended_name("a relation")?.0);
        }
        let shape = self.cursor.span_from(start);
        let mut condition = None;
        let mark = self.cursor.mark();
        if self.cursor.blanks() && self.cursor.keyword("with") {
            self.cursor.expect_blanks()?;
            let (name, span) = self.cursor.plain_name("the condition's name")?;
            restriction.condition = Some(name);
            condition = Some(span);
        } else {
            self.cursor.reset(mark);
        }
        let whole = self.cursor.span_from(start);
        restrictions.push(restriction);
        at.restrictions.push(RestrictionPlace { type_name: type_span, shape, whole, condition });
        Ok(())
    }

    fn condition(&mut self) -> Parsed<()> {
        self.cursor.expect_keyword("condition")?;
        self.cursor.expect_blanks()?;
        let (name, span) = self.cursor.condition_name("the condition's name")?;
        self.cursor.blanks();
        self.cursor.expect('(')?;
        let mut parameters: IndexMap<String, ParameterType> = IndexMap::new();
        loop {
            self.gap();
            let (parameter, place) = self.cursor.condition_name("a parameter's name")?;
            self.cursor.blanks();
            self.cursor.expect(':')?;
            self.cursor.blanks();
            let kind = self.parameter_type()?;
            if parameters.contains_key(&parameter) {
                let message = format!("parameter '{parameter}' is already defined in the condition '{name}'");
                self.findings.push(Diagnostic::new(Category::Syntax, &parameter, message).at(Some(place)));
            }
            parameters.insert(parameter, kind);
            self.gap();
            if !self.cursor.take(',') {
                break;
            }
        }
        self.cursor.expect(')')?;
        self.cursor.blanks();
        self.cursor.expect('{')?;
        self.gap();
        let start = self.cursor.mark();
        self.cursor.condition_body()?;
        let text = self.cursor.text_from(start);
        self.cursor.expect('}')?;
        let trimmed = text.trim_end();
        let expression =
            if text.get(trimmed.len()..).is_some_and(|tail| tail.contains('\n')) { trimmed } else { &text };
        let condition = Condition {
            name: name.clone(),
            expression: expression.to_owned(),
            parameters,
            ..Condition::default()
        };
        if self.document.model.conditions.contains_key(&name) {
            let message = format!("condition '{name}' is already defined in the model");
            self.findings.push(Diagnostic::new(Category::Syntax, &name, message).at(Some(span)));
        }
        self.document.conditions.insert(name.clone(), ConditionPlace { name: span, file: None });
        self.document.model.conditions.insert(name, condition);
        Ok(())
    }

    fn parameter_type(&mut self) -> Parsed<ParameterType> {
        let kind = self.parameter_kind(true)?;
        let mut generics = Vec::new();
        if kind.is_container() {
            self.cursor.expect('<')?;
            generics.push(ParameterType { kind: self.parameter_kind(false)?, generics: Vec::new() });
            self.cursor.expect('>')?;
        }
        Ok(ParameterType { kind, generics })
    }

    fn parameter_kind(&mut self, containers: bool) -> Parsed<ParameterKind> {
        let refused = self.cursor.unexpected("a parameter type");
        let kind = self
            .cursor
            .peek_word()
            .and_then(|word| ParameterKind::from_dsl(&word))
            .filter(|kind| !kind.is_json_only() && (containers || !kind.is_container()));
        match kind {
            Some(kind) => {
                self.cursor.keyword(kind.dsl());
                Ok(kind)
            }
            None => Err(refused),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Or,
    And,
    ButNot,
}

/// Reads a model file. A module file is read too; its schema version is empty.
pub fn parse_model(text: &str) -> Result<AuthorizationModel, ModelErrors> {
    parse_document(text).map(|document| document.model)
}
