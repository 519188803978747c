//! Regular expressions as Kubernetes writes them: Go's RE2 dialect, compiled within a size limit.
//!
//! The `regex` crate has the same guarantees as RE2 (linear time, no back references) and almost the same dialect. Two
//! differences change answers and are translated: Perl classes are ASCII in RE2, and `[`, `&&`, `--`, `~~` inside a class
//! are ordinary characters there.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

use regex::{Regex, RegexBuilder};
use thiserror::Error;

/// Bytes of a pattern's text; longer ones are refused before they are parsed.
pub const PATTERN_LENGTH_MAX: usize = 16 * 1024;
/// Bytes of a compiled program; `(a{1000}){1000}` ends here.
const PROGRAM_SIZE_MAX: usize = 2 * 1024 * 1024;
/// Times that `{n}` may repeat, as in Go.
const REPEAT_MAX: u64 = 1000;
/// Group nesting of a pattern.
const NEST_MAX: u32 = 200;
/// Compiled patterns that are remembered by text; the map is emptied when full.
const REMEMBERED_MAX: usize = 4096;

/// Why a pattern cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PatternError {
    /// The text is longer than [`PATTERN_LENGTH_MAX`].
    #[error("pattern of {length} bytes is longer than {PATTERN_LENGTH_MAX} bytes")]
    TooLong {
        /// Bytes of the text.
        length: usize,
    },
    /// The text is no regular expression, or its program would be too large.
    #[error("{0}")]
    Syntax(String),
}

/// A compiled pattern; cheap to clone and shared by all who compile the same text.
#[derive(Debug, Clone)]
pub struct Pattern {
    regex: Arc<Regex>,
    text: Arc<str>,
}

static REMEMBERED: LazyLock<Mutex<HashMap<Arc<str>, Pattern>>> = LazyLock::new(Mutex::default);

impl Pattern {
    /// Compiles `text`, or hands out the same pattern compiled before.
    ///
    /// # Errors
    /// [`PatternError`] when the text is too long, malformed, or compiles to too large a program.
    pub fn compile(text: &str) -> Result<Self, PatternError> {
        if text.len() > PATTERN_LENGTH_MAX {
            return Err(PatternError::TooLong { length: text.len() });
        }
        if let Ok(known) = REMEMBERED.lock()
            && let Some(pattern) = known.get(text)
        {
            return Ok(pattern.clone());
        }
        if let Some(count) = repeats_too_often(text) {
            return Err(PatternError::Syntax(format!("invalid repeat count: `{{{count}}}`")));
        }
        let regex = RegexBuilder::new(&translate(text))
            .size_limit(PROGRAM_SIZE_MAX)
            .dfa_size_limit(PROGRAM_SIZE_MAX)
            .nest_limit(NEST_MAX)
            .build()
            .map_err(|error| PatternError::Syntax(last_line(&error.to_string())))?;
        let pattern = Self { regex: Arc::new(regex), text: text.into() };
        if let Ok(mut known) = REMEMBERED.lock() {
            if known.len() >= REMEMBERED_MAX {
                known.clear();
            }
            known.insert(pattern.text.clone(), pattern.clone());
        }
        Ok(pattern)
    }

    /// Whether some part of `value` matches (anchors are the pattern's own).
    #[must_use]
    pub fn is_match(&self, value: &str) -> bool {
        self.regex.is_match(value)
    }

    /// The text the pattern was written as.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The compiled expression, for find and replace.
    #[must_use]
    pub fn regex(&self) -> &Regex {
        &self.regex
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// The parser's report ends with the reason; the lines before it draw the pattern.
fn last_line(report: &str) -> String {
    let line = report.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("malformed pattern");
    line.trim().trim_start_matches("error: ").to_owned()
}

/// A count in braces that is above what Go allows.
fn repeats_too_often(text: &str) -> Option<&str> {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(count, _)| count).find(|count| {
        let numbers = count.bytes().all(|b| b.is_ascii_digit() || b == b',');
        numbers && count.split(',').any(|n| n.len() > 4 || n.parse::<u64>().is_ok_and(|n| n > REPEAT_MAX))
    })
}

/// Go's dialect in the dialect of the `regex` crate.
fn translate(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut chars = text.chars().peekable();
    let mut in_class = false;
    let mut class_start = false;
    while let Some(c) = chars.next() {
        let first_of_class = std::mem::take(&mut class_start);
        match c {
            '\\' => match chars.next() {
                Some(escaped) => push_escape(&mut out, escaped, in_class, &mut chars),
                None => out.push('\\'),
            },
            '[' if !in_class => {
                in_class = true;
                class_start = true;
                out.push('[');
                if chars.peek() == Some(&'^') {
                    chars.next();
                    out.push('^');
                }
            }
            '[' if chars.peek() == Some(&':') => {
                out.push('[');
                for c in chars.by_ref() {
                    out.push(c);
                    if c == ']' {
                        break;
                    }
                }
            }
            '[' => out.push_str("\\["),
            ']' if in_class && first_of_class => out.push_str("\\]"),
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            '&' | '~' if in_class => {
                out.push('\\');
                out.push(c);
            }
            '-' if in_class && chars.peek() == Some(&'-') => out.push_str("\\-"),
            other => out.push(other),
        }
    }
    out
}

fn push_escape(
    out: &mut String,
    escaped: char,
    in_class: bool,
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
) {
    let class = match escaped {
        'd' | 'D' => "0-9",
        'w' | 'W' => "0-9A-Za-z_",
        's' | 'S' => r"\t\n\f\r ",
        'b' | 'B' => {
            out.push_str(if escaped == 'b' { r"(?-u:\b)" } else { r"(?-u:\B)" });
            return;
        }
        'Q' => {
            // Literal text until \E.
            while let Some(c) = chars.next() {
                if c == '\\' && chars.peek() == Some(&'E') {
                    chars.next();
                    break;
                }
                out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
            }
            return;
        }
        other => {
            out.push('\\');
            out.push(other);
            return;
        }
    };
    match (escaped.is_uppercase(), in_class) {
        (false, true) => out.push_str(class),
        (false, false) => {
            out.push('[');
            out.push_str(class);
            out.push(']');
        }
        (true, _) => {
            out.push_str("[^");
            out.push_str(class);
            out.push(']');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, yes: &[&str], no: &[&str]) {
        let pattern = Pattern::compile(pattern).unwrap();
        for value in yes {
            assert!(pattern.is_match(value), "`{}` should match {value:?}", pattern.text());
        }
        for value in no {
            assert!(!pattern.is_match(value), "`{}` should not match {value:?}", pattern.text());
        }
    }

    #[test]
    fn patterns_mean_what_they_mean_in_go() {
        check(
            r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(:[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
            &["root:orgs"],
            &["Root", "a:"],
        );
        check(r"^\d+$", &["12"], &["٣"]);
        check(r"^\w$", &["_"], &["é"]);
        check(r"^[\w.]+$", &["a.b"], &["é"]);
        check(r"^[a[b]+$", &["[ab"], &["c"]);
        check(r"^[]a]+$", &["]a"], &["b"]);
        check(r"^[^]]+$", &["a"], &["]"]);
        check(r"^[a&&b]+$", &["a&b"], &["c"]);
        check(r"^[[:alpha:]]+$", &["ab"], &["1"]);
        check(r"\Qa.b\E", &["a.b"], &["acb"]);
    }

    #[test]
    fn bad_and_huge_patterns_are_refused_quickly() {
        for text in ["(", "a{100000}", "(((a{100}){100}){100}){100}", r"(a)\1", "(?=a)"] {
            assert!(Pattern::compile(text).is_err(), "{text}");
        }
        assert!(Pattern::compile(&"(".repeat(10_000)).is_err());
        assert!(Pattern::compile(&"a".repeat(PATTERN_LENGTH_MAX + 1)).is_err());
    }
}
