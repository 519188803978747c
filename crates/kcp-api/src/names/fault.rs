//! What is wrong with a name, where, and what was probably meant.

use std::fmt;

/// A name that breaks its rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameError {
    what: &'static str,
    input: String,
    part: String,
    at: usize,
    fault: NameFault,
    meant: Option<String>,
}

/// How a name breaks its rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NameFault {
    /// Nothing is there.
    Empty,
    /// A letter in upper case.
    UpperCase(char),
    /// A character that no name may have.
    Character(char),
    /// A hyphen at the beginning or the end.
    OuterHyphen,
    /// More characters than allowed.
    TooLong {
        /// The length found, in characters.
        len: usize,
        /// The longest allowed.
        len_max: usize,
    },
    /// Fewer characters than needed.
    TooShort {
        /// The shortest allowed.
        len_min: usize,
    },
    /// A path where a single name is needed.
    IsAPath,
    /// A name without the type or cluster that must stand beside it.
    NoColon,
}

impl NameError {
    pub(super) fn new(what: &'static str, input: &str, part: &str, at: usize, fault: NameFault) -> Self {
        Self { what, input: shorten(input), part: shorten(part), at, fault, meant: None }
    }

    pub(super) fn meant(mut self, meant: Option<String>) -> Self {
        self.meant = meant.filter(|meant| meant.len() < 200);
        self
    }

    /// How the rule is broken.
    pub fn fault(&self) -> NameFault {
        self.fault
    }

    /// The part of the name that breaks the rule.
    pub fn part(&self) -> &str {
        &self.part
    }

    /// Where that part begins in the input, in bytes from 0.
    pub fn at(&self) -> usize {
        self.at
    }

    /// What was probably meant.
    pub fn suggestion(&self) -> Option<&str> {
        self.meant.as_deref()
    }

    /// The next step.
    pub fn help(&self) -> String {
        let rule = match self.what {
            "cluster name" => "a cluster name has 2 to 63 of a-z, 0-9, `-`, and no `-` at its ends",
            "initializer name" => "an initializer is `<cluster name>:<type name>` or begins with `system:`",
            _ => "each part is a DNS label (a-z, 0-9, `-`)",
        };
        match &self.meant {
            Some(meant) => format!("did you mean `{meant}`? {rule}"),
            None => rule.to_owned(),
        }
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, input, part, at, fault, .. } = self;
        write!(f, "{what} `{input}` is not valid: ")?;
        match (part.is_empty(), part == input) {
            (true, _) => write!(f, "the part at character {at} ")?,
            (false, true) => f.write_str("it ")?,
            (false, false) => write!(f, "`{part}` ")?,
        }
        match fault {
            NameFault::Empty => f.write_str("is empty"),
            NameFault::UpperCase(letter) => write!(f, "has the upper-case letter `{letter}`"),
            NameFault::Character(character) => write!(f, "has the character {character:?}"),
            NameFault::OuterHyphen => f.write_str("begins or ends with `-`"),
            NameFault::TooLong { len, len_max } => write!(f, "has {len} characters, more than {len_max}"),
            NameFault::TooShort { len_min } => write!(f, "has fewer than {len_min} characters"),
            NameFault::IsAPath => f.write_str("is a path, not the name of one logical cluster"),
            NameFault::NoColon => f.write_str("has no `:` between cluster and type"),
        }
    }
}

impl std::error::Error for NameError {}

/// Names come from clients: keep a bounded piece of them.
fn shorten(text: &str) -> String {
    const LEN_MAX: usize = 120;
    let mut short: String = text.chars().take(LEN_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// Checks one DNS label of at most 63 characters.
pub(super) fn label_fault(part: &str) -> Option<NameFault> {
    if part.is_empty() {
        return Some(NameFault::Empty);
    }
    for character in part.chars() {
        match character {
            'a'..='z' | '0'..='9' | '-' => {}
            'A'..='Z' => return Some(NameFault::UpperCase(character)),
            other => return Some(NameFault::Character(other)),
        }
    }
    if part.len() > super::NAME_LEN_MAX {
        return Some(NameFault::TooLong { len: part.len(), len_max: super::NAME_LEN_MAX });
    }
    (part.starts_with('-') || part.ends_with('-')).then_some(NameFault::OuterHyphen)
}

/// The label that was probably meant: lower case, other characters as `-`, none outside.
pub(super) fn repaired_label(part: &str) -> Option<String> {
    let lower: String = part
        .chars()
        .take(super::NAME_LEN_MAX)
        .map(|c| c.to_ascii_lowercase())
        .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' })
        .collect();
    let repaired = lower.trim_matches('-').to_owned();
    label_fault(&repaired).is_none().then_some(repaired)
}
