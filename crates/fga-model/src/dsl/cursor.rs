//! Reads the DSL text: comments cut away, then words, white space and line breaks with their places.

use std::sync::Arc;

use crate::{Category, Diagnostic, ParameterKind, Span};

/// Words that the grammar takes for itself and that no name may be.
const RESERVED: [&str; 11] =
    ["and", "or", "from", "with", "define", "relations", "condition", "in", "true", "false", "null"];

/// A position in the prepared text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    at: usize,
    line: usize,
    column: usize,
}

/// The prepared text and where the reader stands in it.
pub(super) struct Cursor {
    text: Vec<char>,
    here: Mark,
}

pub(super) type Parsed<T> = Result<T, Diagnostic>;

impl Cursor {
    /// Prepares the text: lines that begin with `#` become empty, ` #` ends a line, lines and text lose trailing blanks.
    pub fn new(text: &str) -> Self {
        let mut lines: Vec<&str> = text
            .split('\n')
            .map(|line| {
                let line = line.strip_suffix('\r').unwrap_or(line);
                if line.trim_start_matches(' ').starts_with('#') {
                    return "";
                }
                // Blind to string literals on purpose: the language is defined so.
                line.split(" #").next().unwrap_or_default().trim_end_matches(' ')
            })
            .collect();
        while lines.last().is_some_and(|line| line.trim().is_empty()) {
            lines.pop();
        }
        Self { text: lines.join("\n").chars().collect(), here: Mark { at: 0, line: 0, column: 0 } }
    }

    pub fn mark(&self) -> Mark {
        self.here
    }

    pub fn reset(&mut self, mark: Mark) {
        self.here = mark;
    }

    pub fn peek(&self) -> Option<char> {
        self.text.get(self.here.at).copied()
    }

    pub fn at_end(&self) -> bool {
        self.here.at >= self.text.len()
    }

    fn next(&mut self) {
        match self.peek() {
            Some('\n') => self.here = Mark { at: self.here.at + 1, line: self.here.line + 1, column: 0 },
            Some(_) => self.here = Mark { at: self.here.at + 1, column: self.here.column + 1, ..self.here },
            None => {}
        }
    }

    /// The place from `mark` to here, within the line of `mark`.
    pub fn span_from(&self, mark: Mark) -> Span {
        let end = if mark.line == self.here.line { self.here.column } else { mark.column + 1 };
        Span::new(mark.line, mark.column, end)
    }

    /// The text from `mark` to here.
    pub fn text_from(&self, mark: Mark) -> String {
        self.text.get(mark.at..self.here.at).unwrap_or_default().iter().collect()
    }

    /// The whole line in which `mark` stands.
    pub fn line_of(&self, mark: Mark) -> Arc<str> {
        let before = self.text.get(..mark.at).unwrap_or_default();
        let start = before.iter().rposition(|c| *c == '\n').map_or(0, |newline| newline + 1);
        let line: String =
            self.text.get(start..).unwrap_or_default().iter().take_while(|c| **c != '\n').collect();
        line.into()
    }

    /// Skips spaces, tabs and form feeds of this line; tells whether there were any.
    pub fn blanks(&mut self) -> bool {
        let start = self.here.at;
        while matches!(self.peek(), Some(' ' | '\t' | '\u{c}' | '\r')) {
            self.next();
        }
        self.here.at > start
    }

    /// Skips a line break and all white space around it; moves nothing where there is none.
    pub fn newline(&mut self) -> bool {
        let start = self.here;
        let mut broke = false;
        while let Some(c) = self.peek() {
            match c {
                '\n' => broke = true,
                ' ' | '\t' | '\u{c}' | '\r' => {}
                _ => break,
            }
            self.next();
        }
        if !broke && !self.at_end() {
            self.here = start;
        }
        broke
    }

    /// Skips a line break and comment lines after it (those that a tab hid from the preparation).
    pub fn newline_and_comments(&mut self) -> bool {
        let nothing_before = self.text.iter().take(self.here.at).all(|c| c.is_whitespace());
        let mut broke = self.newline();
        while self.peek() == Some('#') && (broke || nothing_before) {
            while !matches!(self.peek(), None | Some('\n')) {
                self.next();
            }
            broke |= self.newline();
        }
        broke
    }

    /// Takes this character if it is next.
    pub fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.next();
        }
        found
    }

    /// Takes this character or fails.
    pub fn expect(&mut self, wanted: char) -> Parsed<()> {
        if self.take(wanted) { Ok(()) } else { Err(self.unexpected(&format!("`{wanted}`"))) }
    }

    /// Needs white space.
    pub fn expect_blanks(&mut self) -> Parsed<()> {
        let start = self.here;
        if self.blanks() && !matches!(self.peek(), None | Some('\n')) {
            return Ok(());
        }
        self.here = start;
        Err(self.unexpected("white space"))
    }

    /// The longest word here: letters, digits, `_`, with `/`, `.`, `-` inside. `extended` tells whether it has parts
    /// that plain names have not.
    fn word(&mut self) -> Option<(String, Span, bool)> {
        let rest = self.text.get(self.here.at..).unwrap_or_default();
        let first = *rest.first()?;
        if !(first.is_ascii_alphabetic() || first == '_') {
            return None;
        }
        let letter = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
        let plain = rest.iter().take_while(|c| letter(c) || **c == '-').count();
        let mut extended = 0;
        while rest.get(extended).is_some_and(letter) {
            extended += 1;
            let separator = rest.get(extended).is_some_and(|c| matches!(c, '/' | '.' | '-'));
            if separator && rest.get(extended + 1).is_some_and(letter) {
                extended += 1;
            }
        }
        let length = plain.max(extended);
        let mark = self.here;
        (0..length).for_each(|_| self.next());
        Some((self.text_from(mark), self.span_from(mark), extended > plain))
    }

    /// The keyword here, without moving.
    pub fn peek_word(&mut self) -> Option<String> {
        let mark = self.here;
        let word = self.word();
        self.here = mark;
        word.map(|(word, ..)| word)
    }

    /// Takes this keyword if it is the next word.
    pub fn keyword(&mut self, wanted: &str) -> bool {
        let mark = self.here;
        let found = self.word().is_some_and(|(word, ..)| word == wanted);
        if !found {
            self.here = mark;
        }
        found
    }

    /// Takes this keyword or fails.
    pub fn expect_keyword(&mut self, wanted: &str) -> Parsed<()> {
        if self.keyword(wanted) { Ok(()) } else { Err(self.unexpected(&format!("`{wanted}`"))) }
    }

    /// A name of a type or relation.
    pub fn extended_name(&mut self, what: &str) -> Parsed<(String, Span)> {
        self.named(what, true)
    }

    /// A name of a condition or parameter; words of the language are names there, those of types are not.
    pub fn condition_name(&mut self, what: &str) -> Parsed<(String, Span)> {
        let mark = self.here;
        match self.word() {
            Some((word, span, false))
                if ParameterKind::from_dsl(&word).is_none_or(ParameterKind::is_json_only) =>
            {
                Ok((word, span))
            }
            _ => {
                self.here = mark;
                Err(self.unexpected(what))
            }
        }
    }

    /// A name of a module.
    pub fn plain_name(&mut self, what: &str) -> Parsed<(String, Span)> {
        self.named(what, false)
    }

    fn named(&mut self, what: &str, extended_allowed: bool) -> Parsed<(String, Span)> {
        let mark = self.here;
        match self.word() {
            Some((word, span, extended)) if self.may_name(&word, mark) && (extended_allowed || !extended) => {
                Ok((word, span))
            }
            _ => {
                self.here = mark;
                Err(self.unexpected(what))
            }
        }
    }

    fn may_name(&self, word: &str, mark: Mark) -> bool {
        let operator = word == "but" && self.is_but_not(mark);
        !operator && !RESERVED.contains(&word)
    }

    fn is_but_not(&self, mark: Mark) -> bool {
        let rest = self.text.get(mark.at..).unwrap_or_default();
        let wanted = "but not";
        rest.len() >= wanted.len()
            && rest.iter().zip(wanted.chars()).all(|(a, b)| *a == b)
            && !rest.get(wanted.len()).is_some_and(|c| c.is_ascii_alphanumeric() || *c == '_')
    }

    /// Takes `but not`, one word with exactly one space.
    pub fn but_not(&mut self) -> bool {
        let found = self.is_but_not(self.here);
        if found {
            (0.."but not".len()).for_each(|_| self.next());
        }
        found
    }

    /// A version such as `1.1`.
    pub fn version(&mut self) -> Parsed<(String, Span)> {
        let mark = self.here;
        let digits = |cursor: &mut Self| {
            let start = cursor.here.at;
            while cursor.peek().is_some_and(|c| c.is_ascii_digit()) {
                cursor.next();
            }
            cursor.here.at > start
        };
        if digits(self) && self.take('.') && digits(self) {
            return Ok((self.text_from(mark), self.span_from(mark)));
        }
        self.here = mark;
        Err(self.unexpected("a schema version such as `1.1`"))
    }

    /// Moves to the `}` that ends a condition. Only pieces of expressions may stand before it; one in a string literal or
    /// comment does not end the condition.
    pub fn condition_body(&mut self) -> Parsed<()> {
        while let Some(c) = self.peek() {
            let next = self.text.get(self.here.at + 1).copied();
            match c {
                '}' => break,
                '"' | '\'' => self.string_literal()?,
                '/' if next == Some('/') => {
                    while !matches!(self.peek(), None | Some('\n')) {
                        self.next();
                    }
                }
                '&' | '|' if next == Some(c) => {
                    self.next();
                    self.next();
                }
                '=' if next == Some('=') => {
                    self.next();
                    self.next();
                }
                '!' | '<' | '>' if next == Some('=') => {
                    self.next();
                    self.next();
                }
                '$' | ';' | '@' | '\\' | '^' | '`' | '~' | '&' | '|' | '=' => {
                    return Err(self.unexpected("an expression"));
                }
                c if !c.is_ascii() || (c.is_ascii_control() && !c.is_ascii_whitespace()) => {
                    return Err(self.unexpected("an expression"));
                }
                _ => self.next(),
            }
        }
        Ok(())
    }

    /// A string of CEL: in quotes or triple quotes, with escapes unless an `r` stands before it.
    fn string_literal(&mut self) -> Parsed<()> {
        let start = self.here;
        let quote = self.peek();
        let before = |back: usize| {
            start.at.checked_sub(back).and_then(|at| self.text.get(at)).map(char::to_ascii_lowercase)
        };
        let raw = before(1) == Some('r') || (before(1) == Some('b') && before(2) == Some('r'));
        let triple = (0..3).all(|i| self.text.get(start.at + i).copied() == quote);
        (0..if triple { 3 } else { 1 }).for_each(|_| self.next());
        while let Some(c) = self.peek() {
            let closes = (0..3).all(|i| self.text.get(self.here.at + i).copied() == quote);
            match c {
                '\\' if !raw => {
                    self.next();
                    if !self.peek().is_some_and(|c| "abfnrtvxXuU0123\\'\"`?".contains(c)) {
                        break;
                    }
                    self.next();
                }
                '\n' if !triple => break,
                c if Some(c) == quote && (!triple || closes) => {
                    (0..if triple { 3 } else { 1 }).for_each(|_| self.next());
                    return Ok(());
                }
                _ => self.next(),
            }
        }
        self.here = start;
        Err(self.unexpected("a string literal that ends"))
    }

    /// A finding about what stands here.
    pub fn unexpected(&self, wanted: &str) -> Diagnostic {
        let rest = self.text.get(self.here.at..).unwrap_or_default();
        let (found, length) = match rest.first() {
            None => ("the end of the text".to_owned(), 1),
            Some('\n') => ("the end of the line".to_owned(), 1),
            Some(c) if c.is_ascii_alphanumeric() || *c == '_' => {
                let word: String =
                    rest.iter().take_while(|c| c.is_ascii_alphanumeric() || **c == '_').take(60).collect();
                (format!("`{word}`"), word.chars().count())
            }
            Some(c) => (format!("`{c}`"), 1),
        };
        let span = Span::new(self.here.line, self.here.column, self.here.column + length);
        Diagnostic::new(
            Category::Syntax,
            found.trim_matches('`'),
            format!("unexpected {found}, expected {wanted}"),
        )
        .at(Some(span))
    }
}
