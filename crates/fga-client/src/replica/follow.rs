//! Following: read the whole store once, then take what the changelog shows, step by step.

use std::{sync::Arc, sync::atomic::Ordering, time::Duration};

use fga_engine::{Change, Operation, PageRequest, StoredModel, TupleFilter};
use runtime::Stop;
use tokio::time::Instant;

use super::{
    Replica, Shared,
    changelog::{Place, pause},
    view::{Stands, View},
};
use crate::{ErrorCategory, PAGE_SIZE_MAX, RelationshipError};

/// Longest wait after failures.
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// Tries to see tuples and model of one moment while models are being written.
const ROUNDS_MAX: usize = 8;
/// Time after which the last change is looked for again although nothing else happened.
const ANCHOR_EVERY: Duration = Duration::from_secs(30);

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The server did not answer, or refused.
    #[error(transparent)]
    Server(#[from] RelationshipError),
    /// The changelog does not lead from the copy to the server's state.
    #[error("the changelog has a gap: {0}")]
    Gap(&'static str),
    /// Models were written faster than they could be read.
    #[error("models are written faster than they are read")]
    Moving,
    /// The copy cannot be made.
    #[error("the copy cannot be kept: {0}")]
    Copy(String),
}

impl Fault {
    /// Whether the copy is of no use any more.
    fn asks_for_a_new_copy(&self) -> bool {
        match self {
            Fault::Gap(_) | Fault::Copy(_) => true,
            Fault::Moving => false,
            // A token that is not known any more, a store that is gone.
            Fault::Server(error) => error.category() == ErrorCategory::Caller,
        }
    }
}

/// A copy and its place in the changelog.
struct Following {
    view: Arc<View>,
    place: Place,
    /// When the last change before the place was last seen in the changelog.
    anchored: Instant,
    booted: Instant,
}

impl Replica {
    /// Follows the server until the signal. Run it as a task; what fails is tried again, and shows in the status and the lag.
    ///
    /// # Cancellation
    /// The copy stays as it is, and its lag grows.
    pub async fn follow(&self, stop: Stop) {
        stop.or(self.shared.follow()).await;
    }
}

impl Shared {
    async fn follow(&self) {
        let mut failures = 0;
        loop {
            match self.boot().await {
                Ok(following) => {
                    failures = 0;
                    self.publish(&following);
                    self.steps(following).await;
                }
                Err(fault) => {
                    if matches!(&fault, Fault::Server(error) if error.is_not_found()) {
                        *self.view.write() = None;
                    }
                    self.tell(Some(&fault));
                    tokio::time::sleep(pause(self.options.poll_every, failures, PAUSE_MAX)).await;
                    failures += 1;
                }
            }
        }
    }

    fn publish(&self, following: &Following) {
        *self.view.write() = Some(following.view.clone());
        self.boots.fetch_add(1, Ordering::Relaxed);
        self.tell(None);
    }

    /// Shows what a step came to, and wakes who waits for it.
    fn tell(&self, fault: Option<&Fault>) {
        *self.fault.lock() = fault.map(ToString::to_string);
        self.steps.send_modify(|step| *step += 1);
    }

    /// Steps until the copy has to be made anew.
    async fn steps(&self, mut following: Following) {
        let mut failures = 0;
        loop {
            let wait = pause(self.options.poll_every, failures, PAUSE_MAX);
            // In this order: a schedule of one seed has to repeat.
            tokio::select! {
                biased;
                () = tokio::time::sleep(wait) => {}
                () = self.nudge.notified(), if failures == 0 => {}
            }
            if following.booted.elapsed() >= self.options.reread_every {
                return;
            }
            // After a failure the server may be another one than before.
            let suspicious = failures > 0 || following.anchored.elapsed() >= ANCHOR_EVERY;
            match self.step(&mut following, suspicious).await {
                Ok(()) => {
                    failures = 0;
                    self.tell(None);
                }
                Err(fault) => {
                    self.tell(Some(&fault));
                    if fault.asks_for_a_new_copy() {
                        return;
                    }
                    failures += 1;
                }
            }
        }
    }

    /// A copy of the whole store. Reading takes time in which the store goes on changing: what the changelog shows from
    /// before the reading on is applied over it, the last change of each tuple last.
    async fn boot(&self) -> Result<Following, Fault> {
        let booted = Instant::now();
        let place = self.end().await?;
        let model = self.remote.latest_model(&self.store).await?;
        let view = View::empty(booted)?;
        let latest = model.as_ref().map(|model| model.id.clone());
        view.apply(model, Vec::new())?;
        view.stand(Stands { model: latest, ..view.stands() });
        let mut page = PageRequest::default().sized(PAGE_SIZE_MAX);
        loop {
            let found = self.remote.read(&self.store, TupleFilter::everything(), page).await?;
            let stored = found.items.into_iter();
            let changes = stored.map(|tuple| Change {
                key: tuple.key,
                operation: Operation::Write,
                timestamp: tuple.timestamp,
            });
            view.apply(None, changes.collect())?;
            if found.token.is_empty() {
                break;
            }
            page = PageRequest::after(found.token).sized(PAGE_SIZE_MAX);
        }
        self.own.lock().forget();
        let mut following = Following { view: Arc::new(view), place, anchored: booted, booted };
        self.step(&mut following, true).await?;
        Ok(following)
    }

    /// Takes what came since the last step, and the latest model.
    ///
    /// Tuples and model have to be of one moment, or an answer could be one that the server never gave. The model is read
    /// before and after the changes; where it is the same, it was the latest when the changes were read.
    async fn step(&self, following: &mut Following, suspicious: bool) -> Result<(), Fault> {
        let stands = following.view.stands();
        let mut place = following.place.clone();
        let mut changes: Vec<Change> = Vec::new();
        let mut newer: Option<StoredModel> = None;
        let mut anchored = following.anchored;
        for _ in 0..ROUNDS_MAX {
            let tail = self.tail(&place).await?;
            if (suspicious || !tail.changes.is_empty()) && !self.continues(&place, &tail.changes).await? {
                return Err(Fault::Gap("what was read before is not there any more"));
            }
            if suspicious || !tail.changes.is_empty() {
                anchored = tail.asked;
            }
            place = tail.end;
            changes.extend(tail.changes);
            let model_due = stands.model_asked.elapsed() >= self.options.model_every
                || self.own.lock().last_model() > stands.covers;
            let mut model_asked = stands.model_asked;
            if suspicious || model_due || !changes.is_empty() || newer.is_some() {
                model_asked = Instant::now();
                let latest = self.remote.latest_model(&self.store).await?;
                let known = newer.as_ref().map(|model| &model.id).or(stands.model.as_ref());
                if latest.as_ref().map(|model| &model.id) != known {
                    if latest.is_none() {
                        return Err(Fault::Gap("the store lost its models"));
                    }
                    newer = latest;
                    continue;
                }
            }
            let model = newer.as_ref().map(|model| model.id.clone()).or(stands.model);
            following.view.apply(newer, changes.clone())?;
            let hidden = self.own.lock().seen(&changes, &following.view, tail.covers);
            let (covers, tuples) = match hidden {
                None => (tail.covers, tail.asked),
                // The server hides the end of its changelog: the copy is true only of the time before.
                Some((number, acknowledged)) => (number - 1, tail.asked.min(acknowledged)),
            };
            following.view.stand(Stands { tuples, model_asked, model, covers });
            (following.place, following.anchored) = (place, anchored);
            return Ok(());
        }
        Err(Fault::Moving)
    }

    /// Whether changes follow on what was read before.
    async fn continues(&self, place: &Place, changes: &[Change]) -> Result<bool, Fault> {
        match &place.anchor {
            Some(_) => self.holds(place).await,
            // Before the first change there is nothing that could be missed, and nothing that shows that nothing was.
            None => Ok(changes.is_empty()),
        }
    }
}
