//! What one replica does next. Pure: time comes in as the local monotonic clock, requests go out as values.
//!
//! Safety rests on three rules. A holder's deadline counts from before its request was sent and is shorter than the Lease. A Lease is taken
//! only after it was seen unchanged for its whole duration on the taker's own clock. Every write names the version that was seen.

use std::{collections::BTreeMap, time::Duration};

use super::{SLOTS, assign::owner};

/// A Lease of the group, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The slot it guards; none for the Lease of a peer.
    pub slot: Option<u16>,
    /// Who holds it; empty: nobody.
    pub holder: String,
    /// The version that a write names.
    pub version: String,
    /// A thousandth of the weight of a peer.
    pub weight_milli: u32,
}

/// A request to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Says that this replica lives.
    Peer {
        /// The version to replace; none: create.
        version: Option<String>,
    },
    /// Takes or renews a slot.
    Hold {
        /// The slot.
        slot: u16,
        /// The version to replace; none: create.
        version: Option<String>,
    },
    /// Removes the Lease of a peer that died long ago.
    Bury {
        /// The peer.
        peer: String,
        /// The version that was seen.
        version: String,
    },
    /// Gives a slot back.
    Free {
        /// The slot.
        slot: u16,
        /// The version to replace.
        version: String,
    },
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrote {
    /// The server's new version.
    Done(String),
    /// Somebody else wrote first, or it exists already.
    Conflict,
    /// Nobody knows whether it happened.
    Unknown,
}

/// The times of a group. All replicas of a group must use the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    /// How long a Lease of a slot lasts without renewal.
    pub(crate) lease: Duration,
    /// How long a holder works after it sent its last successful renewal.
    pub(crate) deadline: Duration,
    /// How often a Lease is renewed.
    pub(crate) renew: Duration,
    /// How long a peer counts as alive without renewal.
    pub(crate) peer: Duration,
}

impl Default for Times {
    fn default() -> Self {
        let s = Duration::from_secs;
        Times { lease: s(20), deadline: s(15), renew: s(10), peer: s(30) }
    }
}

/// A peer's Lease is removed after this many times its life.
const BURIED: u32 = 20;

#[derive(Clone, Default)]
struct Slot {
    /// The version as read or written last, and since when it is known unchanged.
    version: Option<(String, Duration)>,
    holder: String,
    /// Held by us until then.
    until: Option<Duration>,
    renewed: Option<Duration>,
    /// We hold it and let it go: nothing new starts there.
    leaving: bool,
}

struct Peer {
    version: String,
    since: Duration,
    weight: f64,
}

/// One replica of a group.
pub struct Replica {
    me: String,
    times: Times,
    started: Duration,
    peers: BTreeMap<String, Peer>,
    own_version: Option<String>,
    peer_sent: Option<Duration>,
    slots: Vec<Slot>,
    /// Which slots are ours, for the peers and weights they were computed from.
    shares: Option<Shares>,
}

/// Which slots are ours, for these peers and weights.
struct Shares {
    peers: Vec<(String, f64)>,
    mine: Vec<bool>,
}

impl Replica {
    /// A replica that starts now; `me` must be unique in the group.
    pub fn new(me: &str, now: Duration) -> Self {
        Self::with_slots(me, now, SLOTS)
    }

    /// The same with a few slots only, for simulations.
    pub fn with_slots(me: &str, now: Duration, slots: usize) -> Self {
        Replica {
            me: me.to_owned(),
            times: Times::default(),
            started: now,
            peers: BTreeMap::new(),
            own_version: None,
            peer_sent: None,
            slots: vec![Slot::default(); slots],
            shares: None,
        }
    }

    pub(crate) fn own_version(&self) -> Option<&str> {
        self.own_version.as_deref()
    }

    /// How long a holder works after it sent its last successful renewal.
    #[cfg(feature = "testing")]
    pub fn deadline(&self) -> Duration {
        self.times.deadline
    }

    /// Takes in all Leases of the group, from an answer that arrived at `now`.
    pub fn observe(&mut self, leases: &[Lease], now: Duration) {
        self.own_version = None;
        self.peers.retain(|name, _| leases.iter().any(|lease| lease.slot.is_none() && lease.holder == *name));
        let mut there = vec![false; self.slots.len()];
        for lease in leases {
            let Some(slot) = lease.slot else {
                self.observe_peer(lease, now);
                continue;
            };
            let Some(state) = self.slots.get_mut(usize::from(slot)) else { continue };
            there[usize::from(slot)] = true;
            if state.version.as_ref().is_none_or(|(version, _)| *version != lease.version) {
                state.version = Some((lease.version.clone(), now));
            }
            state.holder.clone_from(&lease.holder);
            // A newer write of somebody else ended our hold, whatever our deadline says.
            if state.holder != self.me {
                state.until = None;
                state.leaving = false;
            }
        }
        for (state, _) in self.slots.iter_mut().zip(there).filter(|(_, there)| !there) {
            *state = Slot::default();
        }
    }

    fn observe_peer(&mut self, lease: &Lease, now: Duration) {
        if lease.holder == self.me {
            self.own_version = Some(lease.version.clone());
            return;
        }
        let weight = f64::from(lease.weight_milli) / 1000.0;
        let known = self.peers.get(&lease.holder).is_some_and(|peer| peer.version == lease.version);
        if !known {
            let peer = Peer { version: lease.version.clone(), since: now, weight };
            self.peers.insert(lease.holder.clone(), peer);
        }
    }

    /// What to send now. `weight` is this replica's; `busy` says whether something still runs in a slot.
    pub fn plan(&mut self, now: Duration, weight: f64, busy: impl Fn(u16) -> bool) -> Vec<Write> {
        let ttl = self.times.peer;
        // What a peer that died left behind. Its Lease must not be forgotten here first, or it would look like a new peer's.
        let dead = self.peers.iter().filter(|(_, peer)| peer.since + ttl * BURIED <= now);
        let mut writes: Vec<Write> = dead
            .map(|(name, peer)| Write::Bury { peer: name.clone(), version: peer.version.clone() })
            .collect();
        if self.peer_sent.is_none_or(|sent| sent + self.times.renew <= now) {
            self.peer_sent = Some(now);
            writes.push(Write::Peer { version: self.own_version.clone() });
        }
        let mut peers = vec![(self.me.clone(), weight)];
        let alive = self.peers.iter().filter(|(_, peer)| peer.since + ttl > now);
        peers.extend(alive.map(|(name, peer)| (name.clone(), peer.weight)));
        // Before it had the time to see all others, a replica would claim everything.
        let may_claim = self.started + ttl <= now;
        if self.shares.as_ref().is_none_or(|shares| shares.peers != peers) {
            let all = || peers.iter().map(|(name, weight)| (name.as_str(), *weight));
            let mine =
                (0..self.slots.len()).map(|slot| owner(slot as u16, all()) == Some(&self.me)).collect();
            self.shares = Some(Shares { peers, mine });
        }
        let mine = self.shares.as_ref().map(|shares| shares.mine.clone()).unwrap_or_default();
        for (slot, wanted) in mine.into_iter().enumerate() {
            let at = slot as u16;
            writes.extend(self.plan_slot(at, wanted && may_claim, now, busy(at)));
        }
        writes
    }

    fn plan_slot(&mut self, slot: u16, wanted: bool, now: Duration, busy: bool) -> Option<Write> {
        let times = self.times;
        let state = self.slots.get_mut(usize::from(slot))?;
        let version = state.version.as_ref().map(|(version, _)| version.clone());
        if state.holder == self.me && !self.me.is_empty() {
            let held = state.until.is_some_and(|until| until > now);
            if !held && busy {
                // What an earlier claim left running must end first.
                return None;
            }
            if !wanted || state.leaving {
                state.leaving = true;
                if !busy {
                    return Some(Write::Free { slot, version: version? });
                }
            }
            let due = state.renewed.is_none_or(|renewed| renewed + times.renew <= now);
            return (due || !held).then_some(Write::Hold { slot, version });
        }
        let free = match &state.version {
            None => true,
            Some((_, since)) => state.holder.is_empty() || *since + times.lease <= now,
        };
        (wanted && free && !busy).then_some(Write::Hold { slot, version })
    }

    /// Takes in how a request ended that was sent at `sent`.
    pub fn wrote(&mut self, write: &Write, sent: Duration, result: Wrote) {
        match write {
            Write::Peer { .. } => {
                if let Wrote::Done(version) = result {
                    self.own_version = Some(version);
                } else {
                    self.peer_sent = None;
                }
            }
            // The next look tells whether it is gone.
            Write::Bury { .. } => {}
            Write::Hold { slot, .. } => {
                let (me, deadline) = (self.me.clone(), self.times.deadline);
                let Some(state) = self.slots.get_mut(usize::from(*slot)) else { return };
                match result {
                    Wrote::Done(version) => {
                        state.version = Some((version, sent));
                        state.holder = me;
                        state.until = Some(sent + deadline);
                        state.renewed = Some(sent);
                    }
                    // The next look tells what happened; until then an old deadline stands and no new one begins.
                    Wrote::Conflict | Wrote::Unknown => {}
                }
            }
            Write::Free { slot, .. } => {
                let Some(state) = self.slots.get_mut(usize::from(*slot)) else { return };
                if let Wrote::Done(version) = result {
                    *state =
                        Slot { version: Some((version, sent)), holder: String::new(), ..Slot::default() };
                }
            }
        }
    }

    /// Until when a slot may be worked on; none where it may not.
    pub fn held(&self, slot: u16, now: Duration) -> Option<Duration> {
        let state = self.slots.get(usize::from(slot))?;
        state.until.filter(|until| *until > now && !state.leaving)
    }

    /// Until when what runs in a slot may go on, though nothing new may start.
    pub fn leaving(&self, slot: u16, now: Duration) -> Option<Duration> {
        let state = self.slots.get(usize::from(slot))?;
        state.until.filter(|until| *until > now && state.leaving)
    }

    /// Gives everything back as soon as nothing runs any more.
    pub(crate) fn leave_all(&mut self) {
        for state in self.slots.iter_mut().filter(|state| state.holder == self.me) {
            state.leaving = true;
        }
    }
}
