//! The queue against a naive model that looks at every key for every answer: 20,000 seeded schedules.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, time::Duration};

use runtime::{FairQueue, Lane, Limits, Popped};
use tokio::time::Instant;

const TURNS: [Lane; 7] =
    [Lane::Fresh, Lane::Retry, Lane::Fresh, Lane::Initial, Lane::Fresh, Lane::Retry, Lane::Fresh];

fn bucket(group: &u32) -> u64 {
    u64::from(*group % 3)
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Key {
    waits: Option<Lane>,
    due: Option<(Instant, Lane)>,
    running: bool,
    again: Option<(Option<Instant>, Lane)>,
}

/// What the queue promises, in the simplest words.
struct Model {
    limits: Limits,
    keys: BTreeMap<(u32, u32), Key>,
    turn: usize,
}

impl Model {
    fn push(&mut self, at: (u32, u32), lane: Lane) {
        let key = self.keys.entry(at).or_default();
        if key.running {
            key.again = Some((None, key.again.map_or(lane, |(_, other)| other.min(lane))));
            return;
        }
        key.due = None;
        key.waits = Some(key.waits.map_or(lane, |other| other.min(lane)));
    }

    fn push_at(&mut self, at: (u32, u32), lane: Lane, due: Instant, now: Instant) {
        if due <= now {
            return self.push(at, lane);
        }
        let key = self.keys.entry(at).or_default();
        if key.running {
            let sooner = |(other, _): &(Option<Instant>, Lane)| other.is_none_or(|other| other <= due);
            key.again = Some(key.again.filter(sooner).unwrap_or((Some(due), lane)));
        } else if key.waits.is_none() && key.due.is_none_or(|(other, _)| other > due) {
            key.due = Some((due, lane));
        }
    }

    fn wake(&mut self, now: Instant) {
        for key in self.keys.values_mut() {
            if let Some((_, lane)) = key.due.filter(|(due, _)| *due <= now) {
                key.due = None;
                key.waits = Some(lane);
            }
        }
    }

    fn may_run(&self, group: u32) -> bool {
        let (mut all, mut here, mut bucketed) = (0, 0, 0);
        for ((other, _), _) in self.keys.iter().filter(|(_, key)| key.running) {
            all += 1;
            here += usize::from(*other == group);
            bucketed += usize::from(bucket(other) == bucket(&group));
        }
        all < self.limits.total && here < self.limits.per_group && bucketed < self.limits.per_bucket
    }

    /// The lane that has the next turn, if any key may run.
    fn next_lane(&self) -> Option<Lane> {
        let wanted = TURNS[self.turn];
        let order = std::iter::once(wanted).chain(Lane::ALL.into_iter().filter(|lane| *lane != wanted));
        if self.keys.values().all(|key| key.waits.is_none()) {
            return None;
        }
        let may = |lane: &Lane| {
            self.keys.iter().any(|((group, _), key)| key.waits == Some(*lane) && self.may_run(*group))
        };
        order.into_iter().find(may)
    }

    fn pop(&mut self, now: Instant, popped: &Popped<u32, u32>) {
        self.wake(now);
        let expected = self.next_lane();
        match popped {
            Popped::Take(taken) => {
                assert_eq!(Some(taken.lane), expected, "another lane had the turn");
                assert!(self.may_run(taken.group), "{taken:?} is above a limit");
                let Some(key) = self.keys.get_mut(&(taken.group, taken.key)) else {
                    panic!("{taken:?} was never pushed");
                };
                assert_eq!(key.waits.take(), Some(taken.lane), "{taken:?} does not wait there");
                assert!(!std::mem::replace(&mut key.running, true), "{taken:?} runs twice");
                self.turn = (self.turn + 1) % TURNS.len();
            }
            Popped::Until(at) => {
                assert_eq!(expected, None, "a key may run and was not given");
                let first = self.keys.values().filter_map(|key| key.due).map(|(due, _)| due).min();
                assert_eq!(Some(*at), first);
            }
            Popped::Idle => {
                assert_eq!(expected, None, "a key may run and was not given");
                assert!(self.keys.values().all(|key| key.due.is_none()));
            }
        }
    }

    fn done(&mut self, at: (u32, u32), now: Instant) -> bool {
        let Some(key) = self.keys.get_mut(&at) else { return false };
        key.running = false;
        match key.again.take() {
            None => {
                self.keys.remove(&at);
                false
            }
            Some((due, lane)) => {
                match due {
                    None => self.push(at, lane),
                    Some(due) => self.push_at(at, lane, due, now),
                }
                true
            }
        }
    }
}

/// splitmix64: twenty thousand schedules want cheap dice.
fn dice(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |bound| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

fn schedule(seed: u64) {
    let mut roll = dice(seed);
    let limits = Limits {
        total: 1 + roll(6) as usize,
        per_group: 1 + roll(3) as usize,
        per_bucket: 1 + roll(4) as usize,
    };
    let mut queue: FairQueue<u32, u32> = FairQueue::new(limits, bucket);
    let mut model = Model { limits, keys: BTreeMap::new(), turn: 0 };
    let mut now = Instant::now();
    let mut running: Vec<(u32, u32)> = Vec::new();
    let groups = 1 + roll(7);
    for _ in 0..10 + roll(30) {
        let at = (roll(groups) as u32, roll(3) as u32);
        let lane = Lane::ALL[roll(3) as usize];
        match roll(16) {
            0..=4 => {
                queue.push(at.0, at.1, lane, now);
                model.push(at, lane);
            }
            5..=6 => {
                let due = now + Duration::from_secs(roll(6));
                queue.push_at(at.0, at.1, lane, due, now);
                model.push_at(at, lane, due, now);
            }
            7..=11 => {
                run_one(&mut queue, &mut model, now, &mut running);
            }
            12..=13 if !running.is_empty() => {
                let (group, key) = running.swap_remove(roll(running.len() as u64) as usize);
                let again = queue.done(&group, &key, now);
                assert_eq!(again, model.done((group, key), now));
            }
            14 => {
                now += Duration::from_secs(roll(4));
            }
            // Epochs: a group that was dropped never comes back while its keys run.
            15 if roll(2) == 0 && running.iter().all(|(group, _)| *group != at.0) => {
                queue.drop_group(&at.0);
                model.keys.retain(|(group, _), _| *group != at.0);
            }
            15 => {
                queue.forget(&at.0, &at.1);
                if let Some(key) = model.keys.get_mut(&at) {
                    (key.waits, key.due, key.again) = (None, None, None);
                    if !key.running {
                        model.keys.remove(&at);
                    }
                }
            }
            _ => {}
        }
        if roll(3) == 0 && run_one(&mut queue, &mut model, now, &mut running).is_none() {
            for lane in Lane::ALL {
                let count = model.keys.values().filter(|key| key.waits == Some(lane)).count();
                assert_eq!(queue.depth(lane), count, "depth of {lane:?}");
            }
        }
        assert_eq!(queue.running(), running.len());
    }
    // At rest nothing is owed and nothing is remembered.
    for _ in 0..10_000 {
        now += Duration::from_secs(3);
        let popped = queue.pop(now);
        model.pop(now, &popped);
        if let Popped::Take(taken) = popped {
            queue.done(&taken.group, &taken.key, now);
            model.done((taken.group, taken.key), now);
        } else if let Some((group, key)) = running.pop() {
            queue.done(&group, &key, now);
            model.done((group, key), now);
        } else if model.keys.is_empty() {
            break;
        }
    }
    assert!(model.keys.is_empty(), "never ran: {:?}", model.keys);
    while let Popped::Take(_) = queue.pop(now) {}
    assert_eq!((queue.keys(), queue.running(), queue.delayed()), (0, 0, 0));
}

/// Takes the next key from both.
fn run_one(
    queue: &mut FairQueue<u32, u32>,
    model: &mut Model,
    now: Instant,
    running: &mut Vec<(u32, u32)>,
) -> Option<(u32, u32)> {
    let popped = queue.pop(now);
    model.pop(now, &popped);
    let Popped::Take(taken) = popped else { return None };
    running.push((taken.group, taken.key));
    Some((taken.group, taken.key))
}

#[test]
fn f16_queue_agrees_with_a_naive_model_on_twenty_thousand_schedules() {
    for seed in 0..20_000 {
        let run = std::panic::catch_unwind(|| schedule(seed));
        assert!(run.is_ok(), "schedule {seed} disagrees; run `schedule({seed})` alone");
    }
}

#[test]
fn f16_ten_thousand_groups_at_the_cap_of_their_bucket_cost_what_ten_do() {
    let limits = Limits { total: 64, per_group: 2, per_bucket: 32 };
    let run = |groups: u32| {
        let mut queue: FairQueue<u32, u32> = FairQueue::new(limits, |_| 0);
        let now = Instant::now();
        for group in 0..groups {
            for key in 0..(100_000 / groups) {
                queue.push(group, key, Lane::Initial, now);
            }
        }
        let started = std::time::Instant::now();
        let mut running = std::collections::VecDeque::new();
        let mut count = 0;
        while count < 50_000 {
            match queue.pop(now) {
                Popped::Take(taken) => running.push_back(taken),
                _ => {
                    let taken: runtime::Taken<u32, u32> = running.pop_front().unwrap();
                    queue.done(&taken.group, &taken.key, now);
                    count += 1;
                }
            }
        }
        started.elapsed()
    };
    let (few, many) = (run(100), run(10_000));
    // A scan over all groups for each key would be slower a hundredfold; caches alone make a factor of two or three.
    assert!(many < few * 20, "{many:?} for 10,000 groups, {few:?} for 100");
}
