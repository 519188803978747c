//! The breadth-first walk where no tuple has a condition: one pass over the tuples of every object.

use super::{
    Checker, Fault, Step,
    monotone::Found,
    trail::{Entered, Trail, Visit},
};
use crate::{
    model::{Direct, Part, RelKey},
    names::{ObjId, RelId, Subject, TypeId},
    tuples::{Packed, view::Shape},
};

/// The visit that is made, and what of the object is new with it.
struct Pass<'p, 'm> {
    at: usize,
    object: ObjId,
    depth: u32,
    entered: Entered,
    /// Bits of the relations that are looked at.
    fresh: u64,
    trail: &'p mut Trail<'m>,
    fault: &'p mut Option<Fault>,
}

impl Pass<'_, '_> {
    fn found(&self, key: RelKey, subject: Option<Subject>) -> Option<Found> {
        Some(Found { visit: self.at, key, subject })
    }

    /// The relation's own tuples, where they are new.
    fn direct<'a>(&self, part: &'a Part) -> Option<&'a Direct> {
        part.direct.as_ref().filter(|direct| self.fresh & direct.bit != 0)
    }
}

impl Checker<'_, '_> {
    /// Looks at all tuples of an object that a relation, or what it is computed from, has a use for.
    pub(super) fn pass(
        &mut self,
        at: usize,
        trail: &mut Trail<'_>,
        fault: &mut Option<Fault>,
    ) -> Option<Found> {
        let view = self.view;
        let Visit { object, key, depth, .. } = *trail.get(at)?;
        let relation = view.model.relation(key);
        let entered = trail.enter(at);
        let mut pass = Pass { at, object, depth, entered, fresh: 0, trail, fault };
        let asks_for_userset = matches!(self.probe.subject, Subject::Userset(..));
        for (bit, key) in relation.aliases.iter().enumerate() {
            if !pass.trail.is_fresh(entered, *key) {
                continue;
            }
            if asks_for_userset && self.probe.is_userset(object, view.model.relation(*key).relation) {
                return pass.found(*key, None);
            }
            if self.probe.reaches(view, *key) {
                pass.fresh |= 1 << bit;
            }
        }
        if pass.fresh == 0 {
            return None;
        }
        // Whatever a plan leads to has a plan.
        let parts = relation.plan.as_deref().unwrap_or_default();
        let part_of = |relation: RelId| parts.iter().find(|part| part.relation == relation);
        match view.tuples.few(object) {
            Some(rows) => {
                for row in rows {
                    if let Some(part) = part_of(row.relation).filter(|_| !row.conditional)
                        && let Some(found) = self.meet(&mut pass, part, row.user, row.type_id)
                    {
                        return Some(found);
                    }
                }
            }
            None => {
                for part in parts {
                    let found = self.meet_many(&mut pass, part);
                    if found.is_some() {
                        return found;
                    }
                }
            }
        }
        for own in view.contextual.tuples() {
            if own.object == object
                && own.condition.is_none()
                && let Some(part) = part_of(own.relation)
                && let Some(type_id) = view.contextual.type_of_subject(view.names, own.subject)
                && let Some(found) = self.meet(&mut pass, part, own.subject.into(), type_id)
            {
                return Some(found);
            }
        }
        None
    }

    /// One tuple of the object.
    fn meet(&mut self, pass: &mut Pass<'_, '_>, part: &Part, user: Packed, type_id: TypeId) -> Option<Found> {
        let subject = Subject::from(user);
        if let Some(direct) = pass.direct(part) {
            if self.is_user(user, direct.key) {
                return pass.found(direct.key, Some(subject));
            }
            if self.follow_userset(pass, direct, subject, type_id) {
                return pass.found(direct.key, None);
            }
        }
        self.follow_from(pass, part, subject, type_id);
        None
    }

    /// All tuples of one relation of an object with so many that only those are read which can matter.
    fn meet_many(&mut self, pass: &mut Pass<'_, '_>, part: &Part) -> Option<Found> {
        let (view, object) = (self.view, pass.object);
        if let Some(direct) = pass.direct(part) {
            if let Some(subject) = self.lists(object, part.relation, direct.key) {
                return pass.found(direct.key, Some(subject));
            }
            for edge in view.tuples.usersets(object, part.relation).filter(|edge| !edge.conditional) {
                if self.follow_userset(pass, direct, edge.subject, edge.type_id) {
                    return pass.found(direct.key, None);
                }
            }
        }
        if part.ways.iter().any(|way| pass.fresh & way.bit != 0) {
            for edge in view.tuples.edges(object, part.relation).filter(|edge| !edge.conditional) {
                self.follow_from(pass, part, edge.subject, edge.type_id);
            }
        }
        None
    }

    /// Whether a tuple of a relation with this subject lists the user.
    #[inline]
    fn is_user(&self, user: Packed, key: RelKey) -> bool {
        self.listed_as.contains(&user)
            && Shape::of(user.into(), self.probe.type_id)
                .is_taken(&self.view.model.relation(key).admits, None)
    }

    /// Follows a userset. `true` where it leads to the user at once.
    #[inline]
    fn follow_userset(
        &mut self,
        pass: &mut Pass<'_, '_>,
        direct: &Direct,
        subject: Subject,
        type_id: TypeId,
    ) -> bool {
        let Subject::Userset(next, of) = subject else { return false };
        let Some(named) = direct.target(type_id, of) else { return false };
        let step = Step { object: pass.object, key: direct.key, tupleset: None, next, to: named.key };
        if !self.leads_on(&step) {
            return false;
        }
        if self.record.is_none() && named.ends {
            return self.look(pass, &step);
        }
        self.push_new(pass, &step);
        false
    }

    /// Follows the tuple of a relation after `from`.
    #[inline]
    fn follow_from(&mut self, pass: &mut Pass<'_, '_>, part: &Part, subject: Subject, type_id: TypeId) {
        let Subject::Object(next) = subject else { return };
        let fresh = pass.fresh;
        for way in part.ways.iter().filter(|way| fresh & way.bit != 0) {
            let Some(to) = way.hop.target(type_id) else { continue };
            let tupleset = Some(way.hop.tupleset);
            let step = Step { object: pass.object, key: way.owner, tupleset, next, to };
            if self.leads_on(&step) {
                self.push_new(pass, &step);
            }
        }
    }

    #[inline]
    fn push_new(&self, pass: &mut Pass<'_, '_>, step: &Step) {
        // An explanation names every tuple; and at the limit it counts how a place is reached.
        let near = pass.depth + 1 < self.depth.max;
        if near && self.record.is_none() && pass.trail.is_coming(pass.entered, step.next, step.to) {
            return;
        }
        self.push(pass.at, pass.depth, step, pass.trail, pass.fault);
    }

    /// Looks at once where a tuple leads to a relation that ends there. Whether the user has it.
    #[inline]
    fn look(&mut self, pass: &mut Pass<'_, '_>, step: &Step) -> bool {
        if let Err(failed) = self.depth_of(pass.depth, step).and_then(|_| self.step()) {
            *pass.fault = pass.fault.or(Some(failed));
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
                .find(|row| row.relation == relation && !row.conditional && self.is_user(row.user, key))
                .map(|row| row.user.into()),
            None => {
                let mut both = self.listed_as.into_iter();
                let listed = both.find(|user| {
                    let edge = view.tuples.edge(object, relation, (*user).into());
                    edge.is_some_and(|edge| !edge.conditional) && self.is_user(*user, key)
                });
                listed.map(Subject::from)
            }
        };
        stored.or_else(|| {
            let mut own = view.contextual.of(object, relation);
            own.find(|own| own.condition.is_none() && self.is_user(own.subject.into(), key))
                .map(|own| own.subject)
        })
    }
}
