//! What grows must shrink: old history is forgotten, events end after an hour.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::time::sleep;

use super::Controllers;
use crate::partition::Scope;
use crate::resource::StoragePrefix;
use crate::store::Range;

const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Watches can resume from revisions of this age, as long as the history has room.
const HISTORY_MINUTES: usize = 10;
const EVENTS_LAST_SECONDS: i64 = 3600;

pub(super) async fn run(controllers: &Controllers) {
    let store = controllers.server.store();
    let mut revisions = VecDeque::new();
    loop {
        sleep(LOOK_EVERY).await;
        revisions.push_back(store.revision());
        if revisions.len() > HISTORY_MINUTES
            && let Some(old) = revisions.pop_front()
        {
            store.compact(old);
        }
        end_events(controllers);
    }
}

/// Removes events that nobody has touched for an hour.
fn end_events(controllers: &Controllers) {
    let (store, prefix) = (controllers.server.store(), StoragePrefix::new("", "events"));
    let now = controllers.server.parts().clock.now().as_second();
    for stored in store.list_all(&prefix, &Range::scope(Scope::All)).items {
        let event = stored.value();
        let last =
            ["/lastTimestamp", "/series/lastObservedTime", "/eventTime", "/metadata/creationTimestamp"]
                .iter()
                .filter_map(|path| event.pointer(path).and_then(Value::as_str)?.parse::<Timestamp>().ok())
                .map(|t| t.as_second())
                .max();
        if last.is_some_and(|last| now - last > EVENTS_LAST_SECONDS) {
            // A conflict means that somebody has just touched it.
            let _ = store.delete(&prefix, &stored.key, stored.revision);
        }
    }
}
