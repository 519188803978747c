//! The cost of evaluations: a bound per expression and one per object, in the units of Kubernetes.

use crate::eval::{Fault, Result};

/// Units that one evaluation of one expression may cost.
pub const CALL_COST_MAX: u64 = 1_000_000;
/// Units that all expressions over one object of one request may cost.
pub const OBJECT_COST_MAX: u64 = 10_000_000;

/// What all expressions over one object may still cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    left: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { left: OBJECT_COST_MAX }
    }
}

impl Budget {
    /// A budget of `units`.
    #[must_use]
    pub fn of(units: u64) -> Self {
        Self { left: units }
    }

    /// Units that are left.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Takes units away, down to none.
    pub fn spend(&mut self, units: u64) {
        self.left = self.left.saturating_sub(units);
    }
}

/// The meter of one evaluation.
#[derive(Debug)]
pub(crate) struct Meter {
    left: u64,
    given: u64,
}

impl Meter {
    pub(crate) fn new(units: u64) -> Self {
        Self { left: units, given: units }
    }

    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    pub(crate) fn spent(&self) -> u64 {
        self.given - self.left
    }

    pub(crate) fn charge(&mut self, units: u64) -> Result<()> {
        match self.left.checked_sub(units) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                self.left = 0;
                Err(Fault::OverBudget)
            }
        }
    }

    /// Going over or copying strings costs a tenth of a unit per byte.
    pub(crate) fn charge_bytes(&mut self, bytes: usize) -> Result<()> {
        self.charge(bytes as u64 / 10 + 1)
    }
}
