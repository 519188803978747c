//! What the queue promises, on examples and on random sequences against a simple model.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use proptest::prelude::*;
use runtime::{FairQueue, Lane, Limits, Popped};
use tokio::time::Instant;

const WIDE: Limits = Limits { total: usize::MAX, per_group: usize::MAX, per_bucket: usize::MAX };

fn queue(limits: Limits) -> FairQueue<u32, u32> {
    FairQueue::new(limits, |group| u64::from(*group / 10))
}

fn take(queue: &mut FairQueue<u32, u32>, now: Instant) -> Option<(u32, u32)> {
    match queue.pop(now) {
        Popped::Take(taken) => Some((taken.group, taken.key)),
        _ => None,
    }
}

#[test]
fn f16_a_hot_group_delays_another_group_by_one_item() {
    let (mut queue, now) = (queue(WIDE), Instant::now());
    for key in 0..1000 {
        queue.push(1, key, Lane::Fresh, now);
    }
    assert!(take(&mut queue, now).is_some());
    queue.push(2, 7, Lane::Fresh, now);
    let next_two: Vec<_> = (0..2).filter_map(|_| take(&mut queue, now)).collect();
    assert!(next_two.contains(&(2, 7)), "{next_two:?}");
}

#[test]
fn lanes_share_four_to_two_to_one_and_none_starves() {
    let (mut queue, now) = (queue(WIDE), Instant::now());
    for key in 0..700 {
        queue.push(1, key, Lane::Fresh, now);
        queue.push(1, 1000 + key, Lane::Retry, now);
        queue.push(1, 2000 + key, Lane::Initial, now);
    }
    let mut count = [0; 3];
    for _ in 0..700 {
        count[take(&mut queue, now).unwrap().1 as usize / 1000] += 1;
    }
    assert_eq!(count, [400, 200, 100]);
}

#[test]
fn f14_a_slow_group_holds_only_its_share_of_the_workers() {
    let (mut queue, now) = (queue(Limits { total: 100, per_group: 2, per_bucket: 3 }), Instant::now());
    for key in 0..5 {
        queue.push(1, key, Lane::Fresh, now);
        queue.push(2, key, Lane::Fresh, now);
        queue.push(11, key, Lane::Fresh, now);
    }
    let mut running: Vec<_> = std::iter::from_fn(|| take(&mut queue, now)).collect();
    let of = |running: &[(u32, u32)], group| running.iter().filter(|(g, _)| *g == group).count();
    assert_eq!((of(&running, 1) + of(&running, 2), of(&running, 11)), (3, 2));
    let (group, key) = running.remove(0);
    queue.done(&group, &key, now);
    assert!(
        take(&mut queue, now).is_some_and(|(g, _)| g < 10),
        "the freed place goes to the bucket that waits"
    );
    assert!(take(&mut queue, now).is_none());
}

#[test]
fn a_key_that_changes_while_it_runs_runs_once_more() {
    let (mut queue, now) = (queue(WIDE), Instant::now());
    queue.push(1, 1, Lane::Fresh, now);
    assert_eq!(take(&mut queue, now), Some((1, 1)));
    for _ in 0..5 {
        queue.push(1, 1, Lane::Fresh, now);
    }
    assert_eq!(take(&mut queue, now), None, "never twice at once");
    assert!(queue.done(&1, &1, now));
    assert_eq!(take(&mut queue, now), Some((1, 1)));
    assert!(!queue.done(&1, &1, now));
    assert_eq!((take(&mut queue, now), queue.keys()), (None, 0));
}

#[test]
fn a_delayed_key_comes_when_due_and_a_change_pulls_it_forward() {
    let (mut queue, now) = (queue(WIDE), Instant::now());
    let later = now + Duration::from_secs(10);
    queue.push_at(1, 1, Lane::Retry, later, now);
    queue.push_at(1, 2, Lane::Retry, later, now);
    assert_eq!(queue.pop(now), Popped::Until(later));
    queue.push(1, 2, Lane::Fresh, now);
    assert_eq!(take(&mut queue, now), Some((1, 2)));
    assert_eq!(take(&mut queue, later), Some((1, 1)));
    assert_eq!(queue.delayed(), 0);
}

#[test]
fn f09_nothing_of_a_dropped_group_is_queued_again() {
    let (mut queue, now) = (queue(WIDE), Instant::now());
    queue.push(1, 1, Lane::Fresh, now);
    queue.push(1, 2, Lane::Fresh, now);
    queue.push_at(1, 3, Lane::Retry, now + Duration::from_secs(1), now);
    assert!(take(&mut queue, now).is_some());
    queue.push(1, 1, Lane::Fresh, now);
    queue.drop_group(&1);
    queue.done(&1, &1, now);
    assert_eq!(queue.pop(now + Duration::from_secs(2)), Popped::Idle);
    assert_eq!((queue.keys(), queue.running(), queue.depth(Lane::Fresh)), (0, 0, 0));
}

#[derive(Clone, Debug)]
enum Step {
    Push(u32, u32, u8),
    PushAt(u32, u32, u64),
    Pop,
    Done(usize),
    Tick(u64),
    Drop(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..25u32, 0..4u32, 0..3u8).prop_map(|(g, k, l)| Step::Push(g, k, l)),
        2 => (0..25u32, 0..4u32, 0..9u64).prop_map(|(g, k, d)| Step::PushAt(g, k, d)),
        4 => Just(Step::Pop),
        3 => (0..64usize).prop_map(Step::Done),
        1 => (1..5u64).prop_map(Step::Tick),
        1 => (0..25u32).prop_map(Step::Drop),
    ];
    prop::collection::vec(step, 1..300)
}

proptest! {
    #[test]
    fn every_push_is_followed_by_a_run_and_no_key_runs_twice_at_once(steps in steps()) {
        let limits = Limits { total: 6, per_group: 2, per_bucket: 4 };
        let mut queue = queue(limits);
        let mut now = Instant::now();
        // What must still run after the last push, as (group, key); the value is the earliest due time.
        let mut owed: BTreeMap<(u32, u32), Instant> = BTreeMap::new();
        let mut running: BTreeSet<(u32, u32)> = BTreeSet::new();
        let mut orphans = 0; // running keys of dropped groups that came back may run beside the old run
        for step in steps {
            match step {
                Step::Push(g, k, l) => { queue.push(g, k, Lane::ALL[l as usize], now); owed.insert((g, k), now); }
                Step::PushAt(g, k, d) => {
                    let at = now + Duration::from_secs(d);
                    queue.push_at(g, k, Lane::Retry, at, now);
                    let due = owed.entry((g, k)).or_insert(at);
                    *due = (*due).min(at);
                }
                Step::Pop => if let Some(taken) = take(&mut queue, now) {
                    prop_assert!(running.insert(taken), "{taken:?} runs twice");
                    prop_assert!(owed.remove(&taken).is_some_and(|due| due <= now), "{taken:?} was not due");
                    prop_assert!(queue.running() <= limits.total);
                    prop_assert!(running.iter().filter(|(g, _)| *g == taken.0).count() <= limits.per_group);
                },
                Step::Done(n) => if !running.is_empty() {
                    let one = *running.iter().nth(n % running.len()).unwrap();
                    running.remove(&one);
                    queue.done(&one.0, &one.1, now);
                },
                Step::Tick(s) => now += Duration::from_secs(s),
                // Epochs make a dropped group never come back while its keys run; the model keeps to that.
                Step::Drop(g) => if !running.iter().any(|(group, _)| *group == g) {
                    queue.drop_group(&g);
                    owed.retain(|(group, _), _| *group != g);
                    orphans += 1;
                },
            }
        }
        let _ = orphans;
        now += Duration::from_secs(60);
        for _ in 0..10_000 {
            if let Some(taken) = take(&mut queue, now) {
                prop_assert!(owed.remove(&taken).is_some());
                running.insert(taken);
            } else if let Some(one) = running.pop_first() {
                queue.done(&one.0, &one.1, now);
            } else {
                break;
            }
        }
        prop_assert!(owed.is_empty(), "never ran: {owed:?}");
        prop_assert_eq!((queue.keys(), queue.running()), (0, 0));
    }
}
