//! A keyed work queue that is fair between groups: pure data, no task and no clock of its own.
//!
//! - One key is queued at most once and never runs twice at once; a key pushed while it runs is queued once more when it ends.
//! - Groups take turns, so a group with a million keys delays a group with one key by one item.
//! - Three lanes share 4:2:1 while all are busy, so none starves.
//! - A group, and a bucket of groups, may hold only so many running keys; others go on.
//!
//! Every operation costs the same for ten groups as for ten thousand: what is at its bound leaves the turns until something of it ends.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    hash::Hash,
};

use tokio::time::Instant;

/// Which share of the turns a key gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// A change that just happened: 4 turns of 7.
    Fresh,
    /// A requeue or a retry: 2 turns of 7.
    Retry,
    /// Part of a first list, or of a resync: 1 turn of 7.
    Initial,
}

impl Lane {
    /// All lanes, best first.
    pub const ALL: [Lane; 3] = [Lane::Fresh, Lane::Retry, Lane::Initial];

    /// The metric label of the lane.
    pub fn name(self) -> &'static str {
        match self {
            Lane::Fresh => "fresh",
            Lane::Retry => "retry",
            Lane::Initial => "initial",
        }
    }
}

const TURNS: [Lane; 7] =
    [Lane::Fresh, Lane::Retry, Lane::Fresh, Lane::Initial, Lane::Fresh, Lane::Retry, Lane::Fresh];

/// How many keys may run at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// In the whole queue.
    pub total: usize,
    /// Of one group.
    pub per_group: usize,
    /// Of all groups in one bucket.
    pub per_bucket: usize,
}

/// A key handed out to run; give it back with [`FairQueue::done`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken<G, K> {
    /// The group of the key.
    pub group: G,
    /// The key.
    pub key: K,
    /// The lane it came from.
    pub lane: Lane,
    /// When it was queued.
    pub since: Instant,
}

/// The answer of [`FairQueue::pop`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Popped<G, K> {
    /// Run this now.
    Take(Taken<G, K>),
    /// Nothing before this instant, unless something is pushed or ends.
    Until(Instant),
    /// Nothing, unless something is pushed or ends.
    Idle,
}

#[derive(Clone, Copy)]
struct Entry {
    /// The lane the key waits in, if it waits.
    lane: Option<Lane>,
    since: Instant,
    /// Lanes whose deque still holds the key, possibly as a leftover of an upgrade.
    present: [bool; 3],
    timer: Option<(Instant, u64)>,
    timer_lane: Lane,
    running: bool,
    /// Pushed while running.
    again: Option<(Option<Instant>, Lane)>,
}

struct Group<K> {
    keys: HashMap<K, Entry>,
    lanes: [VecDeque<K>; 3],
    in_ring: [bool; 3],
    running: usize,
}

/// Groups that share a cap, and those of them that wait for their turn.
struct Bucket<G> {
    rings: [VecDeque<G>; 3],
    in_ring: [bool; 3],
    /// Turns left in this round: as many as the bucket had waiting groups, so that groups are equal whatever their bucket.
    turns: [usize; 3],
    running: usize,
}

impl<G> Default for Bucket<G> {
    fn default() -> Self {
        Bucket { rings: Default::default(), in_ring: [false; 3], turns: [0; 3], running: 0 }
    }
}

impl<G> Bucket<G> {
    fn is_idle(&self) -> bool {
        self.running == 0 && self.rings.iter().all(VecDeque::is_empty)
    }
}

impl<K> Default for Group<K> {
    fn default() -> Self {
        Group { keys: HashMap::new(), lanes: Default::default(), in_ring: [false; 3], running: 0 }
    }
}

/// The queue. `G` is the group (a cluster), `K` the key within it (an object).
pub struct FairQueue<G, K> {
    limits: Limits,
    bucket: fn(&G) -> u64,
    groups: HashMap<G, Group<K>>,
    buckets: HashMap<u64, Bucket<G>>,
    rings: [VecDeque<u64>; 3],
    timers: BTreeMap<(Instant, u64), (G, K)>,
    ticket: u64,
    turn: usize,
    running: usize,
    waiting: [usize; 3],
}

impl<G: Clone + Eq + Hash, K: Clone + Eq + Hash> FairQueue<G, K> {
    /// An empty queue; `bucket` tells which groups share a cap.
    pub fn new(limits: Limits, bucket: fn(&G) -> u64) -> Self {
        FairQueue {
            limits,
            bucket,
            groups: HashMap::new(),
            buckets: HashMap::new(),
            rings: Default::default(),
            timers: BTreeMap::new(),
            ticket: 0,
            turn: 0,
            running: 0,
            waiting: [0; 3],
        }
    }

    /// Queues a key now. A key that waits in a worse lane or for a later instant moves up; one that runs is queued again when it ends.
    pub fn push(&mut self, group: G, key: K, lane: Lane, now: Instant) {
        let state = self.groups.entry(group.clone()).or_default();
        let entry = state.keys.entry(key.clone()).or_insert_with(|| Entry::new(now));
        if entry.running {
            let best = entry.again.map_or(lane, |(_, other)| other.min(lane));
            entry.again = Some((None, best));
            return;
        }
        if let Some(timer) = entry.timer.take() {
            self.timers.remove(&timer);
            entry.since = now;
        }
        match entry.lane {
            Some(current) if current <= lane => return,
            Some(current) => self.waiting[current as usize] -= 1,
            None => entry.since = now,
        }
        entry.lane = Some(lane);
        self.waiting[lane as usize] += 1;
        if !entry.present[lane as usize] {
            entry.present[lane as usize] = true;
            state.lanes[lane as usize].push_back(key);
        }
        if state.running < self.limits.per_group && !state.in_ring[lane as usize] {
            state.in_ring[lane as usize] = true;
            self.line_up(group, lane as usize);
        }
    }

    /// Queues a key at `at`, unless it waits already or is due earlier.
    pub fn push_at(&mut self, group: G, key: K, lane: Lane, at: Instant, now: Instant) {
        if at <= now {
            return self.push(group, key, lane, now);
        }
        let state = self.groups.entry(group.clone()).or_default();
        let entry = state.keys.entry(key.clone()).or_insert_with(|| Entry::new(now));
        if entry.running {
            entry.again = Some(match entry.again {
                Some((None, other)) => (None, other),
                Some((Some(other), lane)) if other <= at => (Some(other), lane),
                _ => (Some(at), lane),
            });
            return;
        }
        if entry.lane.is_some() || entry.timer.is_some_and(|(due, _)| due <= at) {
            return;
        }
        if let Some(timer) = entry.timer.take() {
            self.timers.remove(&timer);
        }
        self.ticket += 1;
        entry.timer = Some((at, self.ticket));
        entry.timer_lane = lane;
        self.timers.insert((at, self.ticket), (group, key));
    }

    /// The next key that may run, with fair turns.
    pub fn pop(&mut self, now: Instant) -> Popped<G, K> {
        self.wake_due(now);
        if self.running < self.limits.total {
            let wanted = TURNS[self.turn % TURNS.len()];
            for lane in std::iter::once(wanted).chain(Lane::ALL.into_iter().filter(|lane| *lane != wanted)) {
                if let Some(taken) = self.pop_lane(lane) {
                    self.turn = (self.turn + 1) % TURNS.len();
                    return Popped::Take(taken);
                }
            }
        }
        match self.timers.first_key_value() {
            Some(((at, _), _)) => Popped::Until(*at),
            None => Popped::Idle,
        }
    }

    /// Gives back a key that ran; queues it again if it was pushed meanwhile. Says whether it was.
    pub fn done(&mut self, group: &G, key: &K, now: Instant) -> bool {
        self.running = self.running.saturating_sub(1);
        self.leave_bucket((self.bucket)(group));
        let Some(state) = self.groups.get_mut(group) else { return false };
        let Some(entry) = state.keys.get_mut(key).filter(|entry| entry.running) else { return false };
        entry.running = false;
        state.running = state.running.saturating_sub(1);
        let again = entry.again.take();
        if again.is_none() && entry.present == [false; 3] {
            state.keys.remove(key);
        }
        self.rejoin(group);
        match again {
            Some((None, lane)) => self.push(group.clone(), key.clone(), lane, now),
            Some((Some(at), lane)) => self.push_at(group.clone(), key.clone(), lane, at, now),
            None => {}
        }
        if self.groups.get(group).is_some_and(|state| state.keys.is_empty()) {
            self.groups.remove(group);
        }
        again.is_some()
    }

    /// Forgets all waiting keys of a group; those that run end without being queued again.
    pub fn drop_group(&mut self, group: &G) {
        let Some(state) = self.groups.remove(group) else { return };
        for entry in state.keys.values() {
            if let Some(lane) = entry.lane {
                self.waiting[lane as usize] -= 1;
            }
            if let Some(timer) = entry.timer {
                self.timers.remove(&timer);
            }
        }
    }

    /// Forgets one waiting key; a running one ends without being queued again.
    pub fn forget(&mut self, group: &G, key: &K) {
        let Some(state) = self.groups.get_mut(group) else { return };
        let Some(entry) = state.keys.get_mut(key) else { return };
        entry.again = None;
        if let Some(lane) = entry.lane.take() {
            self.waiting[lane as usize] -= 1;
        }
        if let Some(timer) = entry.timer.take() {
            self.timers.remove(&timer);
        }
        // Where a lane still names the key, its turn removes it.
        if entry.idle() {
            state.keys.remove(key);
            if state.keys.is_empty() {
                self.groups.remove(group);
            }
        }
    }

    /// Keys that wait in a lane now.
    pub fn depth(&self, lane: Lane) -> usize {
        self.waiting[lane as usize]
    }

    /// Keys that wait for an instant.
    pub fn delayed(&self) -> usize {
        self.timers.len()
    }

    /// Keys that run.
    pub fn running(&self) -> usize {
        self.running
    }

    /// Distinct keys that the queue remembers: memory is proportional to this.
    pub fn keys(&self) -> usize {
        self.groups.values().map(|group| group.keys.len()).sum()
    }

    /// The groups that hold the most keys, with how many wait and how many run.
    pub fn fullest(&self, count: usize) -> Vec<(G, usize, usize)> {
        let mut all: Vec<_> = self.groups.iter().collect();
        all.sort_unstable_by_key(|(_, state)| std::cmp::Reverse(state.keys.len()));
        let shown = all.into_iter().take(count);
        shown.map(|(group, state)| (group.clone(), state.keys.len() - state.running, state.running)).collect()
    }

    /// Since when the oldest waiting key waits. Looks at every key.
    pub fn oldest(&self) -> Option<Instant> {
        let waiting = |entry: &&Entry| entry.lane.is_some();
        self.groups
            .values()
            .flat_map(|group| group.keys.values())
            .filter(waiting)
            .map(|entry| entry.since)
            .min()
    }

    fn wake_due(&mut self, now: Instant) {
        while let Some(first) = self.timers.first_entry().filter(|first| first.key().0 <= now) {
            let (group, key) = first.remove();
            let entry = self.groups.get_mut(&group).and_then(|state| state.keys.get_mut(&key));
            let Some(entry) = entry else { continue };
            entry.timer = None;
            let lane = entry.timer_lane;
            self.push(group, key, lane, now);
        }
    }

    fn pop_lane(&mut self, lane: Lane) -> Option<Taken<G, K>> {
        let at = lane as usize;
        while let Some(&id) = self.rings[at].front() {
            let Some(bucket) = self.buckets.get_mut(&id) else {
                self.rings[at].pop_front();
                continue;
            };
            let next =
                if bucket.running < self.limits.per_bucket { bucket.rings[at].pop_front() } else { None };
            let Some(group) = next else {
                // At its cap, or nobody waits: it comes back when something ends or is pushed.
                bucket.in_ring[at] = false;
                self.rings[at].pop_front();
                if bucket.is_idle() {
                    self.buckets.remove(&id);
                }
                continue;
            };
            let Some((key, since, more)) = self.pop_group(&group, at) else { continue };
            let bucket = self.buckets.entry(id).or_default();
            bucket.running += 1;
            if more {
                bucket.rings[at].push_back(group.clone());
            }
            bucket.turns[at] = bucket.turns[at].saturating_sub(1);
            if bucket.turns[at] == 0 {
                bucket.turns[at] = bucket.rings[at].len();
                self.rings[at].rotate_left(1);
            }
            self.running += 1;
            self.waiting[at] -= 1;
            return Some(Taken { group, key, lane, since });
        }
        None
    }

    /// The next key of a group whose turn it is, and whether the group still has more in this lane.
    fn pop_group(&mut self, group: &G, at: usize) -> Option<(K, Instant, bool)> {
        let state = self.groups.get_mut(group)?;
        // A dropped group may have come back since and wait for a turn of its own.
        if !std::mem::take(&mut state.in_ring[at]) || state.running >= self.limits.per_group {
            return None;
        }
        while let Some(key) = state.lanes[at].pop_front() {
            let Some(entry) = state.keys.get_mut(&key) else { continue };
            entry.present[at] = false;
            if entry.lane.is_some_and(|lane| lane as usize == at) {
                entry.lane = None;
                entry.running = true;
                let since = entry.since;
                state.running += 1;
                let more = !state.lanes[at].is_empty() && state.running < self.limits.per_group;
                state.in_ring[at] = more;
                return Some((key, since, more));
            }
            if entry.idle() {
                state.keys.remove(&key);
            }
        }
        if state.keys.is_empty() {
            self.groups.remove(group);
        }
        None
    }

    /// Puts a group behind the others of its bucket.
    fn line_up(&mut self, group: G, at: usize) {
        let id = (self.bucket)(&group);
        let bucket = self.buckets.entry(id).or_default();
        bucket.rings[at].push_back(group);
        self.enter_ring(id, at);
    }

    /// Gives a bucket turns, if it has something that may run and none so far.
    fn enter_ring(&mut self, id: u64, at: usize) {
        let Some(bucket) = self.buckets.get_mut(&id) else { return };
        if bucket.in_ring[at] || bucket.rings[at].is_empty() || bucket.running >= self.limits.per_bucket {
            return;
        }
        bucket.in_ring[at] = true;
        bucket.turns[at] = bucket.rings[at].len();
        self.rings[at].push_back(id);
    }

    /// A key of a bucket ended.
    fn leave_bucket(&mut self, id: u64) {
        let Some(bucket) = self.buckets.get_mut(&id) else { return };
        bucket.running = bucket.running.saturating_sub(1);
        if bucket.is_idle() && bucket.in_ring == [false; 3] {
            self.buckets.remove(&id);
            return;
        }
        for at in 0..3 {
            self.enter_ring(id, at);
        }
    }

    /// A key of a group ended: where it has more, it gets its turns back.
    fn rejoin(&mut self, group: &G) {
        let Some(state) = self.groups.get_mut(group) else { return };
        if state.running >= self.limits.per_group {
            return;
        }
        let mut joins = [false; 3];
        for (at, joins) in joins.iter_mut().enumerate() {
            *joins = !state.lanes[at].is_empty() && !std::mem::replace(&mut state.in_ring[at], true);
        }
        for (at, _) in joins.into_iter().enumerate().filter(|(_, joins)| *joins) {
            self.line_up(group.clone(), at);
        }
    }
}

impl Entry {
    fn new(now: Instant) -> Self {
        Entry {
            lane: None,
            since: now,
            present: [false; 3],
            timer: None,
            timer_lane: Lane::Retry,
            running: false,
            again: None,
        }
    }

    fn idle(&self) -> bool {
        self.lane.is_none() && self.timer.is_none() && !self.running && self.present == [false; 3]
    }
}
