//! What an answer rests on: the steps to the user, or the nearest relationship that is missing.

use verdict::{Missing, RelationStep};

use super::{
    CANDIDATES_MAX, Checker, Noted, Outcome, Record, Step, TRIED_MAX, monotone::Found, trail::Visit,
};
use crate::{
    model::{RelKey, computed},
    names::{ObjId, Subject},
    tuples::view::Shape,
};

impl Record {
    /// Whether an allow rests on what holds here, not on what fails.
    fn holds(&self) -> bool {
        self.subtracted.is_multiple_of(2)
    }
}

impl Checker<'_, '_> {
    /// Runs with the record, if there is one.
    fn record(&mut self, note: impl FnOnce(&mut Record)) {
        if let Some(record) = &mut self.record {
            note(record);
        }
    }

    pub(super) fn mark(&self) -> usize {
        self.record.as_ref().map_or(0, |record| record.path.len())
    }

    /// Keeps what was noted since the mark only where it is grounds: of what holds where something has to hold, of
    /// what fails where something has to fail.
    pub(super) fn settle(&mut self, mark: usize, outcome: Outcome) {
        self.record(|record| {
            let grounds = match outcome {
                Outcome::Allowed => record.holds(),
                Outcome::Denied { .. } => !record.holds(),
                Outcome::Failed(_) => false,
            };
            if !grounds {
                record.path.truncate(mark);
            }
        });
    }

    /// What follows is taken away from what holds, until [`Checker::subtracted`].
    pub(super) fn subtract(&mut self) {
        self.record(|record| record.subtracted += 1);
    }

    pub(super) fn subtracted(&mut self) {
        self.record(|record| record.subtracted = record.subtracted.saturating_sub(1));
    }

    fn relation_name(&self, key: RelKey) -> String {
        self.view.names.relation_name(self.view.model.relation(key).relation).to_owned()
    }

    fn userset(&self, object: ObjId, key: RelKey) -> Subject {
        Subject::Userset(object, self.view.model.relation(key).relation)
    }

    /// Steps in OpenFGA's notation.
    pub(super) fn told(&self, steps: &[Noted]) -> Vec<RelationStep> {
        let told = |step: &Noted| RelationStep {
            object: self.view.object_name(step.object).to_owned(),
            relation: self.relation_name(step.key),
            user: self.view.subject_name(step.subject),
        };
        steps.iter().map(told).collect()
    }

    pub(super) fn note_computed(&mut self, object: ObjId, key: RelKey, other: RelKey) -> usize {
        let mark = self.mark();
        let subject = self.userset(object, other);
        self.record(|record| {
            if record.holds() {
                record.path.push(Noted { object, key, subject });
            }
        });
        mark
    }

    pub(super) fn note_direct(&mut self, object: ObjId, key: RelKey, subject: Subject) {
        let step = Noted { object, key, subject };
        self.record(|record| {
            record.touched.push(step);
            if record.holds() {
                record.path.push(step);
            }
        });
    }

    pub(super) fn note_hop(&mut self, step: &Step) -> usize {
        let mark = self.mark();
        if self.record.is_some() {
            let steps: Vec<Noted> = self.hop_steps(step).collect();
            self.record(|record| {
                record.touched.extend(&steps);
                if record.holds() {
                    record.path.extend(&steps);
                }
                record.try_steps(steps);
            });
        }
        mark
    }

    /// A tuple of the relation itself is a step; after `from` both the relation taken and the tuple are.
    fn hop_steps(&self, step: &Step) -> impl Iterator<Item = Noted> + use<> {
        let Step { object, key, tupleset, next, to } = *step;
        let first = Noted { object, key, subject: self.userset(next, to) };
        let from = tupleset.map(|key| Noted { object, key, subject: Subject::Object(next) });
        std::iter::once(first).chain(from)
    }

    /// A direct relation that did not list the user and could.
    pub(super) fn note_missing(&mut self, object: ObjId, key: RelKey) {
        if self.record.as_ref().is_some_and(Record::holds) && self.could_list(object, key) {
            let distance = self.path.len();
            self.record(|record| record.candidate(distance, object, key));
        }
    }

    pub(super) fn note_excluded(&mut self, object: ObjId, key: RelKey) {
        self.record(|record| {
            if record.holds() && !record.excluded.contains(&(object, key)) {
                record.excluded.push((object, key));
            }
        });
    }

    pub(super) fn missing(&self, object: ObjId, key: RelKey) -> Missing {
        Missing::relation(
            self.view.object_name(object),
            self.relation_name(key),
            self.view.subject_name(self.probe.subject),
        )
    }

    pub(super) fn exclusion(&self, object: ObjId, key: RelKey) -> Missing {
        let of = self.view.subject_name(self.userset(object, key));
        Missing::Fact(format!("`{of}` excludes `{}`", self.view.subject_name(self.probe.subject)))
    }

    /// Whether a stored tuple could list the user: the model takes it without a condition, and the question's own
    /// tuples do not hide it.
    fn could_list(&self, object: ObjId, key: RelKey) -> bool {
        let relation = self.view.model.relation(key);
        let mut own = self.view.contextual.of(object, relation.relation);
        Shape::of(self.probe.subject, self.probe.type_id).is_taken(&relation.admits, None)
            && !own.any(|tuple| tuple.subject == self.probe.subject)
    }

    /// The steps of a breadth-first walk that found the user.
    pub(super) fn explain_found(&mut self, queue: &[Visit], found: Found) {
        if self.record.is_none() {
            return;
        }
        self.touch(queue);
        let mut visits = Vec::new();
        let mut at = found.visit;
        while let Some(visit) = queue.get(at) {
            visits.push(*visit);
            if at == 0 {
                break;
            }
            at = visit.parent as usize;
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
                    let direct = |subject| Noted { object: visit.object, key: found.key, subject };
                    steps.extend(found.subject.map(direct));
                }
            }
        }
        self.record(|record| {
            record.touched.extend(&steps);
            if record.holds() {
                record.path.extend(steps);
            }
        });
    }

    /// Every tuple that a breadth-first walk followed.
    fn touch(&mut self, queue: &[Visit]) {
        for visit in queue.iter().skip(1) {
            if let Some(parent) = queue.get(visit.parent as usize) {
                let steps = self.hop_steps(&visit.step_from(parent));
                self.record(|record| record.touched.extend(steps));
            }
        }
    }

    /// The shortest way from a relation to one it is computed from, on one object.
    fn alias_steps(&self, object: ObjId, from: RelKey, to: RelKey, steps: &mut Vec<Noted>) {
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
                steps.push(Noted { object, key: *key, subject: self.userset(object, *other) });
            }
        }
    }

    /// What a breadth-first walk found instead of the user, and the relations that could list it, nearest first.
    pub(super) fn explain_missing(&mut self, queue: &[Visit]) {
        if self.record.is_none() {
            return;
        }
        self.touch(queue);
        for visit in queue.iter().skip(1).take(TRIED_MAX) {
            if let Some(parent) = queue.get(visit.parent as usize) {
                let steps = self.hop_steps(&visit.step_from(parent));
                self.record(|record| record.try_steps(steps));
            }
        }
        let nested = self.path.len();
        for visit in queue {
            let hops = queue.first().map_or(0, |first| visit.depth.saturating_sub(first.depth)) as usize;
            let view = self.view;
            for key in &view.model.relation(visit.key).aliases {
                if self.record.as_ref().is_some_and(Record::is_full) {
                    return;
                }
                if self.record.as_ref().is_some_and(Record::holds) && self.could_list(visit.object, *key) {
                    self.record(|record| record.candidate(nested + hops, visit.object, *key));
                }
            }
        }
    }
}

impl Record {
    fn try_steps(&mut self, steps: impl IntoIterator<Item = Noted>) {
        let room = TRIED_MAX.saturating_sub(self.tried.len());
        if self.subtracted == 0 {
            self.tried.extend(steps.into_iter().take(room));
        }
    }

    fn is_full(&self) -> bool {
        self.candidates.len() >= CANDIDATES_MAX
    }

    fn candidate(&mut self, distance: usize, object: ObjId, key: RelKey) {
        let known = self.candidates.iter().any(|(_, o, k)| *o == object && *k == key);
        if !known && !self.is_full() {
            self.candidates.push((distance, object, key));
        }
    }
}
