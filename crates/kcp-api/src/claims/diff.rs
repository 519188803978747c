//! What changes between two revisions of an export's claims, as data and in plain words.

use std::collections::BTreeSet;
use std::fmt;

use super::{ClaimKey, Grants, Selector, Verbs};
use crate::apis::v1alpha2::PermissionClaim;

/// Changes of claims, exposing ones first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimDiff {
    /// The changes, by resource.
    pub changes: Vec<ClaimChange>,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimChange {
    /// A resource that was not there before.
    Added {
        /// The resource.
        resource: ClaimKey,
        /// What may be done.
        verbs: Verbs,
        /// To which objects.
        selector: Selector,
    },
    /// A resource that is there no more.
    Removed {
        /// The resource.
        resource: ClaimKey,
    },
    /// The same group and resource, provided by another export.
    IdentityChanged {
        /// The resource as it was.
        before: ClaimKey,
        /// The resource as it is.
        after: ClaimKey,
        /// What may be done now.
        verbs: Verbs,
    },
    /// More may be done.
    VerbsAdded {
        /// The resource.
        resource: ClaimKey,
        /// What comes in addition.
        verbs: Verbs,
    },
    /// Less may be done.
    VerbsRemoved {
        /// The resource.
        resource: ClaimKey,
        /// What is gone.
        verbs: Verbs,
    },
    /// Other objects.
    SelectorChanged {
        /// The resource.
        resource: ClaimKey,
        /// Objects as it was.
        before: Selector,
        /// Objects as it is.
        after: Selector,
    },
}

impl ClaimChange {
    /// Whether the provider may do something that it could not do before. A changed selector counts unless it
    /// only adds requirements.
    pub fn exposes_more(&self) -> bool {
        match self {
            Self::Added { verbs, selector, .. } => !verbs.is_empty() && *selector != Selector::Nothing,
            Self::IdentityChanged { verbs, .. } | Self::VerbsAdded { verbs, .. } => !verbs.is_empty(),
            Self::Removed { .. } | Self::VerbsRemoved { .. } => false,
            Self::SelectorChanged { before, after, .. } => before.and(after) != *after,
        }
    }

    fn resource(&self) -> &ClaimKey {
        match self {
            Self::Added { resource, .. }
            | Self::Removed { resource }
            | Self::VerbsAdded { resource, .. }
            | Self::VerbsRemoved { resource, .. }
            | Self::SelectorChanged { resource, .. } => resource,
            Self::IdentityChanged { after, .. } => after,
        }
    }
}

impl ClaimDiff {
    /// Whether anything is newly exposed.
    pub fn exposes_more(&self) -> bool {
        self.changes.iter().any(ClaimChange::exposes_more)
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

/// What a new revision of an export asks, compared with an old one. Nothing of it is granted before the consumer
/// answers.
pub fn diff(old: &[PermissionClaim], new: &[PermissionClaim]) -> ClaimDiff {
    compare(&Grants::asked(old), &Grants::asked(new))
}

/// What a provider gets, compared with before: run it on what two revisions grant under the same answers.
pub fn diff_granted(old: &Grants, new: &Grants) -> ClaimDiff {
    compare(old, new)
}

fn compare(old: &Grants, new: &Grants) -> ClaimDiff {
    let mut changes = Vec::new();
    let mut moved: BTreeSet<ClaimKey> = BTreeSet::new();
    for (key, grant) in new.iter() {
        let Some(before) = old.get(key) else {
            let twin = |(other, _): &(&ClaimKey, _)| {
                (&other.group, &other.resource) == (&key.group, &key.resource) && new.get(other).is_none()
            };
            let verbs = grant.verbs.clone();
            changes.push(match old.iter().find(twin) {
                Some((twin, _)) if moved.insert(twin.clone()) => {
                    ClaimChange::IdentityChanged { before: twin.clone(), after: key.clone(), verbs }
                }
                _ => ClaimChange::Added { resource: key.clone(), verbs, selector: grant.selector.clone() },
            });
            continue;
        };
        let gained: Verbs = grant.verbs.beyond(&before.verbs).into_iter().collect();
        if !gained.is_empty() {
            changes.push(ClaimChange::VerbsAdded { resource: key.clone(), verbs: gained });
        }
        let lost: Verbs = before.verbs.beyond(&grant.verbs).into_iter().collect();
        if !lost.is_empty() {
            changes.push(ClaimChange::VerbsRemoved { resource: key.clone(), verbs: lost });
        }
        if before.selector != grant.selector {
            let (before, after) = (before.selector.clone(), grant.selector.clone());
            changes.push(ClaimChange::SelectorChanged { resource: key.clone(), before, after });
        }
    }
    let gone = old.iter().map(|(key, _)| key).filter(|key| new.get(key).is_none() && !moved.contains(key));
    changes.extend(gone.map(|key| ClaimChange::Removed { resource: key.clone() }));
    changes.sort_by_key(|change| (!change.exposes_more(), change.resource().clone()));
    ClaimDiff { changes }
}

/// What the verbs mean to somebody who owns the objects.
fn in_words(verbs: &Verbs) -> String {
    if verbs.has_wildcard() {
        return "do anything with".to_owned();
    }
    let any = |words: &[&str]| verbs.iter().any(|verb| words.contains(&verb));
    let mut deeds = Vec::new();
    if any(&["get", "list", "watch"]) {
        deeds.push("read".to_owned());
    }
    if any(&["create"]) {
        deeds.push("create".to_owned());
    }
    if any(&["update", "patch"]) {
        deeds.push("change".to_owned());
    }
    if any(&["delete", "deletecollection"]) {
        deeds.push("delete".to_owned());
    }
    const PLAIN: [&str; 8] =
        ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];
    deeds.extend(verbs.iter().filter(|verb| !PLAIN.contains(verb)).map(|verb| format!("`{verb}`")));
    match deeds.split_last() {
        None => "do nothing with".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

impl fmt::Display for ClaimChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added { resource, verbs, selector } => {
                write!(
                    f,
                    "the provider could {} `{resource}`, {selector}, in your workspace",
                    in_words(verbs)
                )?;
                if resource.group.is_empty() && resource.resource == "secrets" {
                    f.write_str("; secrets hold credentials")?;
                }
                Ok(())
            }
            Self::Removed { resource } => write!(f, "the provider no longer wants `{resource}`"),
            Self::IdentityChanged { before, after, verbs } => write!(
                f,
                "the provider wants `{after}` where it wanted `{before}`: it could {} objects of another API",
                in_words(verbs)
            ),
            Self::VerbsAdded { resource, verbs } => {
                write!(f, "the provider could now also {} `{resource}` (verbs {verbs})", in_words(verbs))
            }
            Self::VerbsRemoved { resource, verbs } => {
                write!(f, "the provider no longer wants to {} `{resource}` (verbs {verbs})", in_words(verbs))
            }
            Self::SelectorChanged { resource, before, after } => {
                write!(f, "the provider would reach {after} of `{resource}`, before: {before}")
            }
        }
    }
}

impl fmt::Display for ClaimDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("the claims are the same");
        }
        for (index, change) in self.changes.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{} {change}", if change.exposes_more() { "+" } else { "-" })?;
        }
        Ok(())
    }
}
