//! What holds for every object. A law answers with what it saw where it does not hold.

mod claims; // the algebra of claims
mod conversion; // between the versions
mod derived; // hashes, labels and names made of them
mod lossless; // reading and writing
mod names; // the grammar of paths and names

pub use claims::claims_form_an_algebra;
pub use conversion::{
    a_change_in_the_older_version_widens_nothing, any_json_converts_or_is_refused, conversion_is_the_identity,
};
pub use derived::derived_names_are_what_their_rules_say;
pub use lossless::{a_change_merges_alone, nothing_is_lost};
pub use names::names_follow_their_grammar;

/// Nothing, or what broke the law.
pub type Outcome = Result<(), String>;

/// The law holds, or this is why it does not.
fn holds(condition: bool, why: impl FnOnce() -> String) -> Outcome {
    if condition { Ok(()) } else { Err(why()) }
}

/// Both are equal, or this is how they differ.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Outcome {
    holds(found == expected, || format!("{what}: found {found:?}, expected {expected:?}"))
}
