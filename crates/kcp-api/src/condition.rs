//! kcp's own condition: with a severity, without an observed generation, `Ready` first in the list.

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use serde::{Deserialize, Serialize};

use crate::object::null_default;
use crate::open_enum::open_enum;

mod names; // types and reasons, as kcp spells them

pub use names::{reasons, types};

/// One observation of an object's state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// Type, such as `Ready`; see [`types`].
    #[serde(rename = "type")]
    pub type_: String,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// How bad it is that it does not hold; empty unless the status is False.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "is_unset")]
    pub severity: Severity,
    /// When status, severity, reason or message last changed; whole seconds.
    #[serde(rename = "lastTransitionTime", default)]
    pub last_transition_time: Option<Time>,
    /// One word for why, see [`reasons`].
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// A sentence for people.
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "String::is_empty")]
    pub message: String,
}

open_enum! {
    /// Whether a condition holds.
    pub enum ConditionStatus {
        /// It holds.
        True = "True",
        /// It does not hold.
        False = "False",
        /// Nobody can tell.
        Unknown = "Unknown",
    }
    default Unknown
}

open_enum! {
    /// How bad a False condition is.
    pub enum Severity {
        /// Not given; the only value of True and Unknown conditions.
        None = "",
        /// Part of normal progress.
        Info = "Info",
        /// Works, but somebody should look.
        Warning = "Warning",
        /// Does not work without a change by somebody.
        Error = "Error",
    }
    default None
}

fn is_unset(severity: &Severity) -> bool {
    *severity == Severity::None
}

impl Condition {
    /// A condition that holds.
    pub fn is_true(type_: impl Into<String>) -> Self {
        Self::with(type_, ConditionStatus::True, Severity::None, String::new(), String::new())
    }

    /// A condition that does not hold.
    pub fn is_false(
        type_: impl Into<String>,
        reason: impl Into<String>,
        severity: Severity,
        message: impl Into<String>,
    ) -> Self {
        Self::with(type_, ConditionStatus::False, severity, reason.into(), message.into())
    }

    /// A condition that nobody can judge.
    pub fn is_unknown(
        type_: impl Into<String>,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::with(type_, ConditionStatus::Unknown, Severity::None, reason.into(), message.into())
    }

    fn with(
        type_: impl Into<String>,
        status: ConditionStatus,
        severity: Severity,
        reason: String,
        message: String,
    ) -> Self {
        Self { type_: type_.into(), status, severity, last_transition_time: None, reason, message }
    }

    /// Whether both say the same, apart from when it became so.
    pub fn same_state(&self, other: &Condition) -> bool {
        self.type_ == other.type_
            && self.status == other.status
            && self.severity == other.severity
            && self.reason == other.reason
            && self.message == other.message
    }

    /// 0 is worst; True is best.
    fn badness_rank(&self) -> u8 {
        match (&self.status, &self.severity) {
            (ConditionStatus::False, Severity::Error) => 0,
            (ConditionStatus::False, Severity::Warning) => 1,
            (ConditionStatus::False, _) => 2,
            (ConditionStatus::True, _) => 4,
            _ => 3,
        }
    }
}

/// Lists of conditions.
pub trait Conditions {
    /// The condition of a type.
    fn condition(&self, type_: &str) -> Option<&Condition>;

    /// Whether a condition is there and True.
    fn holds(&self, type_: &str) -> bool {
        self.condition(type_).is_some_and(|condition| condition.status == ConditionStatus::True)
    }

    /// Whether a condition is there and False.
    fn fails(&self, type_: &str) -> bool {
        self.condition(type_).is_some_and(|condition| condition.status == ConditionStatus::False)
    }
}

impl Conditions for [Condition] {
    fn condition(&self, type_: &str) -> Option<&Condition> {
        self.iter().find(|condition| condition.type_ == type_)
    }
}

/// Puts a condition into a list and keeps the list sorted; `true` where something changed.
///
/// A condition that says the same as before keeps its time, and the list is not touched.
pub fn set(conditions: &mut Vec<Condition>, mut condition: Condition, now: Timestamp) -> bool {
    if condition.status != ConditionStatus::False {
        condition.severity = Severity::None; // only a False condition has one
    }
    let known = conditions.iter_mut().find(|known| known.type_ == condition.type_);
    if known.as_ref().is_some_and(|known| known.same_state(&condition)) {
        return false;
    }
    condition.last_transition_time = Some(Time(whole_seconds(now)));
    match known {
        Some(known) => *known = condition,
        None => conditions.push(condition),
    }
    sort(conditions);
    true
}

/// Takes a condition out of a list; `true` where it was there.
pub fn remove(conditions: &mut Vec<Condition>, type_: &str) -> bool {
    let before = conditions.len();
    conditions.retain(|condition| condition.type_ != type_);
    conditions.len() != before
}

/// Computes `Ready` from the listed types: the worst of them, copied; True where all are True.
///
/// Types without a condition do not count; where none of them has one, nothing is written. `true` where
/// something changed.
pub fn set_summary(conditions: &mut Vec<Condition>, of: &[&str], now: Timestamp) -> bool {
    let worst = conditions
        .iter()
        .filter(|condition| of.contains(&condition.type_.as_str()))
        .min_by_key(|condition| condition.badness_rank());
    let Some(worst) = worst else { return false };
    let mut ready = worst.clone();
    ready.type_ = types::READY.to_owned();
    set(conditions, ready, now)
}

/// Sorts as kcp does: `Ready` first, then by type.
pub fn sort(conditions: &mut [Condition]) {
    conditions.sort_by(|a, b| {
        let key = |condition: &Condition| (condition.type_ != types::READY, condition.type_.clone());
        key(a).cmp(&key(b))
    });
}

fn whole_seconds(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn kapi_03_the_time_changes_only_with_the_state() {
        let mut list = Vec::new();
        assert!(set(&mut list, Condition::is_true("Bound"), at(10)));
        assert!(!set(&mut list, Condition::is_true("Bound"), at(20)));
        assert_eq!(list[0].last_transition_time, Some(Time(at(10))));
        assert!(set(&mut list, Condition::is_false("Bound", "Gone", Severity::Info, "left"), at(30)));
        assert_eq!(list[0].last_transition_time, Some(Time(at(30))));
    }

    #[test]
    fn kapi_03_ready_stands_first_and_the_rest_is_sorted() {
        let mut list = Vec::new();
        for name in ["Zoo", "Alpha", "Ready", "Mid"] {
            set(&mut list, Condition::is_true(name), at(1));
        }
        let names: Vec<&str> = list.iter().map(|condition| condition.type_.as_str()).collect();
        assert_eq!(names, ["Ready", "Alpha", "Mid", "Zoo"]);
    }

    #[test]
    fn kapi_03_the_summary_copies_the_worst_listed_condition() {
        let mut list = Vec::new();
        set(&mut list, Condition::is_true("A"), at(1));
        set(&mut list, Condition::is_false("B", "Waiting", Severity::Info, "soon"), at(1));
        set(&mut list, Condition::is_false("C", "Broken", Severity::Error, "no"), at(1));
        set(&mut list, Condition::is_false("Unlisted", "X", Severity::Error, "x"), at(1));
        set_summary(&mut list, &["A", "B"], at(2));
        assert_eq!(list.condition("Ready").unwrap().reason, "Waiting");
        set_summary(&mut list, &["A", "B", "C"], at(3));
        assert_eq!(list.condition("Ready").unwrap().severity, Severity::Error);
        set_summary(&mut list, &["A"], at(4));
        assert!(list.holds("Ready") && list[0].reason.is_empty());
        assert!(!set_summary(&mut list, &["Nowhere"], at(5)));
    }

    #[test]
    fn kapi_03_a_null_time_and_unknown_words_survive() {
        let text = r#"{"type":"X","status":"Maybe","severity":"Dire","lastTransitionTime":null,"reason":"R","message":"m"}"#;
        let condition: Condition = serde_json::from_str(text).unwrap();
        assert_eq!(condition.severity, Severity::Other("Dire".into()));
        assert_eq!(
            serde_json::to_value(&condition).unwrap(),
            serde_json::from_str::<serde_json::Value>(text).unwrap()
        );
    }
}
