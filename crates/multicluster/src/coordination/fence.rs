//! The token of ownership.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use parking_lot::{Mutex, RwLock};
use runtime::{Clock, Stop};
use tokio::time::Instant;

use super::{Coordinator, SLOTS};

/// Until when a fence holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// Nobody else works here.
    Always,
    /// Both have to be in the future: the monotonic clock stands still while a machine is suspended, the clock of the wall does not.
    Deadline { local: Instant, wall: Timestamp },
}

struct Inner {
    claim: u64,
    until: Mutex<Until>,
    lost: Stop,
    running: AtomicUsize,
    clock: Clock,
}

/// The right to work on a share of the clusters, while it is held. Clones are one token.
#[derive(Clone)]
pub struct Fence(Arc<Inner>);

impl Fence {
    pub(crate) fn new(claim: u64, until: Until, clock: Clock) -> Self {
        let inner =
            Inner { claim, until: Mutex::new(until), lost: Stop::new(), running: AtomicUsize::new(0), clock };
        Fence(Arc::new(inner))
    }

    /// Whether the share is still ours at this instant. Check it right before a write that must not meet another replica's.
    pub fn is_held(&self) -> bool {
        !self.0.lost.is_stopped() && self.in_time()
    }

    /// Waits until the share is lost, whoever notices first: the coordinator, or this clock.
    pub async fn lost(&self) {
        loop {
            let until = *self.0.until.lock();
            let Until::Deadline { local, .. } = until else { return self.0.lost.cancelled().await };
            // In small steps: a machine that was suspended wakes with a wall clock far ahead.
            let glance = local.min(Instant::now() + Duration::from_secs(1));
            tokio::select! {
                biased;
                () = self.0.lost.cancelled() => return,
                () = tokio::time::sleep_until(glance) => if !self.in_time() { return },
            }
        }
    }

    fn in_time(&self) -> bool {
        self.reaches(&self.0.until.lock())
    }

    fn reaches(&self, until: &Until) -> bool {
        match until {
            Until::Always => true,
            Until::Deadline { local, wall } => Instant::now() < *local && self.0.clock.now() < *wall,
        }
    }

    /// A number that no other claim of this process has.
    pub(crate) fn claim(&self) -> u64 {
        self.0.claim
    }

    /// Moves the deadline; a fence that was lost for a moment stays lost, since keys were let go meanwhile.
    pub(crate) fn extend(&self, later: Until) -> bool {
        let mut until = self.0.until.lock();
        let held = !self.0.lost.is_stopped() && self.reaches(&until);
        if held {
            *until = later;
        }
        held
    }

    pub(crate) fn lose(&self) {
        self.0.lost.stop();
    }

    /// Counts as running until it is dropped.
    pub(crate) fn busy(&self) -> Busy {
        self.0.running.fetch_add(1, Ordering::AcqRel);
        Busy(self.clone())
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.0.running.load(Ordering::Acquire) > 0
    }
}

impl std::fmt::Debug for Fence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "fence {} ({})", self.0.claim, if self.is_held() { "held" } else { "lost" })
    }
}

/// A reconcile that runs under a fence.
pub(crate) struct Busy(Fence);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The fences that are held, by slot.
pub(crate) struct Claims {
    slots: RwLock<Vec<Option<Fence>>>,
    /// Fences that were lost and may still have something running.
    lost: Mutex<Vec<Option<Fence>>>,
    next: AtomicU64,
}

impl Claims {
    pub(crate) fn new(coordinator: &Coordinator) -> Self {
        let first = match coordinator {
            Coordinator::Everything => Some(Fence::new(0, Until::Always, Clock::system())),
            Coordinator::Leader(_) | Coordinator::Sharded(_) => None,
        };
        Claims {
            slots: RwLock::new(vec![first; SLOTS]),
            lost: Mutex::new(vec![None; SLOTS]),
            next: AtomicU64::new(1),
        }
    }

    pub(crate) fn of(&self, slot: u16) -> Option<Fence> {
        self.slots.read().get(usize::from(slot))?.clone().filter(Fence::is_held)
    }

    /// Takes slots, all under one new fence.
    pub(crate) fn take(&self, slots: &[u16], until: Until, clock: &Clock) -> Fence {
        let fence = Fence::new(self.next.fetch_add(1, Ordering::Relaxed), until, clock.clone());
        let mut held = self.slots.write();
        for slot in slots {
            held[usize::from(*slot)] = Some(fence.clone());
        }
        fence
    }

    /// Whether a fence was given for a slot, held or not.
    pub(crate) fn has(&self, slot: u16) -> bool {
        self.slots.read()[usize::from(slot)].is_some()
    }

    /// Prolongs a held slot; false where it was lost.
    pub(crate) fn extend(&self, slot: u16, until: Until) -> bool {
        self.slots.read()[usize::from(slot)].as_ref().is_some_and(|fence| fence.extend(until))
    }

    /// Gives slots up; nothing new starts there. What runs may end, unless the fence is lost too.
    pub(crate) fn give_up(&self, slots: &[u16]) {
        let (mut held, mut lost) = (self.slots.write(), self.lost.lock());
        for slot in slots {
            if let Some(fence) = held[usize::from(*slot)].take() {
                lost[usize::from(*slot)] = Some(fence);
            }
        }
    }

    /// Ends what still runs in a slot that was given up.
    pub(crate) fn abort(&self, slot: u16) {
        if let Some(fence) = &self.lost.lock()[usize::from(slot)] {
            fence.lose();
        }
    }

    pub(crate) fn prolong_given_up(&self, slot: u16, until: Until) {
        if let Some(fence) = &self.lost.lock()[usize::from(slot)] {
            fence.extend(until);
        }
    }

    /// Whether something of an earlier claim still runs in a slot.
    pub(crate) fn is_busy(&self, slot: u16) -> bool {
        let held = self.slots.read()[usize::from(slot)].as_ref().is_some_and(Fence::is_busy);
        held || self.lost.lock()[usize::from(slot)].as_ref().is_some_and(Fence::is_busy)
    }
}
