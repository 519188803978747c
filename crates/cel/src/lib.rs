//! CEL behind a guard.
mod pattern;
pub use pattern::{PATTERN_LENGTH_MAX, Pattern, PatternError};
