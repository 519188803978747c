//! The server's changelog: where it ends, what came since, and whether it still holds what was read before.

use std::time::Duration;

use fga_engine::{Change, ChangesRequest, PageRequest};
use fga_model::ErrorCode;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::{Shared, follow::Fault};
use crate::PAGE_SIZE_MAX;

/// Changes that are taken in one step; with more to take, reading the store anew is cheaper.
const CHANGES_MAX: usize = 100_000;
/// By how much the time of a change may differ from the time that its place in the changelog is found by.
const SLACK: SignedDuration = SignedDuration::from_secs(1);
/// Where the search for the end of the changelog begins, before and after the time of day.
const FIRST_SPAN: SignedDuration = SignedDuration::from_secs(60);
/// By how much the span grows.
const SPAN_GROWTH: i32 = 4;
/// A span in which the changelog ends is read rather than halved.
const LAST_SPAN: SignedDuration = SignedDuration::from_secs(5);

/// A place in the changelog.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    /// The server's token; empty at the beginning.
    pub token: String,
    /// The last change before it.
    pub anchor: Option<Change>,
}

/// What came since a place, up to the end.
pub(super) struct Tail {
    pub changes: Vec<Change>,
    pub end: Place,
    /// When the request was sent whose answer was the end.
    pub asked: Instant,
    /// Writes through this client that were acknowledged before that.
    pub covers: u64,
}

impl Shared {
    /// What came since `place`.
    ///
    /// The last page is not full, so that it ends with a whole write: pages in between may end inside one.
    pub(super) async fn tail(&self, place: &Place) -> Result<Tail, Fault> {
        let mut end = place.clone();
        let mut changes: Vec<Change> = Vec::new();
        loop {
            let (asked, covers) = (Instant::now(), self.own.lock().last());
            let page = PageRequest::after(end.token.clone()).sized(PAGE_SIZE_MAX);
            let request = ChangesRequest { page, ..ChangesRequest::default() };
            let found = self.remote.read_changes(&self.store, request).await?;
            let full = found.items.len() >= PAGE_SIZE_MAX as usize;
            if !found.items.is_empty() {
                end.token = found.token;
            }
            end.anchor = found.items.last().cloned().or(end.anchor);
            changes.extend(found.items);
            if !full {
                return Ok(Tail { changes, end, asked, covers });
            }
            if changes.len() > CHANGES_MAX {
                return Err(Fault::Gap("there is more in the changelog than in the store"));
            }
        }
    }

    /// Whether the changelog still holds the last change before `place`: servers forget the oldest first, so whatever came
    /// after it is there as well.
    pub(super) async fn holds(&self, place: &Place) -> Result<bool, Fault> {
        let Some(anchor) = &place.anchor else { return Ok(false) };
        let from = shifted(anchor.timestamp, -SLACK);
        let until = shifted(anchor.timestamp, SLACK);
        let mut request = changes_from(from, PAGE_SIZE_MAX);
        loop {
            let found = self.remote.read_changes(&self.store, request).await?;
            if found.items.contains(anchor) {
                return Ok(true);
            }
            let past = found.items.last().is_none_or(|last| last.timestamp > until);
            if past || found.items.len() < PAGE_SIZE_MAX as usize {
                return Ok(false);
            }
            let page = PageRequest::after(found.token).sized(PAGE_SIZE_MAX);
            request = ChangesRequest { page, ..ChangesRequest::default() };
        }
    }

    /// The end of the changelog. It is found by halving time, whatever the server's clock says, and without reading
    /// the whole.
    pub(super) async fn end(&self) -> Result<Place, Fault> {
        let now = self.options.clock.now();
        let mut span = FIRST_SPAN;
        let (mut later, mut earlier);
        if self.has_changes_from(now).await? {
            // The server's clock is ahead.
            earlier = now;
            loop {
                later = shifted(now, span);
                if later == Timestamp::MAX || !self.has_changes_from(later).await? {
                    break;
                }
                (earlier, span) = (later, span.saturating_mul(SPAN_GROWTH));
            }
        } else {
            later = now;
            loop {
                earlier = shifted(now, -span);
                if earlier <= Timestamp::UNIX_EPOCH {
                    return Ok(self.tail(&Place::default()).await?.end);
                }
                if self.has_changes_from(earlier).await? {
                    break;
                }
                (later, span) = (earlier, span.saturating_mul(SPAN_GROWTH));
            }
        }
        while later.duration_since(earlier) > LAST_SPAN {
            let middle = shifted(earlier, later.duration_since(earlier) / 2);
            if self.has_changes_from(middle).await? { earlier = middle } else { later = middle }
        }
        let found = self.remote.read_changes(&self.store, changes_from(earlier, PAGE_SIZE_MAX)).await?;
        let place = Place { token: found.token, anchor: found.items.last().cloned() };
        if place.anchor.is_none() {
            return Err(Fault::Gap("the changelog forgot its end while it was looked for"));
        }
        Ok(self.tail(&place).await?.end)
    }

    async fn has_changes_from(&self, time: Timestamp) -> Result<bool, Fault> {
        match self.remote.read_changes(&self.store, changes_from(time, 1)).await {
            Ok(found) => Ok(!found.items.is_empty()),
            // Servers refuse a time that they have not reached.
            Err(error) if error.is(ErrorCode::ValidationError) || error.is(ErrorCode::InvalidStartTime) => {
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn changes_from(time: Timestamp, size: u32) -> ChangesRequest {
    let page = PageRequest::default().sized(size);
    ChangesRequest { start_time: Some(time), page, ..ChangesRequest::default() }
}

fn shifted(time: Timestamp, by: SignedDuration) -> Timestamp {
    let end = if by.is_negative() { Timestamp::UNIX_EPOCH } else { Timestamp::MAX };
    time.checked_add(by).unwrap_or(end)
}

/// A wait that doubles with every failure.
pub(super) fn pause(first: Duration, failures: u32, max: Duration) -> Duration {
    first.saturating_mul(1 << failures.min(16)).min(max)
}
