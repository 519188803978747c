//! Life cycle of workspaces and logical clusters.

use std::collections::BTreeSet;

use crate::Condition;
use crate::core::v1alpha1::LogicalClusterPhase as Phase;
use crate::{InitializerName, condition::ConditionStatus};

/// Why an ordinary user may not change a logical cluster so. kcp answers 403 with the message; privileged callers are
/// not asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PhaseRefusal {
    /// The list in spec changed.
    #[error("spec.initializers is immutable")]
    SpecInitializers,
    /// Initializing begins with other initializers than spec lists.
    #[error("status.initializers do not equal spec.initializers")]
    InitializersDiffer,
    /// An initializer came up.
    #[error("status.initializers must not grow")]
    InitializersGrow,
    /// The list changed outside Initializing.
    #[error("status.initializers is immutable after initialization")]
    InitializersFixed,
    /// Ready while initializers are left.
    #[error("status.initializers is not empty")]
    InitializersLeft,
    /// Back to an earlier phase.
    #[error("cannot transition from \"{from}\" to \"{to}\"")]
    Backwards {
        /// Phase as it is.
        from: Phase,
        /// Phase as wanted.
        to: Phase,
    },
}

/// One side of a change of a logical cluster: what its admission compares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogicalClusterChange<'a> {
    /// `status.phase`.
    pub phase: &'a Phase,
    /// `spec.initializers`, in any order.
    pub spec_initializers: &'a BTreeSet<&'a str>,
    /// `status.initializers`, in any order.
    pub initializers: &'a BTreeSet<&'a str>,
}

/// Checks a change by an ordinary user. Initializers of spec stay; those of status only shrink, and only while
/// Initializing, which begins with all of them and is left with none; the order nothing, Scheduling, Initializing,
/// Ready never goes back. Phases beyond Ready are free.
///
/// # Errors
/// See [`PhaseRefusal`].
pub fn check_logical_cluster_change(
    old: &LogicalClusterChange<'_>,
    new: &LogicalClusterChange<'_>,
) -> Result<(), PhaseRefusal> {
    let (was, is) = (*old.phase == Phase::Initializing, *new.phase == Phase::Initializing);
    let refusal = if old.spec_initializers != new.spec_initializers {
        PhaseRefusal::SpecInitializers
    } else if !was && is && new.spec_initializers != new.initializers {
        PhaseRefusal::InitializersDiffer
    } else if was && is && !old.initializers.is_superset(new.initializers) {
        PhaseRefusal::InitializersGrow
    } else if !is && old.initializers != new.initializers {
        PhaseRefusal::InitializersFixed
    } else if was && !is && !new.initializers.is_empty() {
        PhaseRefusal::InitializersLeft
    } else {
        return match (rank(old.phase), rank(new.phase)) {
            (Some(before), Some(after)) if after < before => {
                Err(PhaseRefusal::Backwards { from: old.phase.clone(), to: new.phase.clone() })
            }
            _ => Ok(()),
        };
    };
    Err(refusal)
}

fn rank(phase: &Phase) -> Option<u8> {
    match phase {
        Phase::Scheduling => Some(1),
        Phase::Initializing => Some(2),
        Phase::Ready => Some(3),
        Phase::Other(word) if word.is_empty() => Some(0),
        _ => None,
    }
}

/// What decides the phase of a logical cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogicalClusterFacts<'a> {
    /// Phase as it is.
    pub phase: &'a Phase,
    /// Whether deletion was asked for.
    pub deleting: bool,
    /// `status.initializers`.
    pub initializers: &'a [InitializerName],
    /// `status.terminators`.
    pub terminators: &'a [InitializerName],
    /// Whether the annotation `core.kcp.io/inactive` is `true`.
    pub inactive: bool,
}

/// The phase that a logical cluster should have.
pub fn logical_cluster_phase(facts: &LogicalClusterFacts<'_>) -> Phase {
    if facts.deleting {
        return if facts.terminators.is_empty() { Phase::Deleting } else { Phase::Terminating };
    }
    match facts.phase {
        Phase::Scheduling => Phase::Initializing,
        Phase::Initializing if facts.initializers.is_empty() => Phase::Ready,
        Phase::Ready if facts.inactive => Phase::Inactive,
        Phase::Inactive if !facts.inactive => Phase::Ready,
        other => other.clone(),
    }
}

/// What decides the phase of a workspace.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkspaceFacts<'a> {
    /// Phase as it is.
    pub phase: &'a Phase,
    /// Whether `spec.cluster` and `spec.URL` are both there.
    pub placed: bool,
    /// Phase of its logical cluster; `None` where that is missing.
    pub cluster_phase: Option<&'a Phase>,
    /// Initializers left in its logical cluster.
    pub initializers_left: usize,
    /// Its own conditions.
    pub conditions: &'a [Condition],
}

/// The phase that a workspace should have: its logical cluster's, except that a Ready workspace is Unavailable
/// while a condition whose type begins with `Workspace` is False.
pub fn workspace_phase(facts: &WorkspaceFacts<'_>) -> Phase {
    if let Some(ending @ (Phase::Terminating | Phase::Deleting)) = facts.cluster_phase {
        return ending.clone();
    }
    let broken = facts.conditions.iter().any(|condition| {
        condition.status == ConditionStatus::False && condition.type_.starts_with("Workspace")
    });
    match facts.phase {
        Phase::Scheduling if facts.placed => Phase::Initializing,
        Phase::Initializing if facts.initializers_left == 0 && facts.cluster_phase == Some(&Phase::Ready) => {
            Phase::Ready
        }
        Phase::Ready | Phase::Unavailable | Phase::Inactive => match facts.cluster_phase {
            Some(Phase::Inactive) => Phase::Inactive,
            _ if broken => Phase::Unavailable,
            _ => Phase::Ready,
        },
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::Severity;

    fn one() -> Vec<InitializerName> {
        vec!["root:security".parse().unwrap()]
    }

    #[test]
    fn wsp_01_phases_go_forward_only_and_initializers_only_shrink() {
        use Phase::{Deleting, Initializing, Ready, Scheduling, Unavailable};
        type Names = &'static [&'static str];
        let check = |(from, before): (Phase, Names), (to, after): (Phase, Names), spec: Names| {
            let (of_spec, same) = (BTreeSet::from(["a:bc", "d:ef"]), spec.iter().copied().collect());
            let (before, after) = (before.iter().copied().collect(), after.iter().copied().collect());
            let old =
                LogicalClusterChange { phase: &from, spec_initializers: &of_spec, initializers: &before };
            let new = LogicalClusterChange { phase: &to, spec_initializers: &same, initializers: &after };
            check_logical_cluster_change(&old, &new).err().map(|refusal| refusal.to_string())
        };
        let both: Names = &["a:bc", "d:ef"];
        assert_eq!(check((Scheduling, &[]), (Initializing, both), both), None);
        assert_eq!(check((Initializing, both), (Initializing, &["d:ef"]), both), None);
        assert_eq!(check((Initializing, &[]), (Ready, &[]), both), None);
        assert_eq!(check((Ready, &[]), (Unavailable, &[]), both), None);
        for (old, new, spec, text) in [
            ((Ready, both), (Ready, both), &["a:bc"] as Names, "spec.initializers is immutable"),
            (
                (Scheduling, &[] as Names),
                (Initializing, &["a:bc"] as Names),
                both,
                "status.initializers do not equal spec.initializers",
            ),
            ((Initializing, &["d:ef"]), (Initializing, both), both, "status.initializers must not grow"),
            (
                (Initializing, both),
                (Ready, &["d:ef"]),
                both,
                "status.initializers is immutable after initialization",
            ),
            ((Initializing, both), (Ready, both), both, "status.initializers is not empty"),
            ((Initializing, both), (Deleting, both), both, "status.initializers is not empty"),
            ((Ready, &[]), (Scheduling, &[]), both, "cannot transition from \"Ready\" to \"Scheduling\""),
        ] {
            assert_eq!(check(old, new, spec).as_deref(), Some(text));
        }
    }

    #[test]
    fn wsp_06_a_logical_cluster_terminates_before_it_is_deleted() {
        let facts = |phase, deleting, initializers, terminators, inactive| {
            logical_cluster_phase(&LogicalClusterFacts {
                phase,
                deleting,
                initializers,
                terminators,
                inactive,
            })
        };
        let (left, none) = (one(), Vec::new());
        assert_eq!(facts(&Phase::Scheduling, false, &left, &none, false), Phase::Initializing);
        assert_eq!(facts(&Phase::Initializing, false, &left, &none, false), Phase::Initializing);
        assert_eq!(facts(&Phase::Initializing, false, &none, &left, false), Phase::Ready);
        assert_eq!(facts(&Phase::Ready, true, &none, &left, false), Phase::Terminating);
        assert_eq!(facts(&Phase::Terminating, true, &none, &none, false), Phase::Deleting);
        assert_eq!(facts(&Phase::Ready, false, &none, &none, true), Phase::Inactive);
        assert_eq!(facts(&Phase::Inactive, false, &none, &none, false), Phase::Ready);
    }

    #[test]
    fn wsp_05_a_workspace_is_ready_after_its_logical_cluster() {
        let facts = |phase, placed, cluster_phase, initializers_left, conditions| {
            workspace_phase(&WorkspaceFacts { phase, placed, cluster_phase, initializers_left, conditions })
        };
        let broken = [Condition::is_false("WorkspaceMountReady", "MountObjectNotReady", Severity::Error, "")];
        assert_eq!(facts(&Phase::Scheduling, false, None, 0, &[]), Phase::Scheduling);
        assert_eq!(facts(&Phase::Scheduling, true, Some(&Phase::Ready), 0, &[]), Phase::Initializing);
        assert_eq!(
            facts(&Phase::Initializing, true, Some(&Phase::Initializing), 0, &[]),
            Phase::Initializing
        );
        assert_eq!(facts(&Phase::Initializing, true, Some(&Phase::Ready), 0, &[]), Phase::Ready);
        assert_eq!(facts(&Phase::Ready, true, Some(&Phase::Ready), 0, &broken), Phase::Unavailable);
        assert_eq!(facts(&Phase::Unavailable, true, Some(&Phase::Ready), 0, &[]), Phase::Ready);
        assert_eq!(facts(&Phase::Ready, true, Some(&Phase::Deleting), 0, &[]), Phase::Deleting);
    }
}
