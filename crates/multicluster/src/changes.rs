//! The stream of engagements: a snapshot first, then each change, in bounded memory.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use futures::Stream;
use parking_lot::Mutex;

use crate::{Cluster, Gone, fleet::FleetListener};

/// A cluster came or went.
#[derive(Clone, Debug)]
pub enum FleetChange {
    /// An epoch begins.
    Engaged(Cluster),
    /// An epoch ended.
    Disengaged(Cluster, Gone),
}

#[derive(Default)]
struct Pending {
    queue: VecDeque<FleetChange>,
    waker: Option<Waker>,
}

/// What a reader of the stream has not read yet. An epoch that came and went unread is left out, so memory is bounded by the clusters.
#[derive(Clone, Default)]
pub(crate) struct Changes(Arc<Mutex<Pending>>);

impl Changes {
    fn push(&self, change: FleetChange) {
        let mut pending = self.0.lock();
        let unread = match &change {
            FleetChange::Disengaged(gone, _) => pending.queue.iter().position(
                |other| matches!(other, FleetChange::Engaged(cluster) if cluster.epoch() == gone.epoch()),
            ),
            FleetChange::Engaged(_) => None,
        };
        match unread {
            Some(at) => {
                pending.queue.remove(at);
            }
            None => pending.queue.push_back(change),
        }
        if let Some(waker) = pending.waker.take() {
            waker.wake();
        }
    }
}

impl FleetListener for Changes {
    fn engaged(&self, cluster: &Cluster) {
        self.push(FleetChange::Engaged(cluster.clone()));
    }

    fn disengaged(&self, cluster: &Cluster, why: Gone) {
        self.push(FleetChange::Disengaged(cluster.clone(), why));
    }
}

/// Engagements as a stream; see [`Fleet::events`](crate::Fleet::events). Never ends by itself.
pub struct FleetChanges {
    pub(crate) changes: Changes,
    pub(crate) unlisten: Option<Box<dyn FnOnce() + Send + Sync>>,
}

impl Stream for FleetChanges {
    type Item = FleetChange;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<FleetChange>> {
        let mut pending = self.changes.0.lock();
        if let Some(change) = pending.queue.pop_front() {
            return Poll::Ready(Some(change));
        }
        pending.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for FleetChanges {
    fn drop(&mut self) {
        if let Some(unlisten) = self.unlisten.take() {
            unlisten();
        }
    }
}
