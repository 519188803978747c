//! ListObjects: walk backwards from the user over all tuples, then check what was met.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;

use fga_model::StoreId;

use crate::{
    Engine, EngineError,
    check::{Checker, Fault, Outcome, Probe},
    names::{IdHasher, ObjId, Subject},
    question::ListObjectsRequest,
    tuples::view::View,
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
    /// Objects of a type on which the user has the relation, each once.
    pub fn list_objects(
        &self,
        store: &StoreId,
        request: &ListObjectsRequest,
        cap: Cap,
    ) -> Result<Vec<String>, EngineError> {
        let cell = self.cell(store)?;
        let state = cell.state.read();
        let (_, model) = state.model(store.as_str(), request.model.as_ref())?;
        let admission = self.admission(&state, &model);
        let type_name = request.type_name.as_str();
        let type_id = admission
            .type_id(type_name)
            .ok_or_else(|| EngineError::TypeNotFound { type_name: type_name.to_owned() })?;
        let key =
            admission.key(type_name, &request.relation).ok_or_else(|| EngineError::RelationNotFound {
                type_name: type_name.to_owned(),
                relation: request.relation.clone(),
            })?;
        admission.user(&request.user)?;
        let mut contextual = self.contextual(&admission, &request.contextual)?;
        let subject = contextual.subject(&state.names, &request.user);
        let view = View { model: &model, names: &state.names, tuples: &state.tuples, contextual };
        let Some(probe) = subject.and_then(|subject| Probe::new(&view, subject)) else {
            return Ok(Vec::new());
        };
        let limit = if cap == Cap::Limited { self.limits.list_results_max } else { usize::MAX };
        let mut checker = Checker::new(&view, probe, self.depth(false));
        let mut backwards = Backwards::new(&view, probe);
        let (mut found, mut fault) = (Vec::new(), None::<Fault>);
        while let Some(object) = backwards.next() {
            if view.type_of(object) != Some(type_id) {
                continue;
            }
            match checker.check(object, key) {
                Outcome::Allowed => found.push(view.object_name(object).to_owned()),
                Outcome::Denied { .. } => {}
                Outcome::Failed(failed) => fault = fault.or(Some(failed)),
            }
            if found.len() >= limit {
                return Ok(found);
            }
        }
        fault.map_or(Ok(found), |fault| Err(self.fault(fault)))
    }
}

/// Objects that any chain of tuples leads to from the user: a superset of what the user can have a relation on.
struct Backwards<'v, 'a> {
    view: &'v View<'a>,
    seen: HashSet<ObjId, BuildHasherDefault<IdHasher>>,
    open: Vec<ObjId>,
}

impl<'v, 'a> Backwards<'v, 'a> {
    fn new(view: &'v View<'a>, probe: Probe) -> Self {
        let mut backwards = Self { view, seen: HashSet::default(), open: Vec::new() };
        match probe.subject {
            Subject::Object(object) | Subject::Userset(object, _) => backwards.meet(object),
            Subject::Wildcard(_) => {}
        }
        let everybody = probe.wildcard().into_iter().chain(match probe.subject {
            Subject::Wildcard(_) => Some(probe.subject),
            _ => None,
        });
        for wildcard in everybody {
            view.tuples.holders(wildcard).into_iter().for_each(|(object, _)| backwards.meet(object));
            let own = view.contextual.tuples().iter().filter(|t| t.subject == wildcard);
            own.for_each(|t| backwards.meet(t.object));
        }
        backwards
    }

    fn meet(&mut self, object: ObjId) {
        if self.seen.insert(object) {
            self.open.push(object);
        }
    }

    fn next(&mut self) -> Option<ObjId> {
        let object = self.open.pop()?;
        let view = self.view;
        for (_, referrer, _) in view.tuples.referrers(object) {
            self.meet(referrer);
        }
        for tuple in view.contextual.tuples() {
            let user = match tuple.subject {
                Subject::Object(user) | Subject::Userset(user, _) => Some(user),
                Subject::Wildcard(_) => None,
            };
            if user == Some(object) {
                self.meet(tuple.object);
            }
        }
        Some(object)
    }
}
