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
/// Bytes of a program that counts as small: so many of them are remembered that only small ones may be.
const SMALL_PROGRAM_MAX: usize = 64 * 1024;
/// Compiled patterns that are remembered by text, small and large ones; a map is emptied when full.
const REMEMBERED_MAX: [usize; 2] = [1024, 32];

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

type Remembered = Mutex<HashMap<Arc<str>, Pattern>>;

/// Small patterns and large ones.
static REMEMBERED: LazyLock<[Remembered; 2]> = LazyLock::new(Default::default);

impl Pattern {
    /// Compiles `text`, or hands out the same pattern compiled before.
    ///
    /// # Errors
    /// [`PatternError`] when the text is too long, malformed, or compiles to too large a program.
    pub fn compile(text: &str) -> Result<Self, PatternError> {
        if text.len() > PATTERN_LENGTH_MAX {
            return Err(PatternError::TooLong { length: text.len() });
        }
        for known in REMEMBERED.iter() {
            if let Ok(known) = known.lock()
                && let Some(pattern) = known.get(text)
            {
                return Ok(pattern.clone());
            }
        }
        if let Some(count) = repeats_too_often(text) {
            return Err(PatternError::Syntax(format!("invalid repeat count: `{{{count}}}`")));
        }
        if let Some(fault) = refused_by_go(text) {
            return Err(PatternError::Syntax(fault));
        }
        let translated = translate(text);
        let build = |size: usize| {
            RegexBuilder::new(&translated).size_limit(size).dfa_size_limit(size).nest_limit(NEST_MAX).build()
        };
        let (built, shelf) = match build(SMALL_PROGRAM_MAX) {
            Err(regex::Error::CompiledTooBig(_)) => (build(PROGRAM_SIZE_MAX), 1),
            built => (built, 0),
        };
        let regex = built.map_err(|error| PatternError::Syntax(last_line(&error.to_string())))?;
        let pattern = Self { regex: Arc::new(regex), text: text.into() };
        if let Some((known, most)) = REMEMBERED.iter().zip(REMEMBERED_MAX).nth(shelf)
            && let Ok(mut known) = known.lock()
        {
            if known.len() >= most {
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

/// What the `regex` crate reads and Go does not: repetitions of repetitions, its own flags and escapes.
fn refused_by_go(text: &str) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut at = 0;
    let mut in_class = false;
    // Whether a repetition ends here, and whether it is already marked as a lazy one.
    let (mut repeated, mut lazy) = (false, false);
    while let Some(c) = chars.get(at).copied() {
        let rest = chars.get(at + 1..).unwrap_or_default();
        let counted = rest.iter().position(|c| *c == '}').filter(|end| {
            let digits = rest.get(..*end).unwrap_or_default();
            digits.first().is_some_and(char::is_ascii_digit)
                && digits.iter().all(|c| c.is_ascii_digit() || *c == ',')
                && digits.iter().filter(|c| **c == ',').count() <= 1
        });
        match c {
            '\\' => {
                if matches!(rest.first(), Some('u' | 'U' | '<' | '>'))
                    || (matches!(rest.first(), Some('b' | 'B')) && rest.get(1) == Some(&'{') && !in_class)
                {
                    return Some(format!("invalid escape sequence: `\\{}`", rest.first()?));
                }
                if rest.first() == Some(&'Q') {
                    let end = rest.windows(2).position(|two| two == ['\\', 'E']).unwrap_or(rest.len());
                    at += end;
                }
                (repeated, lazy) = (false, false);
                at += 1;
            }
            '[' if !in_class => {
                in_class = true;
                // A bracket that comes first is a member.
                at += usize::from(rest.first() == Some(&'^'));
                at += usize::from(chars.get(at + 1) == Some(&']'));
            }
            ']' if in_class => (in_class, repeated, lazy) = (false, false, false),
            _ if in_class => {}
            '(' if rest.first() == Some(&'?') => {
                let flags: String =
                    rest.iter().skip(1).take_while(|c| c.is_ascii_alphabetic() || **c == '-').collect();
                let named = flags.starts_with('P');
                if !named && flags.contains(|c: char| !"imsU-".contains(c)) {
                    return Some(format!("invalid or unsupported syntax: `(?{flags}`"));
                }
                (repeated, lazy) = (false, false);
                at += 1;
            }
            '?' if repeated && !lazy => lazy = true,
            '*' | '+' | '?' if repeated => return Some(format!("invalid nested repetition operator: `{c}`")),
            '*' | '+' | '?' => repeated = true,
            '{' if counted.is_some() => {
                if repeated {
                    return Some("invalid nested repetition operator: `{`".to_owned());
                }
                repeated = true;
                at += counted? + 1;
            }
            _ => (repeated, lazy) = (false, false),
        }
        at += 1;
    }
    None
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
            // A brace that counts nothing is itself.
            '{' if !in_class && !counts(chars.clone()) => out.push_str("\\{"),
            other => out.push(other),
        }
    }
    out
}

/// Whether a count such as `2}`, `2,}` or `2,3}` follows.
fn counts(mut rest: std::iter::Peekable<std::str::Chars<'_>>) -> bool {
    let mut commas = 0;
    let mut digits = 0;
    loop {
        match rest.next() {
            Some('0'..='9') => digits += 1,
            Some(',') if digits > 0 && commas == 0 => commas += 1,
            Some('}') => return digits > 0,
            _ => return false,
        }
    }
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
        check(r"^a*?b+?c{1,2}?$", &["abc", "bcc"], &["ac"]);
        check(r"^(a*)*(?i:B)(?P<n>c)[*+?{2}]+$", &["aabc**", "bc?"], &["abc"]);
        check(r"^\Qa**\E[]*]*$", &["a**", "a**]*"], &["aa"]);
        check(r"^a{,2}\**$", &["a{,2}*"], &["aa"]);
    }

    #[test]
    fn bad_and_huge_patterns_are_refused_quickly() {
        for text in [
            "(",
            "a{100000}",
            "(((a{100}){100}){100}){100}",
            r"(a)\1",
            "(?=a)",
            "a**",
            "a*+",
            "a{2}{3}",
            "a*??",
            "(?x)a",
            r"\u{61}",
            r"\<a",
        ] {
            assert!(Pattern::compile(text).is_err(), "{text}");
        }
        assert!(Pattern::compile(&"(".repeat(10_000)).is_err());
        assert!(Pattern::compile(&"a".repeat(PATTERN_LENGTH_MAX + 1)).is_err());
    }
}
