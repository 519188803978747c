//! The walk where only unions are reached: breadth first by hops, every (object, relation) once.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;
use std::ops::ControlFlow;

use super::{Checker, DENIED, Fault, Outcome, Step};
use crate::{
    deadline::Deadline,
    model::{RelKey, computed},
    names::{IdHasher, IdMap, ObjId, Subject},
    tuples::view::{Scan, Usable},
};

/// A place of the walk, and how it was reached.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visit {
    pub object: ObjId,
    pub key: RelKey,
    pub depth: u32,
    /// Index of the visit before; the first is its own.
    pub parent: usize,
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

/// Visited places: a small table without allocation, and a set once it is half full.
struct Visited {
    few: [u64; FEW_SLOTS],
    count: usize,
    many: HashSet<u64, BuildHasherDefault<IdHasher>>,
}

/// Slots of the small table.
const FEW_SLOTS: usize = 64;
/// What no place packs to: objects have fewer numbers.
const EMPTY: u64 = u64::MAX;

impl Visited {
    fn new() -> Self {
        Self { few: [EMPTY; FEW_SLOTS], count: 0, many: HashSet::default() }
    }

    /// Whether the place is met for the first time.
    fn insert(&mut self, object: ObjId, key: RelKey) -> bool {
        let place = u64::from(object.0) << 32 | u64::from(key.0);
        if self.count > FEW_SLOTS / 2 {
            return self.many.insert(place);
        }
        let mut slot = (place.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58) as usize;
        loop {
            match self.few.get_mut(slot % FEW_SLOTS) {
                Some(known) if *known == place => return false,
                Some(free) if *free == EMPTY => {
                    *free = place;
                    break;
                }
                _ => slot += 1,
            }
        }
        self.count += 1;
        if self.count > FEW_SLOTS / 2 {
            self.many.extend(self.few.iter().copied().filter(|place| *place != EMPTY));
        }
        true
    }
}

/// Where the user was found.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub visit: usize,
    pub key: RelKey,
    pub subject: Option<Subject>,
}

impl Checker<'_, '_> {
    /// Evaluates a relation that reaches unions only. The least depth of every place is found, so the depth rule is
    /// exact; what cannot be evaluated counts only if nothing allows.
    pub(super) fn walk(&mut self, object: ObjId, key: RelKey, depth: u32, tainting: bool) -> Outcome {
        let mut queue = Vec::with_capacity(16);
        queue.push(Visit { object, key, depth, parent: 0, owner: key, tupleset: None });
        let mut visited = Visited::new();
        let mut fault = None;
        let mut head = 0;
        while let Some(visit) = queue.get(head).copied() {
            if let Err(fault) = self.step() {
                return Outcome::Failed(fault);
            }
            if let Some(found) = self.visit(head, visit, &mut queue, &mut visited, &mut fault) {
                self.explain_found(&queue, found);
                return Outcome::Allowed;
            }
            head += 1;
        }
        match fault {
            Some(fault) => Outcome::Failed(fault),
            None => {
                self.explain_missing(&queue);
                if tainting && self.has_cycle(object, key) {
                    Outcome::Denied { tainted: true }
                } else {
                    DENIED
                }
            }
        }
    }

    fn visit(
        &mut self,
        at: usize,
        visit: Visit,
        queue: &mut Vec<Visit>,
        visited: &mut Visited,
        fault: &mut Option<Fault>,
    ) -> Option<Found> {
        let view = self.view;
        let object = visit.object;
        for key in &view.model.relation(visit.key).aliases {
            let key = *key;
            if !visited.insert(object, key) {
                continue;
            }
            let relation = view.model.relation(key);
            if self.probe.is_userset(object, relation.relation) {
                return Some(Found { visit: at, key, subject: None });
            }
            if !self.probe.reaches(view, key) {
                continue;
            }
            if relation.direct {
                if let Some(subject) = self.listed(object, key, fault) {
                    return Some(Found { visit: at, key, subject: Some(subject) });
                }
                if relation.admits.has_usersets() {
                    let mut scan = Scan::default();
                    let found = view.usersets(object, key).try_for_each(|tuple| {
                        let Subject::Userset(next, relation) = tuple.subject else {
                            return ControlFlow::Continue(());
                        };
                        let Some(to) = view.key(next, relation) else { return ControlFlow::Continue(()) };
                        let step = Step { object, key, tupleset: None, next, to };
                        // A condition counts for the whole reading, wherever its tuple leads.
                        if !scan.passes(view, &tuple) || !self.leads_on(&step) {
                            return ControlFlow::Continue(());
                        }
                        if self.record.is_none() && view.model.relation(to).ends {
                            return self.look(visit, &step, visited, fault);
                        }
                        self.push(at, visit, &step, queue, fault);
                        ControlFlow::Continue(())
                    });
                    if found.is_break() {
                        return Some(Found { visit: at, key, subject: None });
                    }
                    *fault = fault.or_else(|| self.userset_fault(object, key, &scan));
                }
            }
            for hop in &relation.hops {
                let mut scan = Scan::default();
                view.scan(object, hop.tupleset).for_each(|tuple| {
                    if !scan.passes(view, &tuple) {
                        return;
                    }
                    let Subject::Object(next) = tuple.subject else { return };
                    let Some(to) = view.type_of(next).and_then(|t| hop.target(t)) else { return };
                    let step = Step { object, key, tupleset: Some(hop.tupleset), next, to };
                    if self.leads_on(&step) {
                        self.push(at, visit, &step, queue, fault);
                    }
                });
                *fault = fault.or(scan.fault());
            }
        }
        None
    }

    /// The subject by which the relation's own tuples list the user, if one does.
    fn listed(&self, object: ObjId, key: RelKey, fault: &mut Option<Fault>) -> Option<Subject> {
        let view = self.view;
        for subject in self.probe.subjects(&view.model.relation(key).admits) {
            match view.exact(object, key, subject).map(|tuple| view.holds(&tuple)) {
                Some(Ok(true)) => return Some(subject),
                Some(Err(failed)) => *fault = fault.or(Some(failed)),
                Some(Ok(false)) | None => {}
            }
        }
        None
    }

    /// Looks at once where a tuple leads to a relation that ends there: nothing further would be queued for it. Breaks
    /// where the user has the relation.
    fn look(
        &mut self,
        from: Visit,
        step: &Step,
        visited: &mut Visited,
        fault: &mut Option<Fault>,
    ) -> ControlFlow<()> {
        let failed = self.depth_of(from, step).and_then(|_| self.step()).err();
        if failed.is_some() {
            *fault = fault.or(failed);
            return ControlFlow::Continue(());
        }
        if !visited.insert(step.next, step.to) {
            return ControlFlow::Continue(());
        }
        let is_user = self.probe.is_userset(step.next, self.view.model.relation(step.to).relation);
        match is_user || self.listed(step.next, step.to, fault).is_some() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    /// How deep the place is that a tuple leads to, if it may be that deep.
    fn depth_of(&self, from: Visit, step: &Step) -> Result<u32, Fault> {
        let depth = from.depth + 1;
        match depth >= self.depth.max && self.too_deep(depth, self.is_free(step)) {
            true => Err(Fault::TooDeep),
            false => Ok(depth),
        }
    }

    fn push(
        &self,
        parent: usize,
        from: Visit,
        step: &Step,
        queue: &mut Vec<Visit>,
        fault: &mut Option<Fault>,
    ) {
        let depth = match self.depth_of(from, step) {
            Ok(depth) => depth,
            Err(failed) => {
                *fault = fault.or(Some(failed));
                return;
            }
        };
        // What the budget does not let visit need not wait for it.
        if queue.len() as u64 >= self.depth.steps_max {
            *fault = fault.or(Some(Fault::Budget));
            return;
        }
        let Step { key: owner, tupleset, next: object, to: key, .. } = *step;
        queue.push(Visit { object, key, depth, parent, owner, tupleset });
    }

    /// Whether a denied walk met a cycle, the recursion of a self-recursive relation aside.
    pub(crate) fn has_cycle(&self, object: ObjId, key: RelKey) -> bool {
        comes_back(self.view.deadline, (object, key), |(object, key)| self.next(object, key))
    }

    /// Places one step away, of any kind, over tuples that hold.
    fn next(&self, object: ObjId, key: RelKey) -> Vec<(ObjId, RelKey)> {
        let view = self.view;
        let relation = view.model.relation(key);
        let holds = |tuple: &Usable<'_>| view.holds(tuple) == Ok(true);
        let mut aliases = Vec::new();
        computed(&relation.program, &mut aliases);
        let mut next: Vec<(ObjId, RelKey)> = aliases.into_iter().map(|k| (object, k)).collect();
        if relation.direct {
            next.extend(view.usersets(object, key).filter(holds).filter_map(|tuple| match tuple.subject {
                Subject::Userset(o, r) => Some((o, view.key(o, r)?)),
                _ => None,
            }));
        }
        for hop in &relation.hops {
            next.extend(view.scan(object, hop.tupleset).filter(holds).filter_map(
                |tuple| match tuple.subject {
                    Subject::Object(o) => Some((o, hop.target(view.type_of(o)?)?)),
                    _ => None,
                },
            ));
        }
        next.retain(|(_, to)| {
            self.probe.reaches(view, *to) && !(*to == key && self.probe.is_self_recursive(view, key))
        });
        next
    }
}

type Place = (ObjId, RelKey);

/// Whether a way from a place comes back to where it was. `true` where time is over: whoever asked is late too, and ends with
/// that.
pub(crate) fn comes_back(deadline: &Deadline<'_>, from: Place, next: impl Fn(Place) -> Vec<Place>) -> bool {
    let mut done: IdMap<Place, bool> = IdMap::default();
    let mut stack = vec![(from, next(from))];
    done.insert(from, false);
    while let Some((place, open)) = stack.last_mut() {
        if deadline.passed(1) {
            return true;
        }
        let Some(to) = open.pop() else {
            done.insert(*place, true);
            stack.pop();
            continue;
        };
        match done.get(&to) {
            Some(false) => return true,
            Some(true) => {}
            None => {
                done.insert(to, false);
                stack.push((to, next(to)));
            }
        }
    }
    false
}
