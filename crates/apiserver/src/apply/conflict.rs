//! Conflicts of an apply with other managers, in Kubernetes' words.

use std::{collections::BTreeMap, fmt};

use super::ManagerId;
use crate::fields::{FieldPath, FieldSet};

/// One field that somebody else owns and the apply would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Who owns it.
    pub manager: ManagerId,
    /// The field.
    pub path: FieldPath,
}

impl Conflict {
    /// The message of the cause in the answer: `conflict with "kubectl" using apps/v1`.
    pub fn message(&self) -> String {
        format!("conflict with {}", self.manager)
    }

    /// The field of the cause in the answer: `.spec.replicas`.
    pub fn field(&self) -> String {
        self.path.to_string()
    }
}

/// All conflicts of one apply; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflicts(pub Vec<Conflict>);

impl Conflicts {
    /// Conflicts per manager and path, sorted.
    pub(super) fn of(sets: &BTreeMap<ManagerId, FieldSet>) -> Self {
        let all = sets.iter().flat_map(|(manager, set)| {
            set.paths().into_iter().map(|path| Conflict { manager: manager.clone(), path })
        });
        Conflicts(all.collect())
    }

    /// The fields in conflict.
    pub fn fields(&self) -> FieldSet {
        FieldSet::of(self.0.iter().map(|c| c.path.clone()))
    }
}

impl fmt::Display for Conflicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [one] = self.0.as_slice() {
            return write!(f, "Apply failed with 1 conflict: {}: {}", one.message(), one.path);
        }
        write!(f, "Apply failed with {} conflicts: ", self.0.len())?;
        let mut by_manager: BTreeMap<String, (&ManagerId, Vec<&FieldPath>)> = BTreeMap::new();
        for conflict in &self.0 {
            let of_manager = by_manager.entry(conflict.manager.identity());
            of_manager.or_insert_with(|| (&conflict.manager, Vec::new())).1.push(&conflict.path);
        }
        for (i, (manager, paths)) in by_manager.into_values().enumerate() {
            let line = if i > 0 { "\n" } else { "" };
            write!(f, "{line}conflicts with {manager}:")?;
            paths.into_iter().try_for_each(|path| write!(f, "\n- {path}"))?;
        }
        Ok(())
    }
}
