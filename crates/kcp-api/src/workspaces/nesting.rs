//! Which types may stand above and below each other.

use std::collections::BTreeSet;

use super::KnownType;
use crate::tenancy::v1alpha1::{WorkspaceTypeReference, WorkspaceTypeSelector};

/// Why a workspace may not stand where it was wanted. kcp answers 403 with the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NestingRefusal {
    /// A type that stands alone.
    #[error("workspace type {type_} cannot have any parent")]
    NoParent {
        /// The type of the workspace; the limit may be one of a type that it extends.
        type_: String,
    },
    /// A type without children.
    #[error("workspace type {type_} cannot have any child")]
    NoChild {
        /// The type of the workspace; the limit may be one of a type that it extends.
        type_: String,
    },
    /// A limit that the other side does not meet.
    #[error(
        "workspace type {type_}{via} only allows [{allowed}] {side} workspaces, but {side} type {other} only implements [{implemented}]"
    )]
    Mismatch {
        /// The type of the workspace on the limiting side.
        type_: String,
        /// ` extends <type>, which`, where an extended type has the limit; else empty.
        via: String,
        /// `parent` or `child`: what is limited.
        side: &'static str,
        /// Allowed types, sorted, separated by spaces.
        allowed: Box<str>,
        /// The type of the workspace on the other side.
        other: String,
        /// Its type and all that it extends, sorted, separated by spaces.
        implemented: Box<str>,
    },
}

/// Checks both directions: every limit of the child's types on parents, and of the parent's types on children.
/// Each list begins with the type itself, see [`super::aliases`].
///
/// # Errors
/// The first limit that is not met.
pub fn check_nesting(parent: &[KnownType], child: &[KnownType]) -> Result<(), NestingRefusal> {
    check(
        child,
        parent,
        "parent",
        |known| known.spec.limit_allowed_parents.as_ref(),
        |type_| NestingRefusal::NoParent { type_ },
    )?;
    check(
        parent,
        child,
        "child",
        |known| known.spec.limit_allowed_children.as_ref(),
        |type_| NestingRefusal::NoChild { type_ },
    )
}

fn check(
    limiting: &[KnownType],
    limited: &[KnownType],
    side: &'static str,
    limit: impl Fn(&KnownType) -> Option<&WorkspaceTypeSelector>,
    none: impl Fn(String) -> NestingRefusal,
) -> Result<(), NestingRefusal> {
    let (Some(own), Some(other)) = (limiting.first(), limited.first()) else { return Ok(()) };
    let implemented: BTreeSet<String> = limited.iter().map(KnownType::to_string).collect();
    for alias in limiting {
        let Some(limit) = limit(alias) else { continue };
        if limit.none {
            return Err(none(own.to_string()));
        }
        if limit.types.is_empty() {
            continue;
        }
        let allowed: BTreeSet<String> = limit.types.iter().map(|known| qualified(known, alias)).collect();
        if allowed.is_disjoint(&implemented) {
            let via = if alias.is(own) { String::new() } else { format!(" extends {alias}, which") };
            return Err(NestingRefusal::Mismatch {
                type_: own.to_string(),
                via,
                side,
                allowed: joined(&allowed),
                other: other.to_string(),
                implemented: joined(&implemented),
            });
        }
    }
    Ok(())
}

/// Admission wants a path in limits; older objects without one mean the type's own workspace.
fn qualified(reference: &WorkspaceTypeReference, holder: &KnownType) -> String {
    match reference.path.as_deref().filter(|path| !path.is_empty()) {
        Some(path) => format!("{path}:{}", reference.name),
        None => format!("{}:{}", holder.path, reference.name),
    }
}

fn joined(types: &BTreeSet<String>) -> Box<str> {
    types.iter().map(String::as_str).collect::<Vec<_>>().join(" ").into()
}
