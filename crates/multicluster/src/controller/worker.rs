//! The worker of one controller: takes keys in fair turns, runs them, decides when they come again.

use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::{FutureExt as _, future::BoxFuture};
use runtime::{Lane, Popped, Stop, Taken};
use tokio::{task::JoinSet, time::Instant};
use tracing::Instrument as _;

use super::{
    Hook,
    shared::{Failing, Group, Member, Shared},
};
use crate::{
    Action, Cached, Cluster, Fence, Fleet, Gone, KeyBackoff, ObjectKey, ReconcileResult, Reconciled,
    action::Next, metrics::ControllerMetrics, store::Place,
};

/// What a job gets beside its object.
pub(super) struct Run {
    pub(super) cluster: Cluster,
    pub(super) key: ObjectKey,
    pub(super) attempt: u32,
    pub(super) cancelled: Stop,
    pub(super) fence: Fence,
}

/// How a reconcile ended.
pub(super) enum Verdict {
    Done(Action),
    Failed { action: Action, early: bool, error: String },
}

pub(super) type Job<K> = Arc<dyn Fn(Arc<K>, Run) -> BoxFuture<'static, Verdict> + Send + Sync>;

enum End {
    Verdict(Verdict),
    Panicked,
    TimedOut,
    ClusterGone,
    /// Another replica may work on the cluster from now on.
    Disowned,
    Deleted,
}

struct Finished {
    group: Group,
    key: ObjectKey,
    end: End,
    took: Duration,
}

type Running = JoinSet<Option<Finished>>;

/// After its cluster was engaged, an object may be refused for this long only because a virtual workspace lags behind.
const EARLY: Duration = Duration::from_secs(30);
const EARLY_DELAY: Duration = Duration::from_millis(250);
/// The age of the oldest key is looked for at most this often: it costs a look at every key.
const GLANCE: Duration = Duration::from_secs(1);

pub(super) struct Worker<K: Cached> {
    pub(super) shared: Arc<Shared<K>>,
    pub(super) fleet: Fleet,
    pub(super) job: Job<K>,
    pub(super) backoff: Arc<dyn KeyBackoff>,
    pub(super) grace: Duration,
    pub(super) timeout: Option<Duration>,
    pub(super) on_deleted: Option<Hook<(Cluster, ObjectKey, Arc<K>)>>,
    pub(super) on_cluster_gone: Option<Hook<(Cluster, Gone)>>,
    pub(super) metrics: ControllerMetrics,
}

impl<K: Cached> Worker<K> {
    /// Runs until `stop`, then lets running reconciles end within the fleet's drain time, and aborts the rest.
    pub(super) async fn run(&self, stop: Stop) {
        let mut running = Running::new();
        let mut inflight: HashMap<Group, usize> = HashMap::new();
        let mut leaving: HashMap<Group, (Cluster, Gone)> = HashMap::new();
        let mut glanced: Option<Instant> = None;
        loop {
            self.depart(&mut leaving, &inflight, &mut running);
            let due = self.start_due(&mut running, &mut inflight, &stop);
            self.measure(&mut glanced, running.is_empty());
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                // Before what is new: ends are bounded by what runs, changes are not.
                Some(done) = running.join_next(), if !running.is_empty() => {
                    self.finish(done, &mut inflight);
                    while let Some(done) = running.try_join_next() {
                        self.finish(done, &mut inflight);
                    }
                }
                () = self.shared.wake.notified() => {}
                () = sleep_until(due), if due.is_some() => {}
            }
        }
        let drain = self.fleet.limits().drain;
        let drained =
            tokio::time::timeout(drain, async { while running.join_next().await.is_some() {} }).await;
        if drained.is_err() {
            tracing::warn!(
                controller = self.shared.rules.name,
                left = running.len(),
                "aborting reconciles at shutdown"
            );
        }
        running.shutdown().await;
        self.shared.idle.send_replace(true);
    }

    fn measure(&self, glanced: &mut Option<Instant>, none_runs: bool) {
        let queue = self.shared.queue.lock();
        let depths = Lane::ALL.map(|lane| queue.depth(lane));
        self.metrics.queue(depths, queue.running());
        let waits = depths.iter().any(|depth| *depth > 0);
        let now = Instant::now();
        if !waits {
            self.metrics.oldest(Duration::ZERO);
        } else if glanced.is_none_or(|at| at + GLANCE <= now) {
            *glanced = Some(now);
            self.metrics.oldest(queue.oldest().map(|since| now - since).unwrap_or_default());
        }
        drop(queue);
        let idle = none_runs && !waits;
        self.shared.idle.send_if_modified(|was| std::mem::replace(was, idle) != idle);
    }

    fn start_due(
        &self,
        running: &mut Running,
        inflight: &mut HashMap<Group, usize>,
        stop: &Stop,
    ) -> Option<Instant> {
        loop {
            let popped = self.shared.queue.lock().pop(Instant::now());
            match popped {
                Popped::Take(taken) => self.start(taken, running, inflight, stop),
                Popped::Until(at) => return Some(at),
                Popped::Idle => return None,
            }
        }
    }

    fn start(
        &self,
        taken: Taken<Group, ObjectKey>,
        running: &mut Running,
        inflight: &mut HashMap<Group, usize>,
        stop: &Stop,
    ) {
        let Taken { group, key, .. } = taken;
        let shared = &self.shared;
        // The one place where ownership is checked: nothing starts for a cluster that another replica has.
        let member = shared.member_of(&group).filter(|member| member.fence.is_held());
        let work = member.and_then(|member| {
            let work = self.work(&member, &group, &key, stop)?;
            Some((member, work))
        });
        let Some((member, work)) = work else {
            shared.queue.lock().done(&group, &key, Instant::now());
            return;
        };
        *inflight.entry(group).or_default() += 1;
        let busy = member.fence.busy();
        running.spawn(async move {
            let started = Instant::now();
            let end = work.await;
            drop(busy);
            Some(Finished { group, key, end, took: started.elapsed() })
        });
    }

    /// What there is to do for a key: reconcile it, tell of its deletion, or nothing.
    fn work(
        &self,
        member: &Member,
        group: &Group,
        key: &ObjectKey,
        stop: &Stop,
    ) -> Option<BoxFuture<'static, End>> {
        let (shared, cluster) = (&self.shared, &member.cluster);
        let Some(object) = shared.store.get(&Place::of(cluster), key) else {
            let last = shared.take_deleted(group, key)?;
            let told = self.on_deleted.as_ref()?((cluster.clone(), key.clone(), last));
            return Some(AssertUnwindSafe(told).catch_unwind().map(deleted).boxed());
        };
        let failing = shared.failing.lock();
        let attempt = failing.get(group).and_then(|keys| keys.get(key)).map_or(0, |failing| failing.attempts);
        drop(failing);
        let cancelled = Stop::new();
        let span = tracing::info_span!("reconcile", controller = shared.rules.name, cluster = %cluster.key(),
            path = cluster.alias().as_deref().unwrap_or_default(), object = %key, attempt, epoch = %cluster.epoch());
        let run = Run {
            cluster: cluster.clone(),
            key: key.clone(),
            attempt,
            cancelled: cancelled.clone(),
            fence: member.fence.clone(),
        };
        let watched = Watched {
            cluster: cluster.clone(),
            fence: member.fence.clone(),
            stop: stop.clone(),
            cancelled,
            grace: self.grace,
            timeout: self.timeout,
        };
        // Called inside, so that a panic before the first await is caught as well.
        let job = self.job.clone();
        let verdict = AssertUnwindSafe(async move { job(object, run).await }).catch_unwind();
        let ended = verdict.map(|ended| ended.map_or(End::Panicked, End::Verdict)).instrument(span);
        Some(watched.run(ended).boxed())
    }

    fn finish(
        &self,
        done: Result<Option<Finished>, tokio::task::JoinError>,
        inflight: &mut HashMap<Group, usize>,
    ) {
        let Ok(Some(Finished { group, key, end, took })) = done else { return };
        if let Some(count) = inflight.get_mut(&group) {
            *count -= 1;
            if *count == 0 {
                inflight.remove(&group);
            }
        }
        let (name, now) = (self.shared.rules.name, Instant::now());
        let member = self.shared.member_of(&group);
        let (result, next) = match end {
            _ if member.is_none() => (ReconcileResult::Gone, None),
            End::ClusterGone => (ReconcileResult::Gone, None),
            End::Disowned => (ReconcileResult::Disowned, None),
            End::Deleted => (ReconcileResult::Deleted, None),
            End::Verdict(Verdict::Done(action)) => (ReconcileResult::Done(action), Some((action.0, false))),
            End::Verdict(Verdict::Failed { action, early, error }) => {
                (ReconcileResult::Failed(error), Some((action.0, early)))
            }
            End::Panicked => {
                tracing::error!(controller = name, object = %key, "reconcile panicked");
                (ReconcileResult::Panicked, Some((Next::Backoff, false)))
            }
            End::TimedOut => {
                tracing::warn!(controller = name, object = %key, "reconcile took too long and was dropped");
                (ReconcileResult::TimedOut, Some((Next::Backoff, false)))
            }
        };
        self.metrics.reconciled(result.name(), took);
        let young = member.as_ref().is_some_and(|member| member.cluster.age() < EARLY);
        let delay = next.and_then(|(next, early)| self.delay(&group, &key, next, early && young, now));
        if let Some(member) = member.filter(|_| self.shared.results.receiver_count() > 0) {
            let object = member.cluster.object(key.clone());
            // Without a reader there is nobody to tell.
            let _ = self.shared.results.send(Reconciled { object, result, took });
        }
        let mut queue = self.shared.queue.lock();
        queue.done(&group, &key, now);
        if let Some(delay) = delay {
            queue.push_at(group, key, Lane::Retry, now + delay, now);
        }
    }

    /// The delay until the key runs again without a change, counting its failures.
    fn delay(
        &self,
        group: &Group,
        key: &ObjectKey,
        next: Next,
        early: bool,
        now: Instant,
    ) -> Option<Duration> {
        let mut failing = self.shared.failing.lock();
        if next != Next::Backoff {
            if let Some(keys) = failing.get_mut(group) {
                keys.remove(key);
                if keys.is_empty() {
                    failing.remove(group);
                }
            }
            return match next {
                Next::After(after) => Some(after),
                Next::Change | Next::Backoff => None,
            };
        }
        if early {
            return Some(EARLY_DELAY);
        }
        let fresh = Failing { attempts: 0, first: now, last: now };
        let entry = failing.entry(*group).or_default().entry(key.clone()).or_insert(fresh);
        entry.attempts = entry.attempts.saturating_add(1);
        entry.last = now;
        self.metrics.retried();
        Some(self.backoff.delay(entry.attempts, now - entry.first))
    }

    /// Tells of clusters that went, each after the last of its reconciles.
    fn depart(
        &self,
        leaving: &mut HashMap<Group, (Cluster, Gone)>,
        inflight: &HashMap<Group, usize>,
        running: &mut Running,
    ) {
        for (member, why) in self.shared.departures.lock().drain(..) {
            leaving.insert(member.group(), (member.cluster, why));
        }
        if leaving.is_empty() {
            return;
        }
        let Some(hook) = &self.on_cluster_gone else {
            leaving.clear();
            return;
        };
        let mut left: Vec<Group> =
            leaving.keys().filter(|group| !inflight.contains_key(group)).copied().collect();
        left.sort_unstable_by_key(|group| group.epoch);
        for group in left {
            let Some((cluster, why)) = leaving.remove(&group) else { continue };
            let told = hook((cluster, why));
            running.spawn(async move {
                if AssertUnwindSafe(told).catch_unwind().await.is_err() {
                    tracing::error!("hook for a cluster that went panicked");
                }
                None
            });
        }
    }
}

fn deleted(told: Result<(), Box<dyn std::any::Any + Send>>) -> End {
    match told {
        Ok(()) => End::Deleted,
        Err(_) => {
            tracing::error!("hook for a deleted object panicked");
            End::Deleted
        }
    }
}

/// What ends a reconcile from outside.
struct Watched {
    cluster: Cluster,
    fence: Fence,
    stop: Stop,
    cancelled: Stop,
    grace: Duration,
    timeout: Option<Duration>,
}

impl Watched {
    async fn run(self, work: impl Future<Output = End>) -> End {
        let mut work = std::pin::pin!(work);
        let timeout = self.timeout.map(|timeout| Instant::now() + timeout);
        let mut told = false;
        loop {
            tokio::select! {
                biased;
                end = &mut work => return end,
                () = self.fence.lost() => return End::Disowned,
                _ = self.cluster.gone() => break,
                // It is told, and may end by itself while the worker drains.
                () = self.stop.cancelled(), if !told => {
                    told = true;
                    self.cancelled.stop();
                }
                () = sleep_until(timeout), if timeout.is_some() => return End::TimedOut,
            }
        }
        self.cancelled.stop();
        let ended = tokio::time::timeout(self.grace, work).await;
        ended.unwrap_or(End::ClusterGone)
    }
}

async fn sleep_until(at: Option<Instant>) {
    if let Some(at) = at {
        tokio::time::sleep_until(at).await;
    }
}
