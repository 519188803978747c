//! Where a name stands in a line, as OpenFGA's authoring tools look for it.

/// Which occurrence of a name is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Search {
    /// The first one that stands as a word.
    Word,
    /// The first word behind the first colon: in the definition, not in the defined name.
    Definition,
    /// The first text behind the first `from`.
    From,
}

impl Search {
    /// The column of the occurrence, in characters.
    pub(super) fn find(self, line: &str, symbol: &str) -> Option<usize> {
        let line: Vec<char> = line.chars().collect();
        let symbol: Vec<char> = symbol.chars().collect();
        match self {
            Search::Word => word(&line, &symbol),
            Search::Definition => {
                let start = line.iter().position(|c| *c == ':')? + 1;
                let length = line.get(start..)?.iter().take_while(|c| **c != ':').count();
                word(line.get(start..start + length)?, &symbol).map(|column| start + column)
            }
            Search::From => {
                let from: Vec<char> = "from".chars().collect();
                let start = position(&line, &from, |_| true)? + from.len();
                position(line.get(start..)?, &symbol, |_| true).map(|column| start + column)
            }
        }
    }
}

/// The first occurrence between word boundaries.
fn word(line: &[char], symbol: &[char]) -> Option<usize> {
    // A wildcard is no part of the word.
    let symbol = symbol.strip_suffix(&[':', '*']).unwrap_or(symbol);
    let is_word = |c: Option<&char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || *c == '_');
    position(line, symbol, |at| {
        let end = at + symbol.len();
        is_word(at.checked_sub(1).and_then(|before| line.get(before))) != is_word(symbol.first())
            && is_word(line.get(end)) != is_word(symbol.last())
    })
}

fn position(line: &[char], wanted: &[char], fits: impl Fn(usize) -> bool) -> Option<usize> {
    if wanted.is_empty() {
        return None;
    }
    (0..line.len()).find(|at| line.get(*at..at + wanted.len()) == Some(wanted) && fits(*at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fgm_11_names_are_found_as_words() {
        let line = "    define a-b: [user, user:*, b#c] or ab from abc";
        let cases = [
            (Search::Word, "b", Some(13)),
            (Search::Word, "ab", Some(39)),
            (Search::Word, "user:*", Some(17)),
            (Search::Word, "b#c", Some(31)),
            (Search::Word, "use", None),
            (Search::Definition, "user", Some(17)),
            (Search::Definition, "define", None),
            (Search::From, "ab", Some(47)),
            (Search::From, "user", None),
        ];
        for (search, symbol, want) in cases {
            assert_eq!(search.find(line, symbol), want, "{symbol}");
        }
    }
}
