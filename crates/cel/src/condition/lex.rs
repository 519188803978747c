//! From text to tokens.

use super::{literal, source::At};

/// What stands at one place of the text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    Ident(String),
    True,
    False,
    Null,
    In,
    /// Digits as written: sign and range are the parser's matter.
    Int(String),
    Uint(u64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    /// Brackets, operators, separators.
    Mark(&'static str),
    End,
}

/// Why the text is not made of tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LexError {
    pub(crate) at: At,
    pub(crate) message: String,
}

/// Two-character marks come first, so that the longest one is taken.
const MARKS: [&str; 24] = [
    "==", "!=", "<=", ">=", "&&", "||", "(", ")", "[", "]", "{", "}", ".", ",", "?", ":", "+", "-", "*", "/",
    "%", "!", "<", ">",
];

/// Cuts `text` into tokens with their places; the last one is [`Token::End`].
pub(crate) fn lex(text: &str) -> Result<Vec<(Token, At)>, LexError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if matches!(c, ' ' | '\t' | '\r' | '\n' | '\u{c}') {
            at += 1;
        } else if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else {
            let (token, length) =
                token(rest, c).map_err(|(offset, message)| LexError { at: (at + offset) as At, message })?;
            tokens.push((token, at as At));
            at += length;
        }
    }
    tokens.push((Token::End, text.len() as At));
    Ok(tokens)
}

type Lexed = Result<(Token, usize), (usize, String)>;

fn token(rest: &str, c: char) -> Lexed {
    if let Some(prefix) = literal::string_prefix(rest) {
        return literal::string(rest, prefix);
    }
    if c.is_ascii_alphabetic() || c == '_' {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let word = &rest[..end];
        let token = match word {
            "true" => Token::True,
            "false" => Token::False,
            "null" => Token::Null,
            "in" => Token::In,
            _ => Token::Ident(word.to_owned()),
        };
        return Ok((token, end));
    }
    let digit_follows = rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    if c.is_ascii_digit() || (c == '.' && digit_follows) {
        return literal::number(rest);
    }
    match MARKS.iter().find(|mark| rest.starts_with(**mark)) {
        Some(mark) => Ok((Token::Mark(mark), mark.len())),
        None => Err((0, format!("`{}` is no part of an expression", c.escape_default()))),
    }
}
