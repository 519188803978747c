//! The worker of one controller: takes keys in fair turns, runs them, decides when they come again.

use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::{FutureExt as _, future::BoxFuture};
use runtime::{Lane, Popped, Stop, Taken};
use tokio::{task::JoinSet, time::Instant};

use super::{
    Hook,
    shared::{Failing, Group, Shared},
};
use crate::{Action, Cached, Cluster, Fleet, Gone, KeyBackoff, ObjectKey, action::Next, store::Place};

/// What a job gets beside its object.
pub(super) struct Run {
    pub(super) cluster: Cluster,
    pub(super) key: ObjectKey,
    pub(super) attempt: u32,
    pub(super) cancelled: Stop,
}

/// How a reconcile ended.
pub(super) enum Verdict {
    Done(Action),
    Failed { action: Action, early: bool },
}

pub(super) type Job<K> = Arc<dyn Fn(Arc<K>, Run) -> BoxFuture<'static, Verdict> + Send + Sync>;

enum End {
    Verdict(Verdict),
    Panicked,
    TimedOut,
    ClusterGone,
    Deleted,
}

struct Finished {
    group: Group,
    key: ObjectKey,
    end: End,
    took: Duration,
}

/// After its cluster was engaged, an object may be refused for this long only because a virtual workspace lags behind.
const EARLY: Duration = Duration::from_secs(30);
const EARLY_DELAY: Duration = Duration::from_millis(250);

pub(super) struct Worker<K: Cached> {
    pub(super) shared: Arc<Shared<K>>,
    pub(super) fleet: Fleet,
    pub(super) job: Job<K>,
    pub(super) backoff: Arc<dyn KeyBackoff>,
    pub(super) grace: Duration,
    pub(super) timeout: Option<Duration>,
    pub(super) on_deleted: Option<Hook<(Cluster, ObjectKey, Arc<K>)>>,
    pub(super) on_cluster_gone: Option<Hook<(Cluster, Gone)>>,
}

impl<K: Cached> Worker<K> {
    /// Runs until `stop`, then lets running reconciles end within the fleet's drain time, and aborts the rest.
    pub(super) async fn run(&self, stop: Stop) {
        let mut running: JoinSet<Option<Finished>> = JoinSet::new();
        let mut inflight: HashMap<Group, usize> = HashMap::new();
        let mut leaving: HashMap<Group, (Cluster, Gone)> = HashMap::new();
        loop {
            self.depart(&mut leaving, &inflight, &mut running);
            let due = self.start_due(&mut running, &mut inflight);
            let waiting: usize = Lane::ALL.iter().map(|lane| self.shared.queue.lock().depth(*lane)).sum();
            let idle = running.is_empty() && waiting == 0;
            self.shared.idle.send_if_modified(|was| std::mem::replace(was, idle) != idle);
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.shared.wake.notified() => {}
                Some(done) = running.join_next(), if !running.is_empty() => {
                    if let Ok(Some(done)) = done {
                        self.finish(done, &mut inflight);
                    }
                }
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

    fn start_due(
        &self,
        running: &mut JoinSet<Option<Finished>>,
        inflight: &mut HashMap<Group, usize>,
    ) -> Option<Instant> {
        let name = self.shared.rules.name;
        loop {
            let now = Instant::now();
            let popped = {
                let mut queue = self.shared.queue.lock();
                let popped = queue.pop(now);
                if !matches!(popped, Popped::Take(_)) {
                    let depths = Lane::ALL.map(|lane| (lane.name(), queue.depth(lane)));
                    // The oldest key is searched for only where some key waits for a free place.
                    let waits = depths.iter().any(|(_, depth)| *depth > 0);
                    let oldest = if waits { queue.oldest().map(|since| now - since) } else { None };
                    self.fleet.metrics().queue(name, depths, oldest.unwrap_or_default());
                    self.fleet.metrics().inflight(name, queue.running());
                }
                popped
            };
            match popped {
                Popped::Take(taken) => self.start(taken, running, inflight),
                Popped::Until(at) => return Some(at),
                Popped::Idle => return None,
            }
        }
    }

    fn start(
        &self,
        taken: Taken<Group, ObjectKey>,
        running: &mut JoinSet<Option<Finished>>,
        inflight: &mut HashMap<Group, usize>,
    ) {
        let Taken { group, key, .. } = taken;
        let shared = &self.shared;
        let work = shared.cluster_of(&group).and_then(|cluster| {
            let future = self.work(&cluster, &group, &key)?;
            Some((cluster, future))
        });
        let Some((cluster, work)) = work else {
            shared.queue.lock().done(&group, &key, Instant::now());
            return;
        };
        *inflight.entry(group).or_default() += 1;
        let (grace, timeout) = (self.grace, self.timeout.unwrap_or(Duration::from_secs(365 * 86_400)));
        running.spawn(async move {
            let started = Instant::now();
            let work = tokio::time::timeout(timeout, AssertUnwindSafe(work).catch_unwind());
            let ended_by_cluster = async {
                cluster.gone().await;
                tokio::time::sleep(grace).await;
            };
            let end = tokio::select! {
                ended = work => match ended {
                    Ok(Ok(end)) => end,
                    Ok(Err(_)) => End::Panicked,
                    Err(_) => End::TimedOut,
                },
                () = ended_by_cluster => End::ClusterGone,
            };
            Some(Finished { group, key, end, took: started.elapsed() })
        });
    }

    /// What there is to do for a key: reconcile it, tell of its deletion, or nothing.
    fn work(&self, cluster: &Cluster, group: &Group, key: &ObjectKey) -> Option<BoxFuture<'static, End>> {
        let shared = &self.shared;
        if let Some(object) = shared.store.get(&Place::of(cluster), key) {
            let attempt =
                shared.failing.lock().get(&(*group, key.clone())).map_or(0, |failing| failing.attempts);
            let cancelled = self.fleet.stopping().child();
            let run =
                Run { cluster: cluster.clone(), key: key.clone(), attempt, cancelled: cancelled.clone() };
            let (job, gone) = (self.job.clone(), cluster.clone());
            return Some(
                async move {
                    let mut job = job(object, run);
                    tokio::select! {
                        biased;
                        verdict = &mut job => return End::Verdict(verdict),
                        _ = gone.gone() => {}
                    }
                    // The reconcile is told and may end by itself within the grace.
                    cancelled.stop();
                    End::Verdict(job.await)
                }
                .boxed(),
            );
        }
        let last = shared.deleted.lock().remove(&(*group, key.clone()))?;
        let told = self.on_deleted.as_ref()?((cluster.clone(), key.clone(), last));
        Some(told.map(|()| End::Deleted).boxed())
    }

    fn finish(&self, done: Finished, inflight: &mut HashMap<Group, usize>) {
        let Finished { group, key, end, took } = done;
        if let Some(count) = inflight.get_mut(&group) {
            *count -= 1;
            if *count == 0 {
                inflight.remove(&group);
            }
        }
        let name = self.shared.rules.name;
        let gone = self.shared.cluster_of(&group).is_none();
        let now = Instant::now();
        let (result, next) = match end {
            _ if gone => ("gone", None),
            End::ClusterGone => ("gone", None),
            End::Deleted => ("deleted", None),
            End::Verdict(Verdict::Done(action)) => ("success", Some((action.0, false))),
            End::Verdict(Verdict::Failed { action, early }) => ("error", Some((action.0, early))),
            End::Panicked => {
                tracing::error!(controller = name, object = %key, "reconcile panicked");
                ("panic", Some((Next::Backoff, false)))
            }
            End::TimedOut => {
                tracing::warn!(controller = name, object = %key, "reconcile took too long and was dropped");
                ("timeout", Some((Next::Backoff, false)))
            }
        };
        self.fleet.metrics().reconciled(name, result, took);
        let at = (group, key);
        let delay = next.and_then(|(next, early)| self.delay(&at, next, early, now));
        let (group, key) = at;
        let mut queue = self.shared.queue.lock();
        queue.done(&group, &key, now);
        if let Some(delay) = delay {
            queue.push_at(group, key, Lane::Retry, now + delay, now);
        }
    }

    /// The delay until the key runs again without a change, counting its failures.
    fn delay(&self, at: &(Group, ObjectKey), next: Next, early: bool, now: Instant) -> Option<Duration> {
        let mut failing = self.shared.failing.lock();
        match next {
            Next::Change => {
                failing.remove(at);
                None
            }
            Next::After(after) => {
                failing.remove(at);
                Some(after)
            }
            Next::Backoff => {
                let young = self.shared.cluster_of(&at.0).is_some_and(|cluster| cluster.age() < EARLY);
                if early && young {
                    return Some(EARLY_DELAY);
                }
                let entry =
                    failing.entry(at.clone()).or_insert(Failing { attempts: 0, first: now, last: now });
                entry.attempts = entry.attempts.saturating_add(1);
                entry.last = now;
                self.fleet.metrics().retried(self.shared.rules.name);
                Some(self.backoff.delay(entry.attempts, now - entry.first))
            }
        }
    }

    /// Tells of clusters that went, each after the last of its reconciles.
    fn depart(
        &self,
        leaving: &mut HashMap<Group, (Cluster, Gone)>,
        inflight: &HashMap<Group, usize>,
        running: &mut JoinSet<Option<Finished>>,
    ) {
        for (cluster, why) in self.shared.departures.lock().drain(..) {
            leaving.insert(Group::of(&cluster), (cluster, why));
        }
        if leaving.is_empty() {
            return;
        }
        let Some(hook) = &self.on_cluster_gone else {
            leaving.clear();
            return;
        };
        let left: Vec<Group> =
            leaving.keys().filter(|group| !inflight.contains_key(group)).copied().collect();
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

async fn sleep_until(at: Option<Instant>) {
    if let Some(at) = at {
        tokio::time::sleep_until(at).await;
    }
}
