//! The walk where only unions are reached: breadth first by hops, every (object, relation) once.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;

use super::{Checker, DENIED, Fault, Outcome};
use crate::{
    model::{RelKey, computed},
    names::{IdHasher, IdMap, ObjId, Subject},
    tuples::view::Tied,
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

/// Visited places: a short list is searched, a long one hashed.
#[derive(Default)]
struct Visited {
    few: Vec<(ObjId, RelKey)>,
    many: HashSet<(ObjId, RelKey), BuildHasherDefault<IdHasher>>,
}

/// Above this many places the list becomes a set.
const FEW_MAX: usize = 48;

impl Visited {
    fn insert(&mut self, place: (ObjId, RelKey)) -> bool {
        if !self.many.is_empty() {
            return self.many.insert(place);
        }
        if self.few.contains(&place) {
            return false;
        }
        self.few.push(place);
        if self.few.len() > FEW_MAX {
            self.many.extend(self.few.iter().copied());
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
        let mut visited = Visited::default();
        let mut fault = None;
        let mut head = 0;
        while let Some(visit) = queue.get(head).copied() {
            if !self.step() {
                return Outcome::Failed(Fault::Budget);
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
            if !visited.insert((object, key)) {
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
                for subject in [Some(self.probe.subject), self.probe.wildcard()].into_iter().flatten() {
                    match view.exact(object, key, subject).map(|t| t.condition) {
                        Some(Tied::Free) => return Some(Found { visit: at, key, subject: Some(subject) }),
                        Some(Tied::Conditional) => *fault = fault.or(Some(Fault::Condition)),
                        None => {}
                    }
                }
                for tuple in view.usersets(object, key) {
                    let Subject::Userset(next, relation) = tuple.subject else { continue };
                    let Some(to) = view.key(next, relation) else { continue };
                    self.push(at, visit, key, None, next, to, tuple.condition, queue, fault);
                }
            }
            for hop in &relation.hops {
                for tuple in view.scan(object, hop.tupleset) {
                    let Subject::Object(next) = tuple.subject else { continue };
                    let Some(to) = view.type_of(next).and_then(|t| hop.target(t)) else { continue };
                    self.push(at, visit, key, Some(hop.tupleset), next, to, tuple.condition, queue, fault);
                }
            }
        }
        None
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one hop has that many sides, and a struct would be built per tuple"
    )]
    fn push(
        &self,
        parent: usize,
        from: Visit,
        owner: RelKey,
        tupleset: Option<RelKey>,
        object: ObjId,
        key: RelKey,
        condition: Tied,
        queue: &mut Vec<Visit>,
        fault: &mut Option<Fault>,
    ) {
        if !self.probe.reaches(self.view, key) {
            // A userset can be the user itself although nothing leads from its type.
            let itself = self.probe.is_userset(object, self.view.model.relation(key).relation);
            if !itself {
                return;
            }
        }
        let depth = from.depth + 1;
        let refused = match condition {
            Tied::Conditional => Some(Fault::Condition),
            Tied::Free if self.too_deep(depth, self.is_free(owner, key)) => Some(Fault::TooDeep),
            Tied::Free => None,
        };
        match refused {
            Some(refused) => *fault = fault.or(Some(refused)),
            None => queue.push(Visit { object, key, depth, parent, owner, tupleset }),
        }
    }

    /// Whether a denied walk met a cycle, the recursion of a self-recursive relation aside.
    pub(crate) fn has_cycle(&self, object: ObjId, key: RelKey) -> bool {
        let mut done: IdMap<(ObjId, RelKey), bool> = IdMap::default();
        let mut stack = vec![((object, key), self.next(object, key))];
        done.insert((object, key), false);
        while let Some((place, next)) = stack.last_mut() {
            let Some(to) = next.pop() else {
                done.insert(*place, true);
                stack.pop();
                continue;
            };
            match done.get(&to) {
                Some(false) => return true,
                Some(true) => {}
                None => {
                    done.insert(to, false);
                    let next = self.next(to.0, to.1);
                    stack.push((to, next));
                }
            }
        }
        false
    }

    /// Places one step away, of any kind.
    fn next(&self, object: ObjId, key: RelKey) -> Vec<(ObjId, RelKey)> {
        let view = self.view;
        let relation = view.model.relation(key);
        let mut aliases = Vec::new();
        computed(&relation.program, &mut aliases);
        let mut next: Vec<(ObjId, RelKey)> = aliases.into_iter().map(|k| (object, k)).collect();
        if relation.direct {
            next.extend(view.usersets(object, key).filter_map(|tuple| match tuple.subject {
                Subject::Userset(o, r) => Some((o, view.key(o, r)?)),
                _ => None,
            }));
        }
        for hop in &relation.hops {
            next.extend(view.scan(object, hop.tupleset).filter_map(|tuple| match tuple.subject {
                Subject::Object(o) => Some((o, hop.target(view.type_of(o)?)?)),
                _ => None,
            }));
        }
        next.retain(|(_, to)| {
            self.probe.reaches(view, *to) && !(*to == key && self.probe.is_self_recursive(view, key))
        });
        next
    }
}
