//! What a consumer answers to claims, what is applied, and what is wrong with either.

use std::collections::BTreeSet;
use std::fmt;

use super::{ClaimKey, Verbs};
use crate::apis::v1alpha1::ClaimState;
use crate::apis::v1alpha2::{
    AcceptablePermissionClaim, PermissionClaim, PermissionClaimSelector, ScopedPermissionClaim,
};
use crate::builtins;

/// Answers that accept every claim: verbs as asked, objects as the export proposes, all where it proposes none.
pub fn accept_all(asked: &[PermissionClaim]) -> Vec<AcceptablePermissionClaim> {
    let every = || PermissionClaimSelector { match_all: true, ..PermissionClaimSelector::default() };
    let accept = |claim: &PermissionClaim| AcceptablePermissionClaim {
        group: claim.group.clone(),
        resource: claim.resource.clone(),
        verbs: claim.verbs.clone(),
        identity_hash: claim.identity_hash.clone(),
        default_selector: None,
        selector: claim.default_selector.clone().unwrap_or_else(every),
        state: ClaimState::Accepted,
    };
    asked.iter().map(accept).collect()
}

/// Claims in force, as `status.appliedPermissionClaims` lists them: the accepted answers to what the export
/// asks, without those that failed, sorted by resource, group, identity.
pub fn applied(
    asked: &[PermissionClaim],
    answers: &[AcceptablePermissionClaim],
    failed: &[ClaimKey],
) -> Vec<ScopedPermissionClaim> {
    let asked: BTreeSet<ClaimKey> = asked.iter().map(ClaimKey::from).collect();
    let mut applied: Vec<ScopedPermissionClaim> = answers
        .iter()
        .filter(|answer| answer.state == ClaimState::Accepted)
        .filter(|answer| {
            let key = ClaimKey::from(*answer);
            asked.contains(&key) && !failed.contains(&key)
        })
        .map(|answer| ScopedPermissionClaim {
            group: answer.group.clone(),
            resource: answer.resource.clone(),
            verbs: answer.verbs.clone(),
            identity_hash: answer.identity_hash.clone(),
            default_selector: answer.default_selector.clone(),
            selector: answer.selector.clone(),
        })
        .collect();
    applied.sort_by_key(|claim| ClaimKey::from(claim).sort_text());
    applied
}

/// Claims that the consumer has neither accepted nor rejected.
pub fn pending<'a>(
    asked: &'a [PermissionClaim],
    answers: &[AcceptablePermissionClaim],
) -> Vec<&'a PermissionClaim> {
    let answered: BTreeSet<ClaimKey> = answers.iter().map(ClaimKey::from).collect();
    asked.iter().filter(|claim| !answered.contains(&ClaimKey::from(*claim))).collect()
}

/// What is wrong with accepted claims; none of it stops a binding.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimProblem {
    /// Accepted, but the export does not ask it (reason InvalidPermissionClaims).
    NotAsked(ClaimKey),
    /// Other verbs than asked, and no `*` on either side (reason PermissionClaimsMismatch).
    OtherVerbs {
        /// The claim.
        key: ClaimKey,
        /// Verbs that the export asks.
        asked: Verbs,
        /// Verbs that the consumer accepts.
        accepted: Verbs,
    },
    /// Another selector than the export proposes (reason PermissionClaimsMismatch).
    OtherSelector(ClaimKey),
}

impl fmt::Display for ClaimProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAsked(key) => write!(f, "the accepted claim on `{key}` is not asked by the export"),
            Self::OtherVerbs { key, asked, accepted } => {
                write!(f, "the claim on `{key}` asks {asked}, and {accepted} is accepted")
            }
            Self::OtherSelector(key) => {
                write!(f, "the claim on `{key}` is accepted with another selector than the export proposes")
            }
        }
    }
}

/// Compares accepted claims with what the export asks, as the condition `PermissionClaimsValid` does.
pub fn problems(asked: &[PermissionClaim], answers: &[AcceptablePermissionClaim]) -> Vec<ClaimProblem> {
    let mut problems = Vec::new();
    for answer in answers.iter().filter(|answer| answer.state == ClaimState::Accepted) {
        let key = ClaimKey::from(answer);
        let Some(claim) = asked.iter().find(|claim| ClaimKey::from(*claim) == key) else {
            problems.push(ClaimProblem::NotAsked(key));
            continue;
        };
        let wanted: Verbs = claim.verbs.iter().collect();
        let accepted: Verbs = answer.verbs.iter().collect();
        if wanted != accepted && !wanted.has_wildcard() && !accepted.has_wildcard() {
            problems.push(ClaimProblem::OtherVerbs { key: key.clone(), asked: wanted, accepted });
        }
        if claim.default_selector.as_ref().is_some_and(|proposed| *proposed != answer.selector) {
            problems.push(ClaimProblem::OtherSelector(key));
        }
    }
    problems
}

/// The rule of kcp's admission on an export's claims: what is not built-in needs an identity.
///
/// Returns the index of every claim that breaks it, with kcp's words.
pub fn check_asked(asked: &[PermissionClaim]) -> Vec<(usize, &'static str)> {
    const MISSING: &str = "identityHash is required for API types that are not built-in";
    let broken = |claim: &PermissionClaim| {
        claim.identity_hash.is_empty() && !builtins::needs_no_identity(&claim.group, &claim.resource)
    };
    asked.iter().enumerate().filter(|(_, claim)| broken(claim)).map(|(index, _)| (index, MISSING)).collect()
}

/// The rules of kcp's admission on the selectors of a binding's answers: all, or labels, or expressions.
///
/// Returns the index of every answer that breaks one, with the reason.
pub fn check_answers(answers: &[AcceptablePermissionClaim]) -> Vec<(usize, &'static str)> {
    let fault = |selector: &PermissionClaimSelector| {
        let by_label = !selector.match_labels.is_empty() || !selector.match_expressions.is_empty();
        match (selector.match_all, by_label) {
            (true, true) => Some("matchAll cannot be used with matchLabels or matchExpressions"),
            (false, false) => Some("one of matchAll, matchLabels or matchExpressions must be set"),
            _ => None,
        }
    };
    answers.iter().enumerate().filter_map(|(index, answer)| Some((index, fault(&answer.selector)?))).collect()
}
