//! Conditions of subroutines and of the whole object, on the JSON of `status.conditions`.
//!
//! The order is the order of insertion, conditions of others stay, and the transition time moves only with the status: a pass that changes
//! nothing writes nothing.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Outcome;

/// Status and reason of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) status: &'static str,
    pub(crate) reason: &'static str,
}

pub(crate) const COMPLETE: Verdict = Verdict { status: "True", reason: "Complete" };
pub(crate) const PENDING: Verdict = Verdict { status: "Unknown", reason: "Pending" };
pub(crate) const STOPPED: Verdict = Verdict { status: "False", reason: "Stopped" };
pub(crate) const ERROR: Verdict = Verdict { status: "False", reason: "Error" };
const UNKNOWN: Verdict = Verdict { status: "Unknown", reason: "Unknown" };

pub(crate) const READY: &str = "Ready";

/// The condition of a subroutine that did not fail.
pub(crate) fn of_outcome(outcome: &Outcome) -> (Verdict, &str) {
    match outcome {
        Outcome::Continue { .. } => (COMPLETE, ""),
        Outcome::Pending { why, .. } => (PENDING, why),
        Outcome::Stop { why, .. } => (STOPPED, why),
        Outcome::SkipRest { ready: true, .. } => (COMPLETE, ""),
        Outcome::SkipRest { ready: false, why } => (STOPPED, why),
        Outcome::Skipped { why } => (Verdict { status: "True", reason: "Skipped" }, why),
    }
}

/// The condition of a subroutine behind one that skipped the rest.
pub(crate) fn skipped_by(ready: bool) -> Verdict {
    Verdict { status: if ready { "True" } else { "False" }, reason: "Skipped" }
}

/// The message of `Ready`.
pub(crate) fn ready_message(verdict: Verdict) -> &'static str {
    match verdict.reason {
        "Complete" => "all subroutines completed successfully",
        "Error" => "one or more subroutines encountered an error",
        "Stopped" => "one or more subroutines stopped the chain",
        _ => "one or more subroutines are pending",
    }
}

/// The conditions of one object during one pass.
pub(crate) struct Conditions {
    list: Vec<Value>,
    generation: Option<i64>,
    now: String,
}

impl Conditions {
    /// Starts from what the object holds.
    pub(crate) fn new(object: &Value, generation: Option<i64>, now: Timestamp) -> Self {
        let list =
            object.pointer("/status/conditions").and_then(Value::as_array).cloned().unwrap_or_default();
        // Kubernetes timestamps have whole seconds.
        let now = Timestamp::from_second(now.as_second()).unwrap_or(Timestamp::UNIX_EPOCH).to_string();
        Conditions { list, generation, now }
    }

    pub(crate) fn into_list(self) -> Vec<Value> {
        self.list
    }

    /// Adds an unknown condition unless there is one of this type.
    pub(crate) fn await_first(&mut self, type_: &str) {
        if self.find(type_).is_none() {
            let message = format!("awaiting first reconciliation for {type_}");
            self.set(type_, UNKNOWN, &message);
        }
    }

    /// Sets a condition; the transition time moves only when the status changes.
    pub(crate) fn set(&mut self, type_: &str, verdict: Verdict, message: &str) {
        let mut new = Map::from_iter([
            ("type".to_owned(), json!(type_)),
            ("status".to_owned(), json!(verdict.status)),
            ("reason".to_owned(), json!(verdict.reason)),
            ("message".to_owned(), json!(message)),
            ("lastTransitionTime".to_owned(), json!(self.now)),
        ]);
        if let Some(generation) = self.generation {
            new.insert("observedGeneration".to_owned(), json!(generation));
        }
        match self.find(type_) {
            None => self.list.push(Value::Object(new)),
            Some(at) => {
                let old = &self.list[at];
                if old["status"] == verdict.status
                    && let Some(since) = old.get("lastTransitionTime").filter(|since| !since.is_null())
                {
                    new.insert("lastTransitionTime".to_owned(), since.clone());
                }
                self.list[at] = Value::Object(new);
            }
        }
    }

    fn find(&self, type_: &str) -> Option<usize> {
        self.list.iter().position(|condition| condition["type"] == type_)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transition_time_moves_with_the_status_only() {
        let object = json!({"status": {"conditions": [
            {"type": "Other", "status": "True", "reason": "R", "message": "", "lastTransitionTime": "2020-01-01T00:00:00Z"},
            {"type": "Ready", "status": "Unknown", "reason": "Unknown", "message": "", "lastTransitionTime": "2020-01-01T00:00:00Z"},
        ]}});
        let now = "2024-05-06T07:08:09.5Z".parse().unwrap();
        let mut conditions = Conditions::new(&object, Some(3), now);
        conditions.set(READY, PENDING, "waits");
        conditions.await_first("Workspace");
        let list = conditions.into_list();
        assert_eq!(list[0], object["status"]["conditions"][0], "conditions of others stay");
        assert_eq!(list[1]["lastTransitionTime"], "2020-01-01T00:00:00Z");
        assert_eq!((&list[1]["reason"], &list[1]["observedGeneration"]), (&json!("Pending"), &json!(3)));
        assert_eq!(list[2]["lastTransitionTime"], "2024-05-06T07:08:09Z");

        let mut conditions = Conditions::new(&json!({"status": {"conditions": list}}), Some(3), now);
        conditions.set(READY, COMPLETE, "");
        assert_eq!(conditions.into_list()[1]["lastTransitionTime"], "2024-05-06T07:08:09Z");
    }
}
