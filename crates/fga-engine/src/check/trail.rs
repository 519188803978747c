//! Where a breadth-first walk was and goes next.

use std::{collections::HashSet, hash::BuildHasherDefault};

use smallvec::SmallVec;

use super::Step;
use crate::{
    model::{CompiledModel, RelKey},
    names::{IdHasher, ObjId},
};

/// A place of the walk, and how it was reached.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visit {
    pub object: ObjId,
    pub key: RelKey,
    pub depth: u32,
    /// Index of the visit before; the first is its own.
    pub parent: u32,
    /// The relation of the visit before whose tuple led here.
    pub owner: RelKey,
    /// The relation after `from`, where it was such a hop.
    pub tupleset: Option<RelKey>,
}

impl Visit {
    /// The tuple that led here.
    pub fn step_from(&self, parent: &Visit) -> Step {
        let Visit { object: next, key: to, owner: key, tupleset, .. } = *self;
        Step { object: parent.object, key, tupleset, next, to }
    }
}

/// Visits of a walk in their order: those that were made, then those to come.
pub(super) struct Trail<'m> {
    model: &'m CompiledModel,
    visits: SmallVec<[Visit; 16]>,
    /// What was met, once looking through the visits would take longer than asking here.
    met: HashSet<(ObjId, RelKey), BuildHasherDefault<IdHasher>>,
}

/// Visits that are looked through one by one.
const FEW: usize = 24;

/// One visit while it is made.
#[derive(Clone, Copy)]
pub(super) struct Entered {
    at: usize,
    /// Whether the object may have been visited before.
    again: bool,
    /// How many visits were known when it began.
    known: usize,
}

impl<'m> Trail<'m> {
    pub fn new(model: &'m CompiledModel, object: ObjId, key: RelKey, depth: u32) -> Self {
        let mut visits = SmallVec::new();
        visits.push(Visit { object, key, depth, parent: 0, owner: key, tupleset: None });
        Self { model, visits, met: HashSet::default() }
    }

    pub fn visits(&self) -> &[Visit] {
        &self.visits
    }

    pub fn get(&self, at: usize) -> Option<&Visit> {
        self.visits.get(at)
    }

    pub fn enter(&mut self, at: usize) -> Entered {
        let known = self.visits.len();
        let Some((visit, before)) = self.visits.get(..=at).and_then(|visits| visits.split_last()) else {
            return Entered { at, again: true, known };
        };
        if at < FEW {
            return Entered { at, again: before.iter().any(|b| b.object == visit.object), known };
        }
        if at == FEW {
            let model = self.model;
            let places = |v: &Visit| {
                let object = v.object;
                model.relation(v.key).aliases.iter().map(move |key| (object, *key))
            };
            self.met = before.iter().flat_map(places).collect();
        }
        Entered { at, again: true, known }
    }

    /// Whether a relation of the object that is visited was not met before.
    pub fn is_fresh(&mut self, entered: Entered, key: RelKey) -> bool {
        if !entered.again {
            return true;
        }
        let Some(object) = self.visits.get(entered.at).map(|visit| visit.object) else { return true };
        if entered.at >= FEW {
            return self.met.insert((object, key));
        }
        let before = self.visits.iter().take(entered.at);
        !before.filter(|b| b.object == object).any(|b| self.covers(b.key, key))
    }

    /// Whether something that was pushed lately, since the visit began, will meet the place. Where this is not known the place is
    /// pushed once more, and met once all the same.
    pub fn is_coming(&self, entered: Entered, object: ObjId, key: RelKey) -> bool {
        let since = self.visits.get(entered.known..).unwrap_or_default();
        since.iter().rev().take(FEW).any(|v| v.object == object && self.covers(v.key, key))
    }

    fn covers(&self, visited: RelKey, key: RelKey) -> bool {
        self.model.relation(visited).aliases.contains(&key)
    }

    pub fn push(&mut self, visit: Visit) {
        self.visits.push(visit);
    }

    pub fn len(&self) -> usize {
        self.visits.len()
    }
}
