//! The answer of an authorization stage, as a value that carries its grounds.
//!
//! Never decides anything: stages build a [`Verdict`], chains combine them with [`Trace`], edges print them.
//!
//! ```
//! use verdict::{Decision, Stage, Trace, Verdict};
//!
//! let mut trace = Trace::new();
//! trace.record(Verdict::no_opinion(Stage::LocalPolicy, "no role grants `get` on `buckets`"));
//! trace.record(Verdict::allow(Stage::Relationships, "owner of the account"));
//! assert_eq!(trace.outcome().decision, Decision::Allow);
//! ```

mod decision; // allow, deny, no opinion, and who said so
mod grounds; // why: a rule, a path of relations, a plain sentence
mod missing; // the single fact that would turn a refusal
mod trace; // the verdicts of a chain, in order

pub use decision::{Decision, Stage, Verdict};
pub use grounds::{PolicyRule, Reason, RelationStep};
pub use missing::{MISSING_ANNOTATION, Missing};
pub use trace::Trace;
