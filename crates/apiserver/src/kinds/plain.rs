//! The strategy of built-in kinds without rules of their own.

use crate::strategy::ResourceStrategy;

/// Unconditional updates are allowed; generation is counted or not.
pub(super) struct BuiltIn {
    counts: bool,
}

impl BuiltIn {
    /// A kind whose changes are counted.
    pub(super) fn counted() -> Self {
        Self { counts: true }
    }

    /// A kind whose changes are not counted.
    pub(super) fn uncounted() -> Self {
        Self { counts: false }
    }
}

impl ResourceStrategy for BuiltIn {
    fn allows_unconditional_update(&self) -> bool {
        true
    }

    fn counts_generation(&self) -> bool {
        self.counts
    }
}
