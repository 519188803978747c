//! One line of the list: where, what, and when it is done.

use std::fmt;

use serde_json::Value;

use super::lookup::{self, Lookup, UnresolvedLookup};

/// When a step can be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// kcp answers.
    Platform,
    /// Realm `welcome` and its clients exist: the security operator runs.
    Identity,
    /// The admission servers answer.
    Admission,
}

/// An object that has to be in a workspace.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// When it can be applied.
    pub phase: Phase,
    /// Path of the workspace.
    pub workspace: String,
    /// The object; may hold placeholders, see [`Step::lookups`].
    pub object: Value,
    /// What to wait for before the next step.
    pub wait: Wait,
}

/// When an object that was applied is far enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// At once.
    Nothing,
    /// `status.phase` has this value.
    Phase(&'static str),
    /// The condition of this type is true.
    Condition(&'static str),
    /// Something other than nothing, null, or an empty text or list stands at this JSON pointer.
    Filled(&'static str),
}

/// For people: `when kcp answers`.
impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Platform => "when kcp answers",
            Self::Identity => "when realm `welcome` has its clients",
            Self::Admission => "when the admission servers answer",
        })
    }
}

/// For people: `wait for phase Ready`.
impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("wait for nothing"),
            Self::Phase(phase) => write!(f, "wait for phase {phase}"),
            Self::Condition(type_) => write!(f, "wait for condition {type_}"),
            Self::Filled(pointer) => {
                write!(f, "wait for {}", pointer.trim_start_matches('/').replace('/', "."))
            }
        }
    }
}

impl Step {
    pub(super) fn new(workspace: &str, object: Value) -> Self {
        Self { phase: Phase::Platform, workspace: workspace.to_owned(), object, wait: Wait::Nothing }
    }

    pub(super) fn wait_for(mut self, wait: Wait) -> Self {
        self.wait = wait;
        self
    }

    pub(super) fn in_phase(mut self, phase: Phase) -> Self {
        self.phase = phase;
        self
    }

    /// Kind of the object.
    pub fn kind(&self) -> &str {
        self.object["kind"].as_str().unwrap_or_default()
    }

    /// Name of the object.
    pub fn name(&self) -> &str {
        self.object["metadata"]["name"].as_str().unwrap_or_default()
    }

    /// Namespace of the object, if it has one.
    pub fn namespace(&self) -> Option<&str> {
        self.object["metadata"]["namespace"].as_str()
    }

    /// Values that have to be looked up before the object can be applied, each once.
    pub fn lookups(&self) -> Vec<Lookup> {
        lookup::lookups_in(&self.object)
    }

    /// The object with all placeholders filled in.
    ///
    /// # Errors
    /// A value that `find` does not know, by name.
    pub fn resolved(&self, find: impl Fn(&Lookup) -> Option<Value>) -> Result<Value, UnresolvedLookup> {
        lookup::resolve(&self.object, &find)
    }
}

impl Wait {
    /// Whether an object, as the server holds it, is far enough.
    pub fn is_over(&self, object: &Value) -> bool {
        match self {
            Self::Nothing => true,
            Self::Phase(phase) => object["status"]["phase"] == *phase,
            Self::Condition(type_) => object["status"]["conditions"].as_array().is_some_and(|conditions| {
                conditions
                    .iter()
                    .any(|condition| condition["type"] == *type_ && condition["status"] == "True")
            }),
            Self::Filled(pointer) => match object.pointer(pointer) {
                None | Some(Value::Null) => false,
                Some(Value::String(text)) => !text.is_empty(),
                Some(Value::Array(items)) => !items.is_empty(),
                Some(Value::Object(fields)) => !fields.is_empty(),
                Some(Value::Bool(_) | Value::Number(_)) => true,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn boot_waits_are_over_when_the_status_says_so() {
        assert!(!Wait::Phase("Ready").is_over(&json!({"status": {"phase": "Initializing"}})));
        assert!(Wait::Phase("Ready").is_over(&json!({"status": {"phase": "Ready"}})));
        assert!(!Wait::Condition("Ready").is_over(&json!({})));
        assert!(
            !Wait::Condition("Ready")
                .is_over(&json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}}))
        );
        assert!(
            Wait::Condition("Ready")
                .is_over(&json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}}))
        );
        assert!(!Wait::Filled("/status/identityHash").is_over(&json!({"status": {"identityHash": ""}})));
        assert!(Wait::Filled("/status/identityHash").is_over(&json!({"status": {"identityHash": "x"}})));
        assert!(!Wait::Filled("/status/endpoints").is_over(&json!({"status": {"endpoints": []}})));
    }
}
