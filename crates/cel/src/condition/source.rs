//! Places in the text of an expression.

/// A byte offset into the text.
pub(crate) type At = u32;

/// Line and column, both from one, in characters, and the line itself.
pub(crate) fn locate(text: &str, at: At) -> (usize, usize, &str) {
    let mut end = (at as usize).min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = &text[..end];
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before[start..].chars().count() + 1;
    let source = text[start..].lines().next().unwrap_or_default();
    (line, column, source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_of_the_line() {
        assert_eq!(locate("é + x", 5), (1, 5, "é + x"));
        assert_eq!(locate("a\n  b", 4), (2, 3, "  b"));
        assert_eq!(locate("a\n", 2), (2, 1, ""));
        assert_eq!(locate("é", 1), (1, 1, "é"));
    }
}
