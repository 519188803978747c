//! Grounds where intersections or exclusions are reached. A second walk remembers what it met; what it takes for the grounds is
//! then replayed: the path alone must allow, and the missing relationship must turn the denial.

use std::collections::HashSet;

use super::{Checker, Depth, EXPLANATION_STEPS_MAX, Noted, Outcome, Probe};
use crate::{
    answer::Grounds,
    model::RelKey,
    names::ObjId,
    tuples::{Tuples, contextual::ContextualTuple, view::View},
};

/// What an outcome rests on. Empty where finding it would cost too much.
pub(crate) fn reason(
    view: &View<'_>,
    probe: Probe,
    depth: Depth,
    place: (ObjId, RelKey),
    outcome: Outcome,
) -> Grounds {
    let mut replay = Replay { probe, depth, place, steps_left: EXPLANATION_STEPS_MAX };
    let mut walk = replay.checker(view).explained();
    let again = walk.check(place.0, place.1);
    replay.spend(&walk);
    let Some(record) = walk.record.as_ref().filter(|_| again == outcome) else { return Grounds::default() };
    match outcome {
        Outcome::Failed(_) => Grounds::default(),
        Outcome::Allowed => {
            let path = match replay.allows_with(view, &record.path) {
                true => &record.path,
                // Where a cycle under an exclusion counts, only everything that was met repeats the walk.
                false => &record.touched,
            };
            Grounds { path: walk.told(&distinct(path)), missing: None }
        }
        Outcome::Denied { .. } => {
            let mut candidates = record.candidates.clone();
            candidates.sort_by_key(|(distance, ..)| *distance);
            let turning = candidates.iter().find(|(_, object, key)| replay.turns(view, *object, *key));
            let missing = turning.map(|(_, object, key)| walk.missing(*object, *key)).or_else(|| {
                let excluding = record.excluded.iter().find(|place| replay.turns_without(view, **place));
                excluding.map(|(object, key)| walk.exclusion(*object, *key))
            });
            Grounds { path: walk.told(&record.tried), missing }
        }
    }
}

/// Each step once, where it was met first.
fn distinct(steps: &[Noted]) -> Vec<Noted> {
    let mut met = HashSet::new();
    steps.iter().copied().filter(|step| met.insert(*step)).collect()
}

/// The question, asked again under other circumstances within one budget.
struct Replay {
    probe: Probe,
    depth: Depth,
    place: (ObjId, RelKey),
    steps_left: u64,
}

impl Replay {
    fn checker<'v, 'a>(&self, view: &'v View<'a>) -> Checker<'v, 'a> {
        Checker::new(view, self.probe, Depth { steps_max: self.steps_left, ..self.depth })
    }

    fn spend(&mut self, checker: &Checker<'_, '_>) {
        self.steps_left = self.steps_left.saturating_sub(checker.steps);
    }

    fn allows(&mut self, mut checker: Checker<'_, '_>) -> bool {
        let allowed = checker.check(self.place.0, self.place.1) == Outcome::Allowed;
        self.spend(&checker);
        allowed
    }

    /// Whether these tuples alone allow. The question's own come first, as they hide stored ones.
    fn allows_with(&mut self, view: &View<'_>, steps: &[Noted]) -> bool {
        let (mut own, mut stored) = (Vec::new(), Vec::new());
        for step in steps {
            let relation = view.model.relation(step.key).relation;
            own.extend(
                view.contextual.of(step.object, relation).filter(|t| t.subject == step.subject).copied(),
            );
            if let Some(edge) = view.tuples.edge(step.object, relation, step.subject) {
                let condition = view.tuples.condition(edge.row);
                let (object, subject) = (step.object, step.subject);
                stored.push(ContextualTuple { object, relation, subject, condition });
            }
        }
        own.extend(stored);
        let nothing = Tuples::default();
        let contextual = view.contextual.with(own);
        let alone = View::new(view.model, view.names, &nothing, contextual, view.context, view.deadline);
        self.allows(self.checker(&alone))
    }

    /// Whether the user's tuple on (object, relation) turns the denial.
    fn turns(&mut self, view: &View<'_>, object: ObjId, key: RelKey) -> bool {
        let relation = view.model.relation(key).relation;
        let more = ContextualTuple { object, relation, subject: self.probe.subject, condition: None };
        let tuples = view.contextual.tuples().iter().copied().chain([more]).collect();
        let contextual = view.contextual.with(tuples);
        let view = View::new(view.model, view.names, view.tuples, contextual, view.context, view.deadline);
        self.allows(self.checker(&view))
    }

    /// Whether the denial would be none without an exclusion.
    fn turns_without(&mut self, view: &View<'_>, place: (ObjId, RelKey)) -> bool {
        let mut checker = self.checker(view);
        checker.lifted = Some(place);
        self.allows(checker)
    }
}
