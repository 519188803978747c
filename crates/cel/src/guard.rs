//! The gate before the parser: bounds length, nesting and chains of an expression by looking at its characters.
//!
//! A recursive-descent parser uses stack for every bracket and every link of a chain such as `a.b.c` or `a + b + c`. Text is
//! cheap to write, so it is measured first. What stands in string literals and comments does not count.

use thiserror::Error;

/// Bytes of an expression.
pub const LENGTH_MAX: usize = 16 * 1024;
/// Brackets that may be open at one place.
pub const BRACKET_DEPTH_MAX: usize = 64;
/// Operators and selectors on the way from the outermost expression to any place in it.
pub const CHAIN_LENGTH_MAX: usize = 1000;

/// Why an expression is refused before it is parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum GuardError {
    /// Longer than [`LENGTH_MAX`].
    #[error("expression of {length} bytes is longer than {LENGTH_MAX} bytes")]
    TooLong {
        /// Bytes of the expression.
        length: usize,
    },
    /// More open brackets than [`BRACKET_DEPTH_MAX`].
    #[error("expression nests brackets more than {BRACKET_DEPTH_MAX} deep")]
    TooDeep,
    /// A longer chain than [`CHAIN_LENGTH_MAX`].
    #[error("expression chains more than {CHAIN_LENGTH_MAX} operators and selectors")]
    ChainTooLong,
    /// A string literal or bracket that never ends, or a bracket that was never opened.
    #[error("expression has an unbalanced bracket or an unterminated string literal")]
    Unbalanced,
}

/// Checks the bounds; what passes may be parsed on a large stack.
///
/// # Errors
/// The bound that the text breaks.
pub fn check(text: &str) -> Result<(), GuardError> {
    if text.len() > LENGTH_MAX {
        return Err(GuardError::TooLong { length: text.len() });
    }
    let bytes = text.as_bytes();
    // One entry per open bracket: the chain outside of it, to go on with after it closes.
    let mut open: Vec<usize> = Vec::new();
    let mut chain = 0usize;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' | b'\'' => {
                at = end_of_string(bytes, at).ok_or(GuardError::Unbalanced)?;
                continue;
            }
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at += bytes[at..].iter().position(|b| *b == b'\n').unwrap_or(bytes.len() - at);
                continue;
            }
            b'(' | b'[' | b'{' => {
                open.push(chain);
                if open.len() > BRACKET_DEPTH_MAX {
                    return Err(GuardError::TooDeep);
                }
                chain += 1;
            }
            b')' | b']' | b'}' => chain = open.pop().ok_or(GuardError::Unbalanced)? + 1,
            b',' => chain = open.last().copied().unwrap_or(0),
            b'.' | b'+' | b'-' | b'*' | b'/' | b'%' | b'!' | b'<' | b'>' | b'=' | b'&' | b'|' | b'?'
            | b':' => {
                chain += 1;
                // Two-character operators are one link.
                if bytes.get(at + 1).is_some_and(|next| matches!(next, b'=' | b'&' | b'|') && byte != b'.') {
                    at += 1;
                }
            }
            b'i' if is_word_in(bytes, at) => chain += 1,
            _ => {}
        }
        if chain > CHAIN_LENGTH_MAX {
            return Err(GuardError::ChainTooLong);
        }
        at += 1;
    }
    if open.is_empty() { Ok(()) } else { Err(GuardError::Unbalanced) }
}

fn is_word_in(bytes: &[u8], at: usize) -> bool {
    let word = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    bytes.get(at + 1) == Some(&b'n') && !word(bytes.get(at + 2)) && (at == 0 || !word(bytes.get(at - 1)))
}

/// The index behind the literal that begins at `at`, with triple quotes, raw and escaped forms.
fn end_of_string(bytes: &[u8], at: usize) -> Option<usize> {
    let quote = bytes[at];
    let prefix = |back: usize| at.checked_sub(back).and_then(|i| bytes.get(i)).map(u8::to_ascii_lowercase);
    let raw = prefix(1) == Some(b'r') || (prefix(1) == Some(b'b') && prefix(2) == Some(b'r'));
    let triple = bytes.get(at + 1) == Some(&quote) && bytes.get(at + 2) == Some(&quote);
    let mut i = at + if triple { 3 } else { 1 };
    while i < bytes.len() {
        match bytes[i] {
            b'\\' if !raw => i += 2,
            b'\n' if !triple => return None,
            b if b == quote && !triple => return Some(i + 1),
            b if b == quote && bytes.get(i + 1) == Some(&quote) && bytes.get(i + 2) == Some(&quote) => {
                return Some(i + 3);
            }
            _ => i += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold_outside_of_literals_only() {
        let cases: [(String, Result<(), GuardError>); 12] = [
            ("self.a == 'b'".to_owned(), Ok(())),
            (format!("self == '{}'", "[".repeat(500)), Ok(())),
            ("self == r'\\' || true".to_owned(), Ok(())),
            (format!("1 // {}", "(".repeat(500)), Ok(())),
            ("x".repeat(LENGTH_MAX + 1), Err(GuardError::TooLong { length: LENGTH_MAX + 1 })),
            ("[".repeat(65), Err(GuardError::TooDeep)),
            ("[".repeat(10_000), Err(GuardError::TooDeep)),
            (format!("a{}", ".b".repeat(1001)), Err(GuardError::ChainTooLong)),
            (format!("a{}", "+1".repeat(1001)), Err(GuardError::ChainTooLong)),
            ("!".repeat(1001), Err(GuardError::ChainTooLong)),
            ("'abc".to_owned(), Err(GuardError::Unbalanced)),
            ("(a))".to_owned(), Err(GuardError::Unbalanced)),
        ];
        for (text, want) in cases {
            assert_eq!(check(&text), want, "{}", &text[..text.len().min(60)]);
        }
        assert_eq!(check(&format!("{}1{}", "(1+".repeat(60), ")".repeat(60))), Ok(()));
    }
}
