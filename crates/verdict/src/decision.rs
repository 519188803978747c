//! What was decided, and by which stage.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};

use crate::{Missing, Reason};

/// The three answers of a Kubernetes authorizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Decision {
    /// The request may proceed; no later stage is asked.
    Allow,
    /// The request is refused; no later stage is asked.
    Deny,
    /// This stage cannot say; the next one is asked, and at the end of the chain the request is refused.
    NoOpinion,
}

/// The stage of the authorization chain that gave a verdict, named as kcp names its authorizers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Stage {
    /// Groups that are always allowed (`system:masters`).
    AlwaysAllowGroups,
    /// Paths that are always allowed (health endpoints).
    AlwaysAllowPaths,
    /// Scopes of the caller do not reach the cluster.
    Scopes,
    /// Required groups of a logical cluster.
    RequiredGroups,
    /// Access to the content of a workspace.
    WorkspaceContent,
    /// Status of system resources that only the control plane writes.
    SystemCrd,
    /// Maximal permission policy of the export that provides a bound resource.
    MaximalPermissionPolicy,
    /// RBAC of `system:admin`, valid in every cluster.
    BootstrapPolicy,
    /// RBAC of the cluster itself.
    LocalPolicy,
    /// RBAC that other shards replicate.
    GlobalPolicy,
    /// A virtual workspace: is the API bound, or claimed and accepted?
    BoundApi,
    /// A virtual workspace: may the caller see the content of the export?
    ExportContent,
    /// A virtual workspace of initializers or terminators.
    Lifecycle,
    /// An authorization webhook that is asked over HTTPS.
    Webhook,
    /// Relationships, as the Platform Mesh webhook asks them.
    Relationships,
    /// Impersonation gate.
    Impersonation,
    /// A stage of somebody else's chain.
    Other(Cow<'static, str>),
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stage::Other(name) => f.write_str(name),
            known => write!(f, "{known:?}"),
        }
    }
}

/// A decision with its grounds: the stage, the reason, and what single fact would change a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// What was decided.
    pub decision: Decision,
    /// Who decided it.
    pub stage: Stage,
    /// Why.
    pub reason: Reason,
    /// The one fact whose presence would turn a refusal into an allow, where the stage knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Missing>,
    /// A fault met on the way (a backend that did not answer). A fault never comes with [`Decision::Allow`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

impl Verdict {
    /// A verdict without a missing fact and without a fault.
    pub fn new(decision: Decision, stage: Stage, reason: impl Into<Reason>) -> Self {
        Self { decision, stage, reason: reason.into(), missing: None, fault: None }
    }

    /// An allow of `stage`.
    pub fn allow(stage: Stage, reason: impl Into<Reason>) -> Self {
        Self::new(Decision::Allow, stage, reason)
    }

    /// A deny of `stage`.
    pub fn deny(stage: Stage, reason: impl Into<Reason>) -> Self {
        Self::new(Decision::Deny, stage, reason)
    }

    /// No opinion of `stage`.
    pub fn no_opinion(stage: Stage, reason: impl Into<Reason>) -> Self {
        Self::new(Decision::NoOpinion, stage, reason)
    }

    /// No opinion because of a fault: fail safe, never an allow.
    pub fn fault(stage: Stage, fault: impl Into<String>) -> Self {
        let fault = fault.into();
        Self { fault: Some(fault), ..Self::no_opinion(stage, "the stage could not be asked") }
    }

    /// The same verdict with the fact that would change it.
    #[must_use]
    pub fn missing(mut self, fact: Missing) -> Self {
        self.missing = Some(fact);
        self
    }

    /// The fact that would change a refusal, where the stage knows it.
    pub fn missing_fact(&self) -> Option<&Missing> {
        self.missing.as_ref()
    }

    /// Whether the request may proceed.
    pub fn is_allow(&self) -> bool {
        self.decision == Decision::Allow
    }

    /// Whether later stages are no longer asked.
    pub fn is_decisive(&self) -> bool {
        self.decision != Decision::NoOpinion
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.decision {
            Decision::Allow => "allowed",
            Decision::Deny => "denied",
            Decision::NoOpinion => "no opinion",
        };
        write!(f, "{word} by {}: {}", self.stage, self.reason)?;
        if let Some(missing) = &self.missing {
            write!(f, "; missing: {missing}")?;
        }
        if let Some(fault) = &self.fault {
            write!(f, "; fault: {fault}")?;
        }
        Ok(())
    }
}
