//! The verdicts of a chain, in the order in which they were given.

use serde::{Deserialize, Serialize};

use crate::{Decision, Stage, Verdict};

/// What every stage of a chain said about one request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// The verdicts, first stage first.
    pub verdicts: Vec<Verdict>,
}

impl Trace {
    /// An empty trace.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a verdict and tells whether the chain ends with it.
    pub fn record(&mut self, verdict: Verdict) -> bool {
        let ends = verdict.is_decisive();
        self.verdicts.push(verdict);
        ends
    }

    /// The verdict that counts: the first decisive one, else the most telling refusal (the last that names a
    /// missing fact), else the last, else no opinion of an empty chain.
    pub fn outcome(&self) -> Verdict {
        self.verdicts
            .iter()
            .find(|v| v.is_decisive())
            .or_else(|| self.verdicts.iter().rev().find(|v| v.missing.is_some()))
            .or_else(|| self.verdicts.last())
            .cloned()
            .unwrap_or_else(|| {
                Verdict::new(Decision::NoOpinion, Stage::Other("chain".into()), "no stage was asked")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Missing;

    #[test]
    fn auz_01_first_decisive_verdict_is_the_outcome() {
        let mut trace = Trace::new();
        assert!(!trace.record(Verdict::no_opinion(Stage::LocalPolicy, "none")));
        assert!(trace.record(Verdict::deny(Stage::Webhook, "no")));
        trace.record(Verdict::allow(Stage::Relationships, "too late"));
        assert_eq!(trace.outcome().stage, Stage::Webhook);
    }

    #[test]
    fn auz_01_refusal_that_names_a_missing_fact_wins_over_silence() {
        let mut trace = Trace::new();
        let fact = Missing::relation("doc:1", "viewer", "user:bob");
        trace.record(Verdict::no_opinion(Stage::Relationships, "no path").missing(fact.clone()));
        trace.record(Verdict::no_opinion(Stage::LocalPolicy, "no rule"));
        assert_eq!(trace.outcome().missing, Some(fact));
        assert!(!trace.outcome().is_allow());
    }

    #[test]
    fn auz_01_fault_is_never_an_allow_and_survives_the_wire() -> Result<(), serde_json::Error> {
        let fault = Verdict::fault(Stage::Webhook, "connection refused");
        assert_eq!(fault.decision, Decision::NoOpinion);
        let text = serde_json::to_string(&fault)?;
        assert_eq!(serde_json::from_str::<Verdict>(&text)?, fault);
        Ok(())
    }
}
