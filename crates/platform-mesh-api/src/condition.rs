//! Conditions of a status, and what one does with them.

use crate::names;

/// A condition of a status, as every Kubernetes API has it (`meta/v1`).
pub type Condition = k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// The condition of a type, or none.
pub fn find_condition<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// True if a condition of this type has status `True`; absent and `Unknown` are not true.
pub fn condition_is_true(conditions: &[Condition], type_: &str) -> bool {
    find_condition(conditions, type_).is_some_and(|condition| condition.status == "True")
}

/// Puts a condition in its place, and says whether anything changed. As in every Kubernetes API, its moment stays that
/// of the condition before unless the status differs; a new one comes last.
///
/// ```
/// use platform_mesh_api::{Condition, condition_is_true, set_condition};
///
/// let ready = |status: &str, time: &str| -> Condition {
///     serde_json::from_value(serde_json::json!({"type": "Ready", "status": status, "reason": "Complete",
///         "message": "", "lastTransitionTime": time})).unwrap()
/// };
/// let mut conditions = vec![ready("False", "2026-01-01T00:00:00Z")];
/// assert!(set_condition(&mut conditions, ready("True", "2026-01-02T00:00:00Z")));
/// assert!(!set_condition(&mut conditions, ready("True", "2026-01-03T00:00:00Z")), "nothing new but the time");
/// assert!(condition_is_true(&conditions, "Ready"));
/// ```
pub fn set_condition(conditions: &mut Vec<Condition>, mut condition: Condition) -> bool {
    let Some(held) = conditions.iter_mut().find(|held| held.type_ == condition.type_) else {
        conditions.push(condition);
        return true;
    };
    if held.status == condition.status {
        condition.last_transition_time = held.last_transition_time.clone();
    }
    let changed = *held != condition;
    *held = condition;
    changed
}

/// Takes a condition away, and says whether it was there.
pub fn remove_condition(conditions: &mut Vec<Condition>, type_: &str) -> bool {
    let before = conditions.len();
    conditions.retain(|condition| condition.type_ != type_);
    conditions.len() != before
}

/// Whether condition `Ready` is true and speaks of this generation of the spec; one without a generation speaks of all.
pub fn is_ready(conditions: &[Condition], generation: Option<i64>) -> bool {
    find_condition(conditions, names::READY).is_some_and(|ready| {
        let current = match (ready.observed_generation, generation) {
            (Some(observed), Some(generation)) => observed >= generation,
            _ => true,
        };
        ready.status == "True" && current
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn condition(type_: &str, status: &str, day: u32) -> Condition {
        serde_json::from_value(json!({"type": type_, "status": status, "reason": "R", "message": "",
            "observedGeneration": 2, "lastTransitionTime": format!("2026-01-{day:02}T00:00:00Z")}))
        .unwrap()
    }

    #[test]
    fn kapi_03_conditions_keep_their_place_and_their_moment() {
        let mut conditions = vec![condition("A", "True", 1), condition("Ready", "True", 1)];
        assert!(!set_condition(&mut conditions, condition("A", "True", 5)));
        assert_eq!(conditions[0], condition("A", "True", 1));
        assert!(set_condition(&mut conditions, condition("A", "False", 5)));
        assert_eq!(conditions[0], condition("A", "False", 5));
        let mut worded = condition("A", "False", 7);
        worded.message = "other".into();
        assert!(set_condition(&mut conditions, worded));
        assert_eq!(conditions[0].last_transition_time, condition("A", "False", 5).last_transition_time);
        assert!(set_condition(&mut conditions, condition("B", "Unknown", 1)));
        let types: Vec<&str> = conditions.iter().map(|held| held.type_.as_str()).collect();
        assert_eq!(types, ["A", "Ready", "B"]);
        assert!(remove_condition(&mut conditions, "B") && !remove_condition(&mut conditions, "B"));
    }

    #[test]
    fn kapi_03_ready_counts_for_the_generation_it_speaks_of() {
        let conditions = [condition("Ready", "True", 1)];
        assert!(is_ready(&conditions, Some(2)) && is_ready(&conditions, None));
        assert!(!is_ready(&conditions, Some(3)));
        assert!(!is_ready(&[condition("Ready", "Unknown", 1)], None) && !is_ready(&[], None));
    }
}
