//! Watch: the present state where it is asked for, then every change, bookmarks in between, an orderly end.

use std::time::Duration;

use futures::Stream;
use runtime::Stop;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::collection::{Filter, parse_revision, shown};
use crate::error::ApiError;
use crate::object;
use crate::partition::Partition;
use crate::query::ListOptions;
use crate::server::ApiServer;
use crate::store::{Change, Event, StoreError, Stored, Watcher};

/// The annotation of the bookmark that ends the initial state.
pub(crate) const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);
const LASTS_AT_MOST: Duration = Duration::from_secs(45 * 60);
// How many changes are turned into frames before others get their turn.
const BURST: usize = 64;

/// One element of a watch, decorated and in the served version.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Frame {
    Added(Partition, Value),
    Modified(Partition, Value),
    Deleted(Partition, Value),
    /// Everything up to the revision has been given; `true`: the initial state is complete.
    Bookmark(u64, bool),
}

impl Frame {
    /// The text of the `type` field.
    pub(crate) fn type_text(&self) -> &'static str {
        match self {
            Self::Added(..) => "ADDED",
            Self::Modified(..) => "MODIFIED",
            Self::Deleted(..) => "DELETED",
            Self::Bookmark(..) => "BOOKMARK",
        }
    }

    /// The object of the frame.
    pub(crate) fn into_object(self, filter: &Filter) -> Value {
        match self {
            Self::Added(_, object) | Self::Modified(_, object) | Self::Deleted(_, object) => object,
            Self::Bookmark(revision, initial) => {
                let mut metadata =
                    json!({"resourceVersion": revision.to_string(), "creationTimestamp": null});
                if initial {
                    metadata["annotations"] = json!({INITIAL_EVENTS_END: "true"});
                }
                json!({
                    "kind": &*filter.resource.gvk.kind,
                    "apiVersion": filter.resource.api_version(),
                    "metadata": metadata,
                })
            }
        }
    }
}

/// Everything a running watch needs.
pub(crate) struct Watch {
    server: ApiServer,
    filter: Filter,
    initial: Vec<Stored>,
    initial_revision: u64,
    watcher: Watcher,
    bookmarks: bool,
    announce_end: bool,
    lasts: Duration,
    stop: Stop,
}

/// Opens a watch.
pub(crate) fn open(
    server: &ApiServer,
    filter: Filter,
    options: &ListOptions,
    stop: Stop,
) -> Result<Watch, ApiError> {
    let revision = parse_revision(&options.resource_version)?;
    let wants_state = match options.send_initial_events {
        Some(wanted) => wanted,
        None => revision == 0,
    };
    let store = server.store();
    let prefix = &filter.resource.storage;
    let (initial, initial_revision, watcher) = if wants_state {
        let current = store.revision();
        if revision > current {
            return Err(super::collection::too_large(revision, current));
        }
        let (page, watcher) = store.list_and_watch(prefix, filter.range.clone());
        let watcher =
            watcher.ok_or_else(|| ApiError::internal("the watch could not begin at the present"))?;
        (page.items, page.revision, watcher)
    } else {
        let from = (revision > 0).then_some(revision);
        let watcher = store.watch(prefix, filter.range.clone(), from).map_err(|e| too_old(&e))?;
        (Vec::new(), revision, watcher)
    };
    Ok(Watch {
        server: server.clone(),
        filter,
        initial,
        initial_revision,
        watcher,
        bookmarks: options.bookmarks,
        announce_end: options.send_initial_events == Some(true),
        lasts: options.timeout_seconds.map_or(LASTS_AT_MOST, Duration::from_secs),
        stop,
    })
}

fn too_old(error: &StoreError) -> ApiError {
    match error {
        StoreError::Expired { requested, oldest } => {
            ApiError::expired(format!("too old resource version: {requested} ({oldest})"))
        }
        other => ApiError::internal(other),
    }
}

impl Watch {
    /// The frames. The stream ends when time is up, when the host stops it, or when the watcher was too slow.
    pub(crate) fn frames(self) -> impl Stream<Item = Result<Frame, ApiError>> + Send + 'static {
        let Self {
            server,
            filter,
            initial,
            initial_revision,
            mut watcher,
            bookmarks,
            announce_end,
            lasts,
            stop,
        } = self;
        async_stream::stream! {
            for stored in initial {
                match initial_frame(&server, &filter, &stored) {
                    Ok(Some(frame)) => yield Ok(frame),
                    Ok(None) => {}
                    Err(error) => { yield Err(error); return; }
                }
            }
            if announce_end {
                yield Ok(Frame::Bookmark(initial_revision, true));
            }
            let end = Instant::now() + lasts;
            let mut bookmark = Instant::now() + BOOKMARK_EVERY;
            loop {
                let mut taken = 0;
                while let Some(next) = if taken < BURST { watcher.try_next() } else { None } {
                    taken += 1;
                    let Ok(event) = next else { return };
                    match frame(&server, &filter, &event) {
                        Ok(Some(frame)) => yield Ok(frame),
                        Ok(None) => {}
                        Err(error) => { yield Err(error); return; }
                    }
                }
                if taken == BURST {
                    tokio::task::yield_now().await;
                    continue;
                }
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    next = watcher.next() => {
                        let Ok(event) = next else { return };
                        match frame(&server, &filter, &event) {
                            Ok(Some(frame)) => yield Ok(frame),
                            Ok(None) => {}
                            Err(error) => { yield Err(error); return; }
                        }
                    }
                    () = sleep_until(end) => {
                        if let Some(revision) = watcher.caught_up().filter(|_| bookmarks) {
                            yield Ok(Frame::Bookmark(revision, false));
                        }
                        return;
                    }
                    () = sleep_until(bookmark), if bookmarks => {
                        bookmark = Instant::now() + BOOKMARK_EVERY;
                        if let Some(revision) = watcher.caught_up() {
                            yield Ok(Frame::Bookmark(revision, false));
                        }
                    }
                }
            }
        }
    }

    /// What the watch shows.
    pub(crate) fn filter(&self) -> &Filter {
        &self.filter
    }
}

fn initial_frame(server: &ApiServer, filter: &Filter, stored: &Stored) -> Result<Option<Frame>, ApiError> {
    Ok(shown(filter, stored)?.map(|object| {
        let partition = stored.key.partition().clone();
        let object = decorated(server, &partition, object);
        Frame::Added(partition, object)
    }))
}

/// The frame of a change: with selectors, an object that begins or ceases to match appears or disappears.
fn frame(server: &ApiServer, filter: &Filter, event: &Event) -> Result<Option<Frame>, ApiError> {
    let now = Stored { key: event.key.clone(), revision: event.revision, bytes: event.object.clone() };
    let partition = event.key.partition().clone();
    if filter.is_open() {
        let object = decorated(server, &partition, super::served(&filter.resource, &now)?);
        return Ok(Some(match event.change {
            Change::Added => Frame::Added(partition, object),
            Change::Modified => Frame::Modified(partition, object),
            Change::Deleted => Frame::Deleted(partition, object),
        }));
    }
    let before = match &event.previous {
        Some((bytes, revision)) => {
            shown(filter, &Stored { key: event.key.clone(), revision: *revision, bytes: bytes.clone() })?
        }
        None => None,
    };
    let after = if event.change == Change::Deleted { None } else { shown(filter, &now)? };
    Ok(match (before, after) {
        (None, None) => None,
        (None, Some(object)) => Some(Frame::Added(partition.clone(), decorated(server, &partition, object))),
        (Some(_), Some(object)) => {
            Some(Frame::Modified(partition.clone(), decorated(server, &partition, object)))
        }
        (Some(before), None) => {
            let mut last =
                if event.change == Change::Deleted { super::served(&filter.resource, &now)? } else { before };
            object::set(&mut last, "resourceVersion", event.revision.to_string());
            Some(Frame::Deleted(partition.clone(), decorated(server, &partition, last)))
        }
    })
}

fn decorated(server: &ApiServer, partition: &Partition, mut object: Value) -> Value {
    server.parts().decorator.decorate(partition, &mut object);
    object
}
