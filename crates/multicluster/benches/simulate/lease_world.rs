//! Replicas of a group over one server of Leases, with slow, lost and late requests, pauses, suspensions and clocks that jump. Nobody may ever
//! work on a slot while another does.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    time::Duration,
};

use multicluster::coordination::{Lease, Replica, Write, Wrote};

use super::dice::Dice;

const SLOTS: u16 = 3;
/// A replica takes a request that was not answered by then for lost; the server may still get it.
const ANSWER: u64 = 4_000;
const END: u64 = 150_000;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Step {
    Round,
    ListArrives,
    ListBack(Vec<(Option<u16>, String, String)>),
    ListLost,
    WriteArrives(usize, bool),
    WriteBack(usize, Option<String>, bool),
    Pause,
    Jump,
}

struct Sent {
    write: Write,
    at: Duration,
    wall: i64,
    open: bool,
}

struct One {
    replica: Replica,
    name: String,
    /// The local monotonic clock: global milliseconds times `rate` per mille, less the time it stood still.
    rate: u64,
    stood_still: u64,
    /// What the clock of the wall is ahead of the world.
    wall_ahead: i64,
    asleep_until: u64,
    /// The wall's deadline of each slot, as the fence has it.
    wall_until: BTreeMap<u16, i64>,
    /// A reconcile runs in a slot until then.
    busy_until: BTreeMap<u16, u64>,
    sent: Vec<Sent>,
    open: usize,
    stops_clock: bool,
}

impl One {
    fn local(&self, now: u64) -> Duration {
        Duration::from_millis((now - self.stood_still.min(now)) * self.rate / 1000)
    }

    fn wall(&self, now: u64) -> i64 {
        now as i64 + self.wall_ahead
    }

    /// Whether something may run in a slot: what the fence says to every reconcile.
    fn works(&self, slot: u16, now: u64) -> bool {
        if self.asleep_until > now && self.stops_clock {
            // The machine is suspended; nothing runs.
            return false;
        }
        let local = self.local(now);
        let in_time = self.wall_until.get(&slot).is_some_and(|until| self.wall(now) < *until);
        let busy = self.busy_until.get(&slot).is_some_and(|until| *until > now);
        in_time
            && (self.replica.held(slot, local).is_some()
                || (busy && self.replica.leaving(slot, local).is_some()))
    }
}

/// One schedule; what went wrong, if something did.
pub fn run(seed: u64) -> Result<(), String> {
    let mut world = World::new(seed);
    while let Some(Reverse((now, _, who, step))) = world.events.pop() {
        if now > END {
            break;
        }
        world.step(now, who, step);
        world.check(now)?;
    }
    if world.taken == 0 {
        return Err("nobody ever worked".into());
    }
    Ok(())
}

struct World {
    dice: Dice,
    events: BinaryHeap<Reverse<(u64, u64, usize, Step)>>,
    order: u64,
    all: Vec<One>,
    server: BTreeMap<String, (Option<u16>, String, u64)>,
    version: u64,
    taken: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let count = 2 + dice.below(3) as usize;
        let mut world = World {
            events: BinaryHeap::new(),
            order: 0,
            all: Vec::new(),
            server: BTreeMap::new(),
            version: 0,
            taken: 0,
            dice: dice.clone(),
        };
        for at in 0..count {
            let name = format!("r{at}");
            let one = One {
                replica: Replica::with_slots(&name, Duration::ZERO, usize::from(SLOTS)),
                name,
                rate: 970 + dice.below(61),
                stood_still: 0,
                wall_ahead: dice.below(10_000) as i64 - 5_000,
                asleep_until: 0,
                wall_until: BTreeMap::new(),
                busy_until: BTreeMap::new(),
                sent: Vec::new(),
                open: 0,
                stops_clock: false,
            };
            world.all.push(one);
            let start = dice.below(20_000);
            world.at(start, at, Step::Round);
            if dice.once_in(2) {
                world.at(30_000 + dice.below(60_000), at, Step::Pause);
            }
            if dice.once_in(3) {
                world.at(30_000 + dice.below(60_000), at, Step::Jump);
            }
        }
        world
    }

    fn at(&mut self, time: u64, who: usize, step: Step) {
        self.order += 1;
        self.events.push(Reverse((time, self.order, who, step)));
    }

    /// Mostly quick, sometimes slower than the answer is waited for.
    fn travel(&mut self) -> u64 {
        match self.dice.below(10) {
            0 => self.dice.below(12_000),
            1 | 2 => self.dice.below(3_000),
            _ => self.dice.below(100),
        }
    }

    fn step(&mut self, now: u64, who: usize, step: Step) {
        let asleep = self.all[who].asleep_until;
        let inside = !matches!(step, Step::ListArrives | Step::WriteArrives(..) | Step::Pause | Step::Jump);
        if inside && asleep > now {
            // What arrives while the process sleeps is read when it wakes.
            return self.at(asleep, who, step);
        }
        match step {
            Step::Round => {
                let there = self.travel();
                if there >= ANSWER || self.dice.once_in(30) {
                    self.at(now + ANSWER, who, Step::ListLost);
                } else {
                    self.at(now + there, who, Step::ListArrives);
                }
            }
            Step::ListArrives => {
                let leases = self.server.values();
                let seen = leases.map(|(slot, holder, version)| (*slot, holder.clone(), version.to_string()));
                let seen = seen.collect();
                // The whole request has a deadline; the way back must fit into what is left of it.
                let back = self.travel().min(ANSWER);
                self.at(now + back, who, Step::ListBack(seen));
            }
            Step::ListBack(seen) => {
                let leases: Vec<Lease> = seen
                    .into_iter()
                    .map(|(slot, holder, version)| Lease { slot, holder, version, weight_milli: 1000 })
                    .collect();
                let one = &mut self.all[who];
                let local = one.local(now);
                one.replica.observe(&leases, local);
                self.plan(now, who);
            }
            Step::ListLost => self.plan(now, who),
            Step::WriteArrives(at, answered) => self.write_arrives(now, who, at, answered),
            Step::WriteBack(at, version, known) => self.write_back(now, who, at, version, known),
            Step::Pause => {
                let length = self.dice.below(60_000);
                let one = &mut self.all[who];
                one.asleep_until = now + length;
                // A suspended machine's monotonic clock stands still; a process that is only not scheduled has one that goes on.
                one.stops_clock = length.is_multiple_of(2);
                if one.stops_clock {
                    one.stood_still += length;
                }
            }
            Step::Jump => self.all[who].wall_ahead += self.dice.below(7_200_000) as i64,
        }
    }

    fn plan(&mut self, now: u64, who: usize) {
        let one = &mut self.all[who];
        let (local, wall) = (one.local(now), one.wall(now));
        let busy = one.busy_until.clone();
        let writes = one.replica.plan(local, 1.0, |slot| busy.get(&slot).is_some_and(|until| *until > now));
        one.open = writes.len();
        let first = one.sent.len();
        one.sent.extend(writes.into_iter().map(|write| Sent { write, at: local, wall, open: true }));
        for at in first..self.all[who].sent.len() {
            let there = self.travel();
            if self.dice.once_in(30) {
                // Never arrives.
                self.at(now + ANSWER, who, Step::WriteBack(at, None, false));
                continue;
            }
            let answered = there < ANSWER && !self.dice.once_in(30);
            if !answered {
                self.at(now + ANSWER, who, Step::WriteBack(at, None, false));
            }
            self.at(now + there, who, Step::WriteArrives(at, answered));
        }
        if self.all[who].open == 0 {
            let pause = 4_500 + self.dice.below(1_000);
            self.at(now + pause, who, Step::Round);
        }
    }

    fn write_arrives(&mut self, now: u64, who: usize, at: usize, answered: bool) {
        let one = &self.all[who];
        let (key, slot, version, holder) = match &one.sent[at].write {
            Write::Peer { version } => (one.name.clone(), None, version.clone(), one.name.clone()),
            Write::Hold { slot, version } => {
                (slot.to_string(), Some(*slot), version.clone(), one.name.clone())
            }
            Write::Free { slot, version } => {
                (slot.to_string(), Some(*slot), Some(version.clone()), String::new())
            }
            // A schedule is shorter than a burial.
            Write::Bury { .. } => return,
        };
        let known = self.server.get(&key).map(|(_, _, version)| version.to_string());
        let done = (known == version).then(|| {
            self.version += 1;
            self.server.insert(key, (slot, holder, self.version));
            self.version.to_string()
        });
        if answered {
            let back = self.dice.below(200);
            self.at(now + back, who, Step::WriteBack(at, done, true));
        }
    }

    fn write_back(&mut self, now: u64, who: usize, at: usize, version: Option<String>, known: bool) {
        let pause = 4_500 + self.dice.below(1_000);
        let work = self.dice.below(30_000);
        let one = &mut self.all[who];
        if !std::mem::replace(&mut one.sent[at].open, false) {
            return;
        }
        let result = match (version, known) {
            (Some(version), _) => Wrote::Done(version),
            (None, true) => Wrote::Conflict,
            (None, false) => Wrote::Unknown,
        };
        let sent = &one.sent[at];
        one.replica.wrote(&sent.write, sent.at, result.clone());
        if let (Write::Hold { slot, .. }, Wrote::Done(_)) = (&sent.write, &result) {
            let until = sent.wall + one.replica.deadline().as_millis() as i64;
            one.wall_until.insert(*slot, until);
            self.taken += 1;
            let busy = one.busy_until.entry(*slot).or_default();
            if *busy <= now
                && one
                    .replica
                    .held(*slot, Duration::from_millis((now - one.stood_still.min(now)) * one.rate / 1000))
                    .is_some()
            {
                *busy = now + work;
            }
        }
        one.open -= 1;
        if one.open == 0 {
            self.at(now + pause, who, Step::Round);
        }
    }

    fn check(&self, now: u64) -> Result<(), String> {
        for slot in 0..SLOTS {
            let working: Vec<&str> =
                self.all.iter().filter(|one| one.works(slot, now)).map(|one| one.name.as_str()).collect();
            if working.len() > 1 {
                return Err(format!("at {now} ms, {working:?} work on slot {slot}"));
            }
        }
        Ok(())
    }
}
