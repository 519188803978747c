//! What an answer rests on: the steps to the user, or the nearest relationship that is missing.

use verdict::{Missing, RelationStep};

use super::{
    Checker, Outcome, Record, Step, TRIED_MAX,
    monotone::{Found, Visit},
};
use crate::{
    model::{RelKey, computed},
    names::{ObjId, Subject},
};

impl Checker<'_, '_> {
    fn wants(&self) -> bool {
        self.record.as_ref().is_some_and(|record| record.muted == 0)
    }

    fn record(&mut self, note: impl FnOnce(&mut Record)) {
        if let Some(record) = self.record.as_mut().filter(|record| record.muted == 0) {
            note(record);
        }
    }

    pub(super) fn mark(&self) -> usize {
        self.record.as_ref().map_or(0, |record| record.path.len())
    }

    pub(super) fn forget(&mut self, mark: usize) {
        self.record(|record| record.path.truncate(mark));
    }

    pub(super) fn forget_unless_allowed(&mut self, mark: usize, outcome: Outcome) {
        if outcome != Outcome::Allowed {
            self.forget(mark);
        }
    }

    pub(super) fn mute(&mut self) {
        if let Some(record) = &mut self.record {
            record.muted += 1;
        }
    }

    pub(super) fn unmute(&mut self) {
        if let Some(record) = &mut self.record {
            record.muted = record.muted.saturating_sub(1);
        }
    }

    fn relation_name(&self, key: RelKey) -> String {
        self.view.names.relation_name(self.view.model.relation(key).relation).to_owned()
    }

    fn step_to(&self, object: ObjId, key: RelKey, user: String) -> RelationStep {
        RelationStep {
            object: self.view.object_name(object).to_owned(),
            relation: self.relation_name(key),
            user,
        }
    }

    fn userset(&self, object: ObjId, key: RelKey) -> String {
        format!("{}#{}", self.view.object_name(object), self.relation_name(key))
    }

    pub(super) fn note_computed(&mut self, object: ObjId, key: RelKey, other: RelKey) -> usize {
        let mark = self.mark();
        if self.wants() {
            let step = self.step_to(object, key, self.userset(object, other));
            self.record(|record| record.path.push(step));
        }
        mark
    }

    pub(super) fn note_direct(&mut self, object: ObjId, key: RelKey, subject: Subject) {
        if self.wants() {
            let step = self.step_to(object, key, self.view.subject_name(subject));
            self.record(|record| record.path.push(step));
        }
    }

    pub(super) fn note_hop(&mut self, step: &Step) -> usize {
        let mark = self.mark();
        if self.wants() {
            let steps = self.hop_steps(step);
            self.record(|record| {
                let room = TRIED_MAX.saturating_sub(record.tried.len());
                record.tried.extend(steps.iter().take(room).cloned());
                record.path.extend(steps);
            });
        }
        mark
    }

    fn hop_steps(&self, step: &Step) -> Vec<RelationStep> {
        let Step { object, key, tupleset, next, to } = *step;
        let first = self.step_to(object, key, self.userset(next, to));
        let from = tupleset.map(|t| self.step_to(object, t, self.view.object_name(next).to_owned()));
        std::iter::once(first).chain(from).collect()
    }

    /// A direct relation that did not list the user and could: the first one met is the nearest.
    pub(super) fn note_missing(&mut self, object: ObjId, key: RelKey) {
        if self.wants() && self.record.as_ref().is_some_and(|r| r.missing.is_none()) && self.admits_user(key)
        {
            let missing = self.missing(object, key);
            self.record(|record| record.missing = Some(missing));
        }
    }

    pub(super) fn note_excluded(&mut self, object: ObjId, key: RelKey) {
        if self.wants() {
            let user = self.view.subject_name(self.probe.subject);
            let text = format!("`{}` excludes `{user}`", self.userset(object, key));
            self.record(|record| record.missing = Some(Missing::Fact(text)));
        }
    }

    fn missing(&self, object: ObjId, key: RelKey) -> Missing {
        Missing::relation(
            self.view.object_name(object),
            self.relation_name(key),
            self.view.subject_name(self.probe.subject),
        )
    }

    fn admits_user(&self, key: RelKey) -> bool {
        let (userset, wildcard) = match self.probe.subject {
            Subject::Object(_) => (None, false),
            Subject::Wildcard(_) => (None, true),
            Subject::Userset(_, relation) => (Some(relation), false),
        };
        self.view.model.relation(key).admits.allows(self.probe.type_id, userset, wildcard, None)
    }

    /// The steps of a breadth-first walk that found the user.
    pub(super) fn explain_found(&mut self, queue: &[Visit], found: Found) {
        if !self.wants() {
            return;
        }
        let mut visits = Vec::new();
        let mut at = found.visit;
        while let Some(visit) = queue.get(at) {
            visits.push(*visit);
            if at == 0 {
                break;
            }
            at = visit.parent;
        }
        visits.reverse();
        let mut steps = Vec::new();
        for (index, visit) in visits.iter().enumerate() {
            match visits.get(index + 1) {
                Some(next) => {
                    self.alias_steps(visit.object, visit.key, next.owner, &mut steps);
                    steps.extend(self.hop_steps(&next.step_from(visit)));
                }
                None => {
                    self.alias_steps(visit.object, visit.key, found.key, &mut steps);
                    if let Some(subject) = found.subject {
                        steps.push(self.step_to(visit.object, found.key, self.view.subject_name(subject)));
                    }
                }
            }
        }
        self.record(|record| record.path.extend(steps));
    }

    /// The shortest way from a relation to one it is computed from, on one object.
    fn alias_steps(&self, object: ObjId, from: RelKey, to: RelKey, steps: &mut Vec<RelationStep>) {
        let mut queue: Vec<(RelKey, usize)> = vec![(from, 0)];
        let mut head = 0;
        while let Some((key, _)) = queue.get(head).copied() {
            if key == to {
                break;
            }
            let mut next = Vec::new();
            computed(&self.view.model.relation(key).program, &mut next);
            next.retain(|k| !queue.iter().any(|(seen, _)| seen == k));
            queue.extend(next.into_iter().map(|k| (k, head)));
            head += 1;
        }
        let mut way = Vec::new();
        while let Some((key, parent)) = queue.get(head).copied() {
            way.push(key);
            if head == 0 {
                break;
            }
            head = parent;
        }
        way.reverse();
        for pair in way.windows(2) {
            if let [key, other] = pair {
                steps.push(self.step_to(object, *key, self.userset(object, *other)));
            }
        }
    }

    /// What a breadth-first walk found instead of the user, and the nearest relation that could list it.
    pub(super) fn explain_missing(&mut self, queue: &[Visit]) {
        if !self.wants() {
            return;
        }
        let mut tried = Vec::new();
        for visit in queue.iter().skip(1).take(TRIED_MAX) {
            if let Some(parent) = queue.get(visit.parent) {
                tried.extend(self.hop_steps(&visit.step_from(parent)));
            }
        }
        let nearest = queue.iter().find_map(|visit| {
            let aliases = &self.view.model.relation(visit.key).aliases;
            let key = aliases.iter().find(|key| self.admits_user(**key))?;
            Some(self.missing(visit.object, *key))
        });
        self.record(|record| {
            let room = TRIED_MAX.saturating_sub(record.tried.len());
            record.tried.extend(tried.into_iter().take(room));
            record.missing = record.missing.take().or(nearest);
        });
    }
}
