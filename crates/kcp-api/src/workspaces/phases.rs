//! Life cycle of workspaces and logical clusters.

use crate::Condition;
use crate::core::v1alpha1::LogicalClusterPhase as Phase;
use crate::{InitializerName, condition::ConditionStatus};

/// Why a phase may not change. kcp answers 403 with the message; privileged callers are not asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PhaseRefusal {
    /// Back to an earlier phase.
    #[error("cannot transition from {from} to {to}")]
    Backwards {
        /// Phase as it is.
        from: Phase,
        /// Phase as wanted.
        to: Phase,
    },
    /// Ready while initializers are left.
    #[error("status.initializers is not empty")]
    InitializersLeft,
}

/// Checks a change of phase by an ordinary user: the order nothing, Scheduling, Initializing, Ready never goes
/// back, and Initializing is left only without initializers. Phases beyond Ready are free.
///
/// `initializers_left` counts `status.initializers` of the new object.
///
/// # Errors
/// See [`PhaseRefusal`].
pub fn check_phase_change(
    from: Option<&Phase>,
    to: &Phase,
    initializers_left: usize,
) -> Result<(), PhaseRefusal> {
    let Some(from) = from else { return Ok(()) };
    if let (Some(before), Some(after)) = (rank(from), rank(to))
        && after < before
    {
        return Err(PhaseRefusal::Backwards { from: from.clone(), to: to.clone() });
    }
    if *from == Phase::Initializing && from != to && initializers_left > 0 {
        return Err(PhaseRefusal::InitializersLeft);
    }
    Ok(())
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
    fn wsp_01_phases_go_forward_only() {
        use Phase::{Deleting, Initializing, Ready, Scheduling, Unavailable};
        for (from, to, left, text) in [
            (Scheduling, Initializing, 1, None),
            (Ready, Initializing, 0, Some("cannot transition from Ready to Initializing")),
            (Initializing, Ready, 1, Some("status.initializers is not empty")),
            (Initializing, Ready, 0, None),
            (Ready, Unavailable, 0, None),
            (Initializing, Deleting, 1, Some("status.initializers is not empty")),
        ] {
            let answer = check_phase_change(Some(&from), &to, left).err().map(|refusal| refusal.to_string());
            assert_eq!(answer.as_deref(), text, "{from} to {to}");
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
