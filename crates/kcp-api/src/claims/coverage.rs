//! Whether one request of a provider is covered by claims, and why.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use verdict::{Missing, Stage, Verdict};

use super::{ClaimKey, Grants, Selector, Verbs};
use crate::apis::v1alpha1::ClaimState;
use crate::apis::v1alpha2::{AcceptablePermissionClaim, ApiBinding, ApiExport, PermissionClaim};

/// What a provider wants to do in a consumer's workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRequest {
    /// Kubernetes verb.
    pub verb: String,
    /// Which resource.
    pub key: ClaimKey,
    /// Labels of the object, old or new; `None` for lists and watches, which are filtered instead.
    pub labels: Option<BTreeMap<String, String>>,
}

impl ClaimRequest {
    /// A request on a built-in resource, without an object.
    pub fn new(verb: &str, group: &str, resource: &str) -> Self {
        Self { verb: verb.to_owned(), key: ClaimKey::new(group, resource, ""), labels: None }
    }

    /// The same on a resource that an export provides.
    #[must_use]
    pub fn of_identity(mut self, identity_hash: &str) -> Self {
        self.key.identity_hash = identity_hash.to_owned();
        self
    }

    /// The same on an object with labels.
    #[must_use]
    pub fn on_object(mut self, labels: BTreeMap<String, String>) -> Self {
        self.labels = Some(labels);
        self
    }
}

/// The claims between one export and one binding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    asked: Grants,
    accepted: Grants,
    rejected: Vec<ClaimKey>,
}

impl Claims {
    /// From what the export asks and what the binding answers.
    pub fn new(asked: &[PermissionClaim], answers: &[AcceptablePermissionClaim]) -> Self {
        let rejected = answers.iter().filter(|answer| answer.state != ClaimState::Accepted);
        Self {
            asked: Grants::asked(asked),
            accepted: Grants::accepted(answers),
            rejected: rejected.map(ClaimKey::from).collect(),
        }
    }

    /// Between an export and a binding of it.
    pub fn between(export: &ApiExport, binding: &ApiBinding) -> Self {
        Self::new(&export.spec.permission_claims, &binding.spec.permission_claims)
    }

    /// What the provider gets: asked and accepted.
    pub fn granted(&self) -> Grants {
        self.asked.and(&self.accepted)
    }

    /// Answers one request. Both kinds of events count as core events.
    pub fn covers(&self, request: &ClaimRequest) -> Coverage {
        let resource = || request.key.clone();
        let wanted = request.key.normalized();
        // A claim on events may be spelt with either group.
        let same = |grants: &Grants| {
            let mut keys = grants.iter().map(|(key, _)| key);
            keys.find(|key| key.normalized() == wanted).cloned()
        };
        let Some((asked_key, asked)) = same(&self.asked).and_then(|key| {
            let grant = self.asked.get(&key)?.clone();
            Some((key, grant))
        }) else {
            return Coverage::NotAsked { resource: resource() };
        };
        let Some(accepted) = self.accepted.get(&asked_key) else {
            return match self.rejected.contains(&asked_key) {
                true => Coverage::Rejected { resource: resource() },
                false => Coverage::NotAnswered { resource: resource() },
            };
        };
        let verb = request.verb.clone();
        let granted = asked.and(accepted);
        if !granted.verbs.allow(&verb) {
            let resource = resource();
            return match (asked.verbs.allow(&verb), accepted.verbs.allow(&verb)) {
                (false, _) => Coverage::VerbNotAsked { resource, verb, asked: asked.verbs },
                (true, false) => {
                    Coverage::VerbNotAccepted { resource, verb, accepted: accepted.verbs.clone() }
                }
                (true, true) => Coverage::VerbsDoNotMeet {
                    resource,
                    verb,
                    asked: asked.verbs,
                    accepted: accepted.verbs.clone(),
                },
            };
        }
        match &request.labels {
            Some(labels) if !granted.selector.matches(labels) => {
                Coverage::NotSelected { resource: resource(), selector: granted.selector }
            }
            None if granted.selector == Selector::Nothing => {
                Coverage::NotSelected { resource: resource(), selector: granted.selector }
            }
            _ => Coverage::Covered { resource: resource(), verb, selector: granted.selector },
        }
    }
}

/// The answer to one request, with its ground.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Coverage {
    /// Asked and accepted.
    Covered {
        /// The resource.
        resource: ClaimKey,
        /// The verb.
        verb: String,
        /// Which objects; lists and watches are filtered by it.
        selector: Selector,
    },
    /// The export does not claim the resource.
    NotAsked {
        /// The resource.
        resource: ClaimKey,
    },
    /// The export claims it, the consumer has not answered.
    NotAnswered {
        /// The resource.
        resource: ClaimKey,
    },
    /// The consumer rejects the claim.
    Rejected {
        /// The resource.
        resource: ClaimKey,
    },
    /// The export asks other verbs.
    VerbNotAsked {
        /// The resource.
        resource: ClaimKey,
        /// The verb.
        verb: String,
        /// What it asks.
        asked: Verbs,
    },
    /// The consumer accepts other verbs.
    VerbNotAccepted {
        /// The resource.
        resource: ClaimKey,
        /// The verb.
        verb: String,
        /// What it accepts.
        accepted: Verbs,
    },
    /// One side says the verb, the other `*`: literally, they have nothing in common.
    VerbsDoNotMeet {
        /// The resource.
        resource: ClaimKey,
        /// The verb.
        verb: String,
        /// What the export asks.
        asked: Verbs,
        /// What the consumer accepts.
        accepted: Verbs,
    },
    /// The object is outside what the consumer accepts.
    NotSelected {
        /// The resource.
        resource: ClaimKey,
        /// What it accepts.
        selector: Selector,
    },
}

impl Coverage {
    /// Whether the request is covered.
    pub fn is_covered(&self) -> bool {
        matches!(self, Self::Covered { .. })
    }

    /// What would cover it, as a sentence; `None` where it is covered.
    pub fn missing(&self) -> Option<String> {
        Some(match self {
            Self::Covered { .. } => return None,
            Self::NotAsked { resource } => format!("a permission claim on `{resource}` in the APIExport"),
            Self::NotAnswered { resource } | Self::Rejected { resource } => {
                format!("an accepted permission claim on `{resource}` in the APIBinding")
            }
            Self::VerbNotAsked { resource, verb, .. } => {
                format!("verb `{verb}` in the claim on `{resource}` of the APIExport")
            }
            Self::VerbNotAccepted { resource, verb, .. } => {
                format!("verb `{verb}` in the accepted claim on `{resource}` of the APIBinding")
            }
            Self::VerbsDoNotMeet { resource, asked, .. } => {
                format!("the verbs that the APIExport asks ({asked}) in the accepted claim on `{resource}`")
            }
            Self::NotSelected { selector, .. } => format!("labels that select the object: {selector}"),
        })
    }

    /// The answer as a verdict of the stage `PermissionClaims`; never an opinion on other resources.
    pub fn verdict(&self) -> Verdict {
        let stage = Stage::Other(Cow::Borrowed("PermissionClaims"));
        match self.missing() {
            None => Verdict::allow(stage, self.to_string()),
            Some(fact) => Verdict::deny(stage, self.to_string()).missing(Missing::Fact(fact)),
        }
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Covered { resource, verb, selector } => {
                write!(f, "verb `{verb}` on `{resource}` is asked and accepted for {selector}")
            }
            Self::NotAsked { resource } => write!(f, "`{resource}` is not claimed by the export"),
            Self::NotAnswered { resource } => {
                write!(f, "the claim on `{resource}` is not answered by the consumer")
            }
            Self::Rejected { resource } => write!(f, "the claim on `{resource}` is rejected by the consumer"),
            Self::VerbNotAsked { resource, verb, asked } => {
                write!(f, "verb `{verb}` on `{resource}` is not asked by the export: it asks {asked}")
            }
            Self::VerbNotAccepted { resource, verb, accepted } => {
                write!(
                    f,
                    "verb `{verb}` on `{resource}` is not accepted by the consumer: it accepts {accepted}"
                )
            }
            Self::VerbsDoNotMeet { resource, verb, asked, accepted } => write!(
                f,
                "verb `{verb}` on `{resource}` is not granted: the export asks {asked}, the consumer accepts \
                 {accepted}, and only equal words count"
            ),
            Self::NotSelected { resource, selector } => {
                write!(f, "the object of `{resource}` is outside what the consumer accepts: {selector}")
            }
        }
    }
}
