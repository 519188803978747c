//! What was found in a configuration.

use std::fmt;

/// Something that a server refuses, or that disables an issuer when it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The field, `spec.jwt[0].issuer.url`.
    pub field: String,
    /// What is wrong, in the words of Kubernetes where it has any.
    pub message: String,
}

/// Something that works and is risky.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The field, `spec.jwt[0].issuer.url`.
    pub field: String,
    /// What may happen.
    pub risk: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.field, self.risk, self.remedy)
    }
}

pub(crate) fn fault(field: impl Into<String>, message: impl Into<String>) -> Fault {
    Fault { field: field.into(), message: message.into() }
}

pub(crate) fn finding(
    field: impl Into<String>,
    risk: impl Into<String>,
    remedy: impl Into<String>,
) -> Finding {
    Finding { field: field.into(), risk: risk.into(), remedy: remedy.into() }
}
