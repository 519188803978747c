//! Spreading the resync of unchanged objects over a window of time.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use runtime::Ids;
use serde_json::{Value, json};

/// The window from which the next run of an unchanged object is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    min: Duration,
    max: Duration,
}

/// Any value of this label runs the object now; it is removed after the next pass without a fault.
pub(crate) const REFRESH: &str = "platform-mesh.io/refresh-reconcile";

impl Default for Spread {
    /// 12 to 24 hours.
    fn default() -> Self {
        Spread { min: Duration::from_secs(12 * 3600), max: Duration::from_secs(24 * 3600) }
    }
}

impl Spread {
    /// From `min` to `max`; none if they are the wrong way round.
    pub fn new(min: Duration, max: Duration) -> Option<Self> {
        (min <= max).then_some(Spread { min, max })
    }

    /// How long the object may still wait; none if it is due.
    pub(crate) fn wait(&self, object: &Value, now: Timestamp) -> Option<Duration> {
        let refresh = object.pointer("/metadata/labels").and_then(|labels| labels.get(REFRESH)).is_some();
        let generation = &object["metadata"]["generation"];
        let status = &object["status"];
        if refresh || generation != &status["observedGeneration"] {
            return None;
        }
        let next: Timestamp = status["nextReconcileTime"].as_str()?.parse().ok()?;
        let left = next.duration_since(now);
        (left > SignedDuration::ZERO).then(|| left.unsigned_abs())
    }

    /// Notes a pass without a fault: the generation seen and the next time.
    pub(crate) fn advance(&self, object: &mut Value, now: Timestamp, ids: &Ids) {
        let window = (self.max - self.min).as_secs();
        let after = self.min.as_secs() + ids.below(window + 1);
        let next = now.checked_add(SignedDuration::from_secs(after as i64)).unwrap_or(Timestamp::MAX);
        let next = Timestamp::from_second(next.as_second()).unwrap_or(next);
        let generation = object["metadata"]["generation"].clone();
        if let Some(status) = super::persist::status_of(object) {
            status.insert("observedGeneration".to_owned(), generation);
            status.insert("nextReconcileTime".to_owned(), json!(next.to_string()));
        }
        if let Some(labels) = object.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
            labels.remove(REFRESH);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_due_when_its_generation_its_label_or_its_time_says_so() {
        let spread = Spread::default();
        let now: Timestamp = "2024-01-01T00:00:00Z".parse().unwrap();
        let mut object = json!({"metadata": {"generation": 2, "labels": {REFRESH: "x"}}, "status": {"observedGeneration": 1}});
        assert_eq!(spread.wait(&object, now), None);
        spread.advance(&mut object, now, &Ids::seeded(1));
        assert_eq!(object["metadata"]["labels"], json!({}));
        let wait = spread.wait(&object, now).unwrap().as_secs();
        assert!((12 * 3600..=24 * 3600).contains(&wait), "{wait}");
        let later = now + SignedDuration::from_secs(25 * 3600);
        assert_eq!(spread.wait(&object, later), None);
        object["metadata"]["generation"] = json!(3);
        assert_eq!(spread.wait(&object, now), None);
        assert_eq!(Spread::new(Duration::from_secs(2), Duration::from_secs(1)), None);
    }
}
