//! Sets of verbs and objects by resource, and their intersection.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::Selector;
use crate::apis::v1alpha1::ClaimState;
use crate::apis::v1alpha2::{AcceptablePermissionClaim, PermissionClaim, ScopedPermissionClaim};
use crate::builtins;

/// What tells claims apart: group, resource, identity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClaimKey {
    /// API group; empty is core.
    pub group: String,
    /// Plural resource name.
    pub resource: String,
    /// Identity of the export that provides the resource; empty for built-in ones.
    pub identity_hash: String,
}

impl ClaimKey {
    /// A key.
    pub fn new(group: &str, resource: &str, identity_hash: &str) -> Self {
        Self { group: group.into(), resource: resource.into(), identity_hash: identity_hash.into() }
    }

    /// The key under which objects are matched: both kinds of events are core events.
    #[must_use]
    pub fn normalized(&self) -> Self {
        let (group, resource) = builtins::normalized(&self.group, &self.resource);
        Self::new(group, resource, &self.identity_hash)
    }

    /// `<resource>/<group>/<identity>`, by which kcp sorts claims in a status.
    pub fn sort_text(&self) -> String {
        format!("{}/{}/{}", self.resource, self.group, self.identity_hash)
    }
}

impl fmt::Display for ClaimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.resource)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        if !self.identity_hash.is_empty() {
            write!(f, " of identity {}", self.identity_hash.chars().take(8).collect::<String>())?;
        }
        Ok(())
    }
}

macro_rules! keyed {
    ($($claim:ty),+) => {$(
        impl From<&$claim> for ClaimKey {
            fn from(claim: &$claim) -> Self {
                Self::new(&claim.group, &claim.resource, &claim.identity_hash)
            }
        }
    )+};
}
keyed!(PermissionClaim, AcceptablePermissionClaim, ScopedPermissionClaim);

/// A set of verbs. `*` is a word of its own, which allows every verb and is never expanded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Verbs(BTreeSet<String>);

impl Verbs {
    /// Whether a verb is allowed: by its name, or by `*`.
    pub fn allow(&self, verb: &str) -> bool {
        self.0.contains(verb) || self.has_wildcard()
    }

    /// Whether `*` is among them.
    pub fn has_wildcard(&self) -> bool {
        self.0.contains("*")
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The words in both, literally.
    #[must_use]
    pub fn and(&self, other: &Verbs) -> Verbs {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// The words here that the other set does not allow.
    pub fn beyond(&self, other: &Verbs) -> Vec<&str> {
        self.0.iter().map(String::as_str).filter(|verb| !other.allow(verb)).collect()
    }

    /// The words, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl<S: AsRef<str>> FromIterator<S> for Verbs {
    fn from_iter<I: IntoIterator<Item = S>>(verbs: I) -> Self {
        Self(verbs.into_iter().map(|verb| verb.as_ref().to_owned()).collect())
    }
}

impl fmt::Display for Verbs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("no verb");
        }
        f.write_str(&self.iter().collect::<Vec<_>>().join(", "))
    }
}

/// Verbs on some objects of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// What may be done.
    pub verbs: Verbs,
    /// To which objects.
    pub selector: Selector,
}

impl Grant {
    /// What both grant.
    #[must_use]
    pub fn and(&self, other: &Grant) -> Grant {
        Grant { verbs: self.verbs.and(&other.verbs), selector: self.selector.and(&other.selector) }
    }

    /// Whether nothing can ever be done with it.
    pub fn is_empty(&self) -> bool {
        self.verbs.is_empty() || self.selector == Selector::Nothing
    }
}

/// Grants by resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants(BTreeMap<ClaimKey, Grant>);

impl Grants {
    /// What an export asks. Its default selector limits nothing: it is a proposal to consumers.
    pub fn asked(claims: &[PermissionClaim]) -> Self {
        let row = |claim: &PermissionClaim| {
            (ClaimKey::from(claim), Grant { verbs: claim.verbs.iter().collect(), selector: Selector::all() })
        };
        first_wins(claims.iter().map(row))
    }

    /// What a consumer accepts; rejected claims grant nothing.
    pub fn accepted(answers: &[AcceptablePermissionClaim]) -> Self {
        let row = |answer: &AcceptablePermissionClaim| {
            let selector = Selector::from(&answer.selector);
            (ClaimKey::from(answer), Grant { verbs: answer.verbs.iter().collect(), selector })
        };
        first_wins(answers.iter().filter(|answer| answer.state == ClaimState::Accepted).map(row))
    }

    /// What a status says is in force.
    pub fn in_force(claims: &[ScopedPermissionClaim]) -> Self {
        let row = |claim: &ScopedPermissionClaim| {
            let selector = Selector::from(&claim.selector);
            (ClaimKey::from(claim), Grant { verbs: claim.verbs.iter().collect(), selector })
        };
        first_wins(claims.iter().map(row))
    }

    /// What both grant: resources in both, with the verbs in both, on the objects of both.
    #[must_use]
    pub fn and(&self, other: &Grants) -> Grants {
        let both = self.0.iter().filter_map(|(key, grant)| Some((key.clone(), grant.and(other.0.get(key)?))));
        Self(both.collect())
    }

    /// The grant for a resource.
    pub fn get(&self, key: &ClaimKey) -> Option<&Grant> {
        self.0.get(key)
    }

    /// Every resource and its grant, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&ClaimKey, &Grant)> {
        self.0.iter()
    }

    /// Whether a verb on an object with these labels is granted.
    pub fn allow(&self, key: &ClaimKey, verb: &str, labels: &BTreeMap<String, String>) -> bool {
        self.0.get(key).is_some_and(|grant| grant.verbs.allow(verb) && grant.selector.matches(labels))
    }
}

/// A key stands once in a valid list; of an invalid one, nothing is merged.
fn first_wins(rows: impl Iterator<Item = (ClaimKey, Grant)>) -> Grants {
    let mut map = BTreeMap::new();
    for (key, grant) in rows {
        map.entry(key).or_insert(grant);
    }
    Grants(map)
}
