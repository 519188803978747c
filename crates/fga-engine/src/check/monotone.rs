//! The walk where only unions are reached: breadth first by hops, every (object, relation) once.

use super::{
    Checker, DENIED, Fault, Outcome, Step,
    trail::{Trail, Visit},
};
use crate::{
    deadline::Deadline,
    model::{RelKey, computed},
    names::{IdMap, ObjId, Subject},
    tuples::view::{Scan, Usable},
};

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
        let model = self.view.model;
        let plain = model.relation(key).plan.is_some();
        let mut trail = Trail::new(model, object, key, depth);
        let mut fault = None;
        let mut head = 0;
        while head < trail.len() {
            if let Err(fault) = self.step() {
                return Outcome::Failed(fault);
            }
            let found = match plain {
                true => self.pass(head, &mut trail, &mut fault),
                false => self.visit(head, &mut trail, &mut fault),
            };
            if let Some(found) = found {
                self.explain_found(trail.visits(), found);
                return Outcome::Allowed;
            }
            head += 1;
        }
        match fault {
            Some(fault) => Outcome::Failed(fault),
            None => {
                self.explain_missing(trail.visits());
                if tainting && self.has_cycle(object, key) {
                    Outcome::Denied { tainted: true }
                } else {
                    DENIED
                }
            }
        }
    }

    fn visit(&mut self, at: usize, trail: &mut Trail<'_>, fault: &mut Option<Fault>) -> Option<Found> {
        let view = self.view;
        let Visit { object, key, depth, .. } = *trail.get(at)?;
        let entered = trail.enter(at);
        for key in &view.model.relation(key).aliases {
            let key = *key;
            if !trail.is_fresh(entered, key) {
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
                    for tuple in view.usersets(object, key) {
                        let Subject::Userset(next, relation) = tuple.subject else { continue };
                        let Some(to) = view.key(next, relation) else { continue };
                        let step = Step { object, key, tupleset: None, next, to };
                        // A condition counts for the whole reading, wherever its tuple leads.
                        if scan.passes(view, &tuple) && self.leads_on(&step) {
                            self.push(at, depth, &step, trail, fault);
                        }
                    }
                    *fault = fault.or_else(|| self.userset_fault(object, key, &scan));
                }
            }
            for hop in &relation.hops {
                let mut scan = Scan::default();
                for tuple in view.scan(object, hop.tupleset) {
                    if !scan.passes(view, &tuple) {
                        continue;
                    }
                    let Subject::Object(next) = tuple.subject else { continue };
                    let Some(to) = view.type_of(next).and_then(|t| hop.target(t)) else { continue };
                    let step = Step { object, key, tupleset: Some(hop.tupleset), next, to };
                    if self.leads_on(&step) {
                        self.push(at, depth, &step, trail, fault);
                    }
                }
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

    /// How deep the place is that a tuple leads to, if it may be that deep.
    pub(super) fn depth_of(&self, from: u32, step: &Step) -> Result<u32, Fault> {
        let depth = from + 1;
        match depth >= self.depth.max && self.too_deep(depth, self.is_free(step)) {
            true => Err(Fault::TooDeep),
            false => Ok(depth),
        }
    }

    pub(super) fn push(
        &self,
        parent: usize,
        from: u32,
        step: &Step,
        trail: &mut Trail<'_>,
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
        if trail.len() as u64 >= self.depth.steps_max {
            *fault = fault.or(Some(Fault::Budget));
            return;
        }
        let Step { key: owner, tupleset, next: object, to: key, .. } = *step;
        // No walk has so many visits: the budget ends it before.
        let parent = u32::try_from(parent).unwrap_or(u32::MAX);
        trail.push(Visit { object, key, depth, parent, owner, tupleset });
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
