//! Laws of the claim algebra.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Outcome, holds, same};
use crate::apis::v1alpha1::ClaimState;
use crate::apis::v1alpha2::{AcceptablePermissionClaim, PermissionClaim};
use crate::claims::{self, ClaimKey, ClaimRequest, Claims, Grants, Selector};
use crate::testing::Choices;
use crate::testing::claims::{ClaimList, GROUPS, IDENTITIES, RESOURCES, of_v1alpha2};

/// Intersection commutes, associates, is idempotent and never widens; `covers` agrees with a naive enumeration and says
/// what is missing exactly where it refuses; a diff that exposes nothing new exposes nothing new; equal revisions differ
/// in nothing, and accepting all that is asked leaves nothing pending and nothing wrong.
///
/// # Errors
/// The law that does not hold, with its operands.
pub fn claims_form_an_algebra(choices: &mut Choices<'_>) -> Outcome {
    let asked: Vec<PermissionClaim> = list(of_v1alpha2(choices, ClaimList::Asked))?;
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(list::<AcceptablePermissionClaim>(of_v1alpha2(choices, ClaimList::Answered))?);
    }
    let grants: Vec<Grants> = answers.iter().map(|answers| Grants::accepted(answers)).collect();
    let [a, b, c] = grants.as_slice() else { return Err("three grants were made".to_owned()) };

    let both = a.and(b);
    same("a and b, b and a", &both, &b.and(a))?;
    same("(a and b) and c, a and (b and c)", &both.and(c), &a.and(&b.and(c)))?;
    same("a and a", &a.and(a), a)?;
    holds(!claims::diff_granted(a, &both).exposes_more(), || format!("{both:?} exposes more than {a:?}"))?;
    let quiet = !claims::diff_granted(a, b).exposes_more();

    let claims = Claims::new(&asked, &answers[0]);
    for _ in 0..6 {
        let question = Question::draw(choices);
        let allow = |grants: &Grants| grants.allow(&question.key, question.verb, &question.labels);
        holds(!allow(&both) || (allow(a) && allow(b)), || format!("{a:?} and {b:?} widen at {question:?}"))?;
        holds(!quiet || !allow(b) || allow(a), || format!("from {a:?} to {b:?} exposes {question:?}"))?;
        // Two spellings of events in one list are one resource; which of them counts is not the question here.
        if question.key.resource != "events" {
            let expected = question.is_granted_naively(&asked, &answers[0]);
            let answer = claims.covers(&question.request());
            holds(answer.is_covered() == expected, || {
                format!("{answer} where {expected} was expected: {question:?}")
            })?;
            holds(answer.missing().is_none() == expected, || {
                format!("{answer} lacks a way out: {question:?}")
            })?;
        }
    }
    revisions(&asked, &list(of_v1alpha2(choices, ClaimList::Asked))?)
}

fn revisions(old: &[PermissionClaim], new: &[PermissionClaim]) -> Outcome {
    holds(claims::diff(old, old).is_empty(), || format!("{old:?} differs from itself"))?;
    holds(!claims::diff(old, &[]).exposes_more(), || format!("nothing exposes more than {old:?}"))?;
    let accepted = claims::accept_all(new);
    holds(claims::pending(new, &accepted).is_empty(), || format!("{new:?} is pending"))?;
    let problems = claims::problems(new, &accepted);
    holds(problems.is_empty(), || format!("{problems:?} in {new:?}"))?;
    let diff = claims::diff(old, new);
    let said = diff.to_string();
    let lines = said.lines().filter(|line| line.starts_with('+')).count();
    same("lines that say what is exposed", &(lines > 0), &diff.exposes_more())
}

fn list<T: DeserializeOwned>(value: Value) -> Result<Vec<T>, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

#[derive(Debug)]
struct Question {
    key: ClaimKey,
    verb: &'static str,
    labels: BTreeMap<String, String>,
}

impl Question {
    fn draw(choices: &mut Choices<'_>) -> Self {
        let key = ClaimKey::new(choices.word(&GROUPS), choices.word(&RESOURCES), choices.word(&IDENTITIES));
        let verb = choices.word(&["get", "delete", "patch"]);
        let mut labels = BTreeMap::new();
        for name in ["team", "<tier>"] {
            if let Some(value) = choices.maybe(|choices| choices.word(&["a", "b"])) {
                labels.insert(name.to_owned(), value.to_owned());
            }
        }
        Self { key, verb, labels }
    }

    fn request(&self) -> ClaimRequest {
        ClaimRequest { verb: self.verb.to_owned(), key: self.key.clone(), labels: Some(self.labels.clone()) }
    }

    /// By going through every pair of claim and answer.
    fn is_granted_naively(&self, asked: &[PermissionClaim], answers: &[AcceptablePermissionClaim]) -> bool {
        asked.iter().any(|claim| {
            ClaimKey::from(claim) == self.key
                && answers.iter().any(|answer| {
                    ClaimKey::from(answer) == self.key
                        && answer.state == ClaimState::Accepted
                        && ["*", self.verb].iter().any(|word| {
                            claim.verbs.iter().any(|verb| verb == word)
                                && answer.verbs.iter().any(|verb| verb == word)
                        })
                        && Selector::from(&answer.selector).matches(&self.labels)
                })
        })
    }
}
