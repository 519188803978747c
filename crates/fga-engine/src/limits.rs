//! Limits of the engine, with OpenFGA's defaults where not said otherwise.

use std::time::Duration;

use fga_model::ModelLimits;

/// What one call and one store may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Limits of a written model.
    pub model: ModelLimits,
    /// Most keys of one write.
    pub write_keys_max: usize,
    /// Most contextual tuples of one question.
    pub contextual_max: usize,
    /// Tuple hops after which a question fails.
    pub depth_max: u32,
    /// Most (object, relation) pairs that one question visits; beyond it the question fails like a missed deadline.
    pub steps_max: u64,
    /// How long one question is answered (OpenFGA's deadline of requests and lists); it is looked at every thousand
    /// visits, so a question that is answered in microseconds is never late.
    pub time_max: Duration,
    /// Most questions of one batch.
    pub batch_max: usize,
    /// Most entries of one list.
    pub list_results_max: usize,
    /// Most bytes of a tuple's condition context.
    pub condition_context_bytes_max: usize,
    /// Most tuples of one store; OpenFGA has no such limit.
    pub tuples_max: usize,
    /// Changes that a store remembers; older ones are forgotten, oldest first. OpenFGA remembers all.
    pub changes_kept: usize,
    /// By how much ReadChanges hides the newest changes (OpenFGA's horizon offset).
    pub changes_hidden: Duration,
    /// Models that a store remembers besides its latest; older ones are forgotten. OpenFGA remembers all.
    pub models_kept: usize,
    /// Relations of all models that a store remembers, its latest aside; older models are forgotten beyond it.
    pub relations_kept: usize,
    /// Most names of types and relations that a store has ever seen; OpenFGA has no such limit.
    pub model_names_max: usize,
    /// Most stores; OpenFGA has no such limit.
    pub stores_max: usize,
}

impl Default for Limits {
    /// OpenFGA's limits, with room for organisations that bind many kinds (1,000 types, 4 MiB models).
    fn default() -> Self {
        Self { model: ModelLimits::RAISED, ..Self::strict() }
    }
}

impl Limits {
    /// The limits of an OpenFGA server with default settings.
    pub fn strict() -> Self {
        Self {
            model: ModelLimits::OPENFGA,
            write_keys_max: 100,
            contextual_max: 100,
            depth_max: 25,
            steps_max: 1_000_000,
            time_max: Duration::from_secs(3),
            batch_max: 50,
            list_results_max: 1_000,
            condition_context_bytes_max: 32 * 1024,
            tuples_max: 10_000_000,
            changes_kept: 1_000_000,
            changes_hidden: Duration::ZERO,
            models_kept: 1_000,
            relations_kept: 1_000_000,
            model_names_max: 1_000_000,
            stores_max: 100_000,
        }
    }
}
