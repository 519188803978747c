//! ListObjects: walk backwards from the user along what the model lets follow, then check what needs it.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;

use fga_model::StoreId;

use crate::{
    Engine, EngineError,
    check::{Checker, Depth, Fault, Outcome, Probe},
    model::RelKey,
    names::{IdHasher, ObjId, RelId, Subject},
    question::ListObjectsRequest,
    tuples::{Posting, contextual::Contextual, view::View},
};

/// Whether a list stops at the limit of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cap {
    /// At the limit.
    Limited,
    /// Never: for streams.
    Unlimited,
}

impl Engine {
    /// Objects of a type on which the user has the relation, each once. A list that would cost more than the budget of
    /// a question ends early, silently, as OpenFGA's does at its deadline.
    pub fn list_objects(
        &self,
        store: &StoreId,
        request: &ListObjectsRequest,
        cap: Cap,
    ) -> Result<Vec<String>, EngineError> {
        let cell = self.cell(store)?;
        let state = cell.state.read();
        let model = state.compiled(store.as_str(), request.model.as_ref())?;
        let admission = self.admission(&state, &model);
        let type_name = request.type_name.as_str();
        admission
            .type_id(type_name)
            .ok_or_else(|| EngineError::TypeNotFound { type_name: type_name.to_owned() })?;
        let key =
            admission.key(type_name, &request.relation).ok_or_else(|| EngineError::RelationNotFound {
                type_name: type_name.to_owned(),
                relation: request.relation.clone(),
            })?;
        let mut contextual = Contextual::new(&state.names);
        let subject = admission.subject(&mut contextual, &request.user)?;
        self.contextual(&admission, &mut contextual, &request.contextual)?;
        let deadline = self.deadline();
        let view = View::new(&model, &state.names, &state.tuples, contextual, &request.context, &deadline);
        let Some(probe) = Probe::new(&view, subject) else {
            return Ok(Vec::new());
        };
        let limit = if cap == Cap::Limited { self.limits.list_results_max } else { usize::MAX };
        let depth = self.depth(false);
        let mut checker = Checker::new(&view, probe, depth);
        let exact = model.relation(key).monotone;
        let mut found = Vec::new();
        let mut fault = None::<Fault>;
        let mut walk = Backwards::new(&view, key, depth);
        walk.start(probe);
        while let Some(object) = walk.next() {
            let outcome = if exact { Outcome::Allowed } else { checker.check(object, key) };
            match outcome {
                Outcome::Allowed => found.push(view.object_name(object).to_owned()),
                Outcome::Denied { .. } => {}
                Outcome::Failed(Fault::Budget | Fault::Deadline) => return Ok(found),
                Outcome::Failed(failed) => fault = fault.or(Some(failed)),
            }
            if found.len() >= limit {
                return Ok(found);
            }
        }
        match walk.fault.or(fault) {
            None | Some(Fault::Budget | Fault::Deadline) => Ok(found),
            Some(fault) => Err(self.fault(fault, &view)),
        }
    }
}

/// Relations that follow from what the user has, nearest first. For a relation of unions only, exactly those that a
/// check allows; for others a superset.
struct Backwards<'v, 'a> {
    view: &'v View<'a>,
    target: RelKey,
    depth: Depth,
    seen: HashSet<(ObjId, RelKey), BuildHasherDefault<IdHasher>>,
    queue: Vec<(ObjId, RelKey, u32)>,
    head: usize,
    steps: u64,
    /// The first thing that could not be followed.
    fault: Option<Fault>,
}

impl<'v, 'a> Backwards<'v, 'a> {
    fn new(view: &'v View<'a>, target: RelKey, depth: Depth) -> Self {
        let (seen, queue) = (HashSet::default(), Vec::new());
        Self { view, target, depth, seen, queue, head: 0, steps: 0, fault: None }
    }

    /// What the user has by tuples of its own.
    fn start(&mut self, probe: Probe) {
        let view = self.view;
        for subject in [Some(probe.subject), probe.wildcard()].into_iter().flatten() {
            match subject {
                Subject::Wildcard(type_id) => {
                    for posting in view.tuples.wildcard_holders(type_id) {
                        self.stored(&posting, subject, 0);
                    }
                }
                Subject::Object(user) => {
                    for posting in view.tuples.referrers(user).filter(|p| p.of.is_none()) {
                        self.stored(&posting, subject, 0);
                    }
                }
                Subject::Userset(user, of) => {
                    for posting in view.tuples.referrers(user).filter(|p| p.of == Some(of)) {
                        self.stored(&posting, subject, 0);
                    }
                }
            }
            self.contextual(subject, 0);
        }
        // A userset has itself.
        if let (Subject::Userset(object, _), Some(of)) = (probe.subject, probe.of) {
            self.meet(object, of, 0);
        }
    }

    /// The relation that a tuple gives its user, if that can lead to what is asked.
    fn wanted(&self, object: ObjId, relation: RelId) -> Option<RelKey> {
        let key = self.view.key(object, relation)?;
        self.view.model.reach().leads_to(key, self.target).then_some(key)
    }

    fn stored(&mut self, posting: &Posting, subject: Subject, depth: u32) {
        self.steps += 1;
        let Some(key) = self.wanted(posting.object, posting.relation) else { return };
        // A contextual tuple hides a stored one only for exact questions; in scans both are seen.
        let condition = if posting.conditional { self.view.tuples.condition(posting.row) } else { None };
        self.given(posting.object, key, subject, condition, depth);
    }

    fn contextual(&mut self, subject: Subject, depth: u32) {
        let view = self.view;
        for own in view.contextual.tuples().iter().filter(|t| t.subject == subject) {
            if let Some(key) = self.wanted(own.object, own.relation) {
                self.given(own.object, key, subject, own.condition, depth);
            }
        }
    }

    fn given(
        &mut self,
        object: ObjId,
        key: RelKey,
        subject: Subject,
        condition: Option<&fga_model::TupleCondition>,
        depth: u32,
    ) {
        if !self.view.model.relation(key).direct {
            return;
        }
        if self.holds(key, subject, condition) {
            self.meet(object, key, depth);
        }
    }

    fn holds(
        &mut self,
        key: RelKey,
        subject: Subject,
        condition: Option<&fga_model::TupleCondition>,
    ) -> bool {
        let Some(tuple) = self.view.usable(key, subject, condition) else { return false };
        match self.view.holds(&tuple) {
            Ok(holds) => holds,
            Err(failed) => {
                self.fault = self.fault.or(Some(failed));
                false
            }
        }
    }

    fn meet(&mut self, object: ObjId, key: RelKey, depth: u32) {
        if !self.seen.insert((object, key)) {
            return;
        }
        if depth >= self.depth.max {
            self.fault = self.fault.or(Some(Fault::TooDeep));
            return;
        }
        self.queue.push((object, key, depth));
    }

    /// The next object of the wanted type with the wanted relation.
    fn next(&mut self) -> Option<ObjId> {
        while let Some((object, key, depth)) = self.queue.get(self.head).copied() {
            self.head += 1;
            self.steps += 1;
            if self.steps > self.depth.steps_max || self.view.deadline.passed(1) {
                self.fault = self.fault.or(Some(Fault::Budget));
                return None;
            }
            self.follow(object, key, depth);
            if key == self.target {
                return Some(object);
            }
        }
        None
    }

    fn follow(&mut self, object: ObjId, key: RelKey, depth: u32) {
        let view = self.view;
        let (relation, reach) = (view.model.relation(key), view.model.reach());
        let backward = view.model.backward(key);
        for other in &backward.same_object {
            if reach.leads_to(*other, self.target) {
                self.meet(object, *other, depth);
            }
        }
        let target = self.target;
        let over = backward.over_tuples.iter().filter(|(_, owner)| reach.leads_to(*owner, target));
        let usersets = Subject::Userset(object, relation.relation);
        if over.clone().next().is_none() && !view.model.is_userset_somewhere(key) {
            return;
        }
        for posting in view.tuples.referrers(object) {
            match posting.of {
                Some(of) if of == relation.relation => self.stored(&posting, usersets, depth + 1),
                Some(_) => self.steps += 1,
                None => {
                    let condition =
                        if posting.conditional { view.tuples.condition(posting.row) } else { None };
                    self.steps += 1;
                    self.over(over.clone(), posting.object, posting.relation, object, condition, depth + 1);
                }
            }
        }
        self.contextual(usersets, depth + 1);
        for own in view.contextual.tuples().iter().filter(|t| t.subject == Subject::Object(object)) {
            self.over(over.clone(), own.object, own.relation, object, own.condition, depth + 1);
        }
    }

    /// A tuple that `from` follows: its object has what follows.
    fn over<'k>(
        &mut self,
        over: impl Iterator<Item = &'k (RelKey, RelKey)>,
        from: ObjId,
        relation: RelId,
        object: ObjId,
        condition: Option<&fga_model::TupleCondition>,
        depth: u32,
    ) {
        let Some(tupleset) = self.view.key(from, relation) else { return };
        for (_, owner) in over.filter(|(by, _)| *by == tupleset) {
            if self.holds(tupleset, Subject::Object(object), condition) {
                self.meet(from, *owner, depth);
            }
        }
    }
}
