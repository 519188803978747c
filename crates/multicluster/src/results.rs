//! What a controller did, as a stream for tests, logs and tools.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures::{Stream, StreamExt as _, stream::BoxStream};
use tokio::sync::broadcast;

use crate::{Action, ClusterObjectRef};

/// How a reconcile ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReconcileResult {
    /// It was done, and asked for this.
    Done(Action),
    /// It failed with these words.
    Failed(String),
    /// It panicked.
    Panicked,
    /// It took longer than the controller's `reconcile_timeout`.
    TimedOut,
    /// Its cluster went meanwhile; what it said was dropped.
    Gone,
    /// Another replica has its cluster by now.
    Disowned,
    /// It was the hook for a deleted object.
    Deleted,
}

impl ReconcileResult {
    /// The metric label.
    pub fn name(&self) -> &'static str {
        match self {
            ReconcileResult::Done(_) => "success",
            ReconcileResult::Failed(_) => "error",
            ReconcileResult::Panicked => "panic",
            ReconcileResult::TimedOut => "timeout",
            ReconcileResult::Gone => "gone",
            ReconcileResult::Disowned => "disowned",
            ReconcileResult::Deleted => "deleted",
        }
    }
}

/// One reconcile that ended.
#[derive(Clone, Debug)]
pub struct Reconciled {
    /// The object.
    pub object: ClusterObjectRef,
    /// How it ended.
    pub result: ReconcileResult,
    /// How long it took.
    pub took: Duration,
}

/// What a controller does from now on; see [`ControllerHandle::results`](crate::ControllerHandle::results). A reader that is more than 1024
/// results behind misses some.
pub struct Results(BoxStream<'static, Reconciled>);

impl Results {
    pub(crate) fn new(receiver: Option<broadcast::Receiver<Reconciled>>) -> Self {
        let results = futures::stream::unfold(receiver, |receiver| async {
            let mut receiver = receiver?;
            loop {
                match receiver.recv().await {
                    Ok(one) => return Some((one, Some(receiver))),
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
            }
        });
        Results(results.boxed())
    }
}

impl Stream for Results {
    type Item = Reconciled;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Reconciled>> {
        self.0.poll_next_unpin(cx)
    }
}
