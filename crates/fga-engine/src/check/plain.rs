//! The breadth-first walk where no tuple has a condition: one pass over the tuples of every object.

use super::{
    Checker, Fault, Step,
    monotone::Found,
    trail::{Entered, Trail, Visit},
};
use crate::{
    model::{Direct, Part, RelKey},
    names::{ObjId, RelId, Subject},
    tuples::view::Shape,
};

/// The visit that is made, and what of the object is new with it.
#[derive(Clone, Copy)]
struct Pass {
    at: usize,
    visit: Visit,
    entered: Entered,
    /// Bits of the relations that are looked at.
    fresh: u64,
}

impl Checker<'_, '_> {
    /// Looks at all tuples of an object that a relation, or what it is computed from, has a use for.
    pub(super) fn pass(
        &mut self,
        at: usize,
        visit: Visit,
        trail: &mut Trail<'_>,
        fault: &mut Option<Fault>,
    ) -> Option<Found> {
        let view = self.view;
        let object = visit.object;
        let relation = view.model.relation(visit.key);
        let entered = trail.enter(at);
        let mut fresh = 0;
        for (bit, key) in relation.aliases.iter().enumerate() {
            if !trail.is_fresh(entered, *key) {
                continue;
            }
            if self.probe.is_userset(object, view.model.relation(*key).relation) {
                return Some(Found { visit: at, key: *key, subject: None });
            }
            if self.probe.reaches(view, *key) {
                fresh |= 1 << bit;
            }
        }
        if fresh == 0 {
            return None;
        }
        let pass = Pass { at, visit, entered, fresh };
        // Whatever a plan leads to has a plan.
        let parts = relation.plan.as_deref().unwrap_or_default();
        let part_of = |relation: RelId| parts.iter().find(|part| part.relation == relation);
        match view.tuples.few(object) {
            Some(rows) => {
                for row in rows.filter(|row| !row.conditional) {
                    if let Some(part) = part_of(row.relation) {
                        let found = self.meet(pass, part, row.subject, trail, fault);
                        if found.is_some() {
                            return found;
                        }
                    }
                }
            }
            None => {
                for part in parts {
                    let found = self.pass_indexed(pass, part, trail, fault);
                    if found.is_some() {
                        return found;
                    }
                }
            }
        }
        for own in view.contextual.tuples().iter().filter(|own| own.object == object) {
            if own.condition.is_none()
                && let Some(part) = part_of(own.relation)
            {
                let found = self.meet(pass, part, own.subject, trail, fault);
                if found.is_some() {
                    return found;
                }
            }
        }
        None
    }

    /// The same for an object with so many tuples that only those are read which can matter.
    fn pass_indexed(
        &mut self,
        pass: Pass,
        part: &Part,
        trail: &mut Trail<'_>,
        fault: &mut Option<Fault>,
    ) -> Option<Found> {
        let (view, object) = (self.view, pass.visit.object);
        if let Some(direct) = part.direct.as_ref().filter(|direct| pass.fresh & direct.bit != 0) {
            if let Some(subject) = self.lists(object, part.relation, direct.key) {
                return Some(Found { visit: pass.at, key: direct.key, subject: Some(subject) });
            }
            for edge in view.tuples.usersets(object, part.relation).filter(|edge| !edge.conditional) {
                if self.follow_userset(pass, direct, edge.subject, trail, fault) {
                    return Some(Found { visit: pass.at, key: direct.key, subject: None });
                }
            }
        }
        if part.ways.iter().any(|way| pass.fresh & way.bit != 0) {
            for edge in view.tuples.edges(object, part.relation).filter(|edge| !edge.conditional) {
                self.follow_from(pass, part, edge.subject, trail, fault);
            }
        }
        None
    }

    fn meet(
        &mut self,
        pass: Pass,
        part: &Part,
        subject: Subject,
        trail: &mut Trail<'_>,
        fault: &mut Option<Fault>,
    ) -> Option<Found> {
        if let Some(direct) = part.direct.as_ref().filter(|direct| pass.fresh & direct.bit != 0) {
            let found = |subject| Some(Found { visit: pass.at, key: direct.key, subject });
            if self.is_user(subject, direct.key) {
                return found(Some(subject));
            }
            if self.follow_userset(pass, direct, subject, trail, fault) {
                return found(None);
            }
        }
        self.follow_from(pass, part, subject, trail, fault);
        None
    }

    /// Whether a tuple of a relation with this subject lists the user.
    fn is_user(&self, subject: Subject, key: RelKey) -> bool {
        (subject == self.probe.subject || Some(subject) == self.probe.wildcard())
            && Shape::of(subject, self.probe.type_id).is_taken(&self.view.model.relation(key).admits)
    }

    /// Follows a userset. `true` where it leads to the user at once.
    fn follow_userset(
        &mut self,
        pass: Pass,
        direct: &Direct,
        subject: Subject,
        trail: &mut Trail<'_>,
        fault: &mut Option<Fault>,
    ) -> bool {
        let Subject::Userset(next, of) = subject else { return false };
        let Some(to) = self.view.type_of(next).and_then(|t| direct.target(t, of)) else { return false };
        let step = Step { object: pass.visit.object, key: direct.key, tupleset: None, next, to };
        if !self.leads_on(&step) {
            return false;
        }
        if self.record.is_none() && self.view.model.relation(to).ends {
            return self.look(pass.visit, &step, fault);
        }
        self.push_new(pass, &step, trail, fault);
        false
    }

    /// Follows the tuple of a relation after `from`.
    fn follow_from(
        &mut self,
        pass: Pass,
        part: &Part,
        subject: Subject,
        trail: &mut Trail<'_>,
        fault: &mut Option<Fault>,
    ) {
        let Subject::Object(next) = subject else { return };
        if part.ways.is_empty() {
            return;
        }
        let Some(type_id) = self.view.type_of(next) else { return };
        for way in part.ways.iter().filter(|way| pass.fresh & way.bit != 0) {
            let Some(to) = way.target(type_id) else { continue };
            let tupleset = Some(way.tupleset);
            let step = Step { object: pass.visit.object, key: way.owner, tupleset, next, to };
            if self.leads_on(&step) {
                self.push_new(pass, &step, trail, fault);
            }
        }
    }

    fn push_new(&self, pass: Pass, step: &Step, trail: &mut Trail<'_>, fault: &mut Option<Fault>) {
        // An explanation names every tuple; and at the limit it counts how a place is reached.
        let near = pass.visit.depth + 1 < self.depth.max;
        if near && self.record.is_none() && trail.is_coming(pass.entered, step.next, step.to) {
            return;
        }
        self.push(pass.at, pass.visit, step, trail, fault);
    }

    /// Looks at once where a tuple leads to a relation that ends there. Whether the user has it.
    fn look(&mut self, from: Visit, step: &Step, fault: &mut Option<Fault>) -> bool {
        if let Err(failed) = self.depth_of(from, step).and_then(|_| self.step()) {
            *fault = fault.or(Some(failed));
            return false;
        }
        let relation = self.view.model.relation(step.to).relation;
        self.probe.is_userset(step.next, relation) || self.lists(step.next, relation, step.to).is_some()
    }

    /// The subject by which a relation's own tuples list the user, if one does.
    fn lists(&self, object: ObjId, relation: RelId, key: RelKey) -> Option<Subject> {
        let view = self.view;
        let stored = match view.tuples.few(object) {
            Some(mut rows) => rows
                .find(|row| !row.conditional && row.relation == relation && self.is_user(row.subject, key))
                .map(|row| row.subject),
            None => {
                let both = [Some(self.probe.subject), self.probe.wildcard()];
                both.into_iter().flatten().find(|subject| {
                    let edge = view.tuples.edge(object, relation, *subject);
                    edge.is_some_and(|edge| !edge.conditional) && self.is_user(*subject, key)
                })
            }
        };
        stored.or_else(|| {
            let mut own = view.contextual.of(object, relation);
            own.find(|own| own.condition.is_none() && self.is_user(own.subject, key)).map(|own| own.subject)
        })
    }
}
