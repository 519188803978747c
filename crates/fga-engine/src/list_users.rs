//! ListUsers: walk forward from the object with exact set algebra, wildcards and their exceptions included.

use std::collections::BTreeSet;

use fga_model::StoreId;

use crate::{
    Engine, EngineError,
    check::{Checker, Depth, Fault, NESTING_MAX, Outcome, Probe, comes_back},
    model::{Hop, Node, RelKey},
    names::{IdMap, ObjId, Subject},
    question::ListUsersRequest,
    tuples::{contextual::Contextual, view::View},
};

impl Engine {
    /// Users of one shape that have the relation, each once; `type:*` stands for itself. A list that would cost more than the
    /// budget of a question ends early, silently, as OpenFGA's does at its deadline, where only unions are reached; elsewhere
    /// it is refused.
    pub fn list_users(
        &self,
        store: &StoreId,
        request: &ListUsersRequest,
    ) -> Result<Vec<String>, EngineError> {
        let cell = self.cell(store)?;
        let state = cell.state.read();
        let model = state.compiled(store.as_str(), request.model.as_ref())?;
        let admission = self.admission(&state, &model);
        let mut contextual = Contextual::new(&state.names);
        let (target, object) = admission.place(&mut contextual, &request.object, &request.relation)?;
        let key = target.key;
        let type_name = request.filter.type_name.as_str();
        let type_id = admission
            .type_id(type_name)
            .ok_or_else(|| EngineError::TypeNotFound { type_name: type_name.to_owned() })?;
        let of = match &request.filter.relation {
            None => None,
            Some(relation) => Some(admission.key(type_name, relation).ok_or_else(|| {
                EngineError::RelationNotFound { type_name: type_name.to_owned(), relation: relation.clone() }
            })?),
        };
        self.contextual(&admission, &mut contextual, &request.contextual)?;
        let deadline = self.deadline();
        let view = View::new(&model, &state.names, &state.tuples, contextual, &request.context, &deadline);
        // Stands for any user of the shape: reachability depends on the shape alone.
        let anybody = ObjId(u32::MAX);
        let subject = match of {
            Some(of) => Subject::Userset(anybody, model.relation(of).relation),
            None => Subject::Object(anybody),
        };
        let depth = self.depth(false);
        let mut walk = Walk {
            view: &view,
            probe: Probe { subject, type_id, of },
            depth,
            steps: 0,
            path: Vec::new(),
            memo: IdMap::default(),
        };
        // OpenFGA looks only here whether anybody of the shape can be reached, and then goes wherever tuples lead.
        if of != Some(key) && !walk.probe.reaches(&view, key) {
            return Ok(Vec::new());
        }
        let users = walk.users(object, key, 0).map_err(|fault| self.fault(fault, &view))?;
        let mut found = users.set.listed(type_id);
        if !model.relation(key).monotone {
            // What a check would not confirm is not listed.
            let depth = self.depth(true);
            let mut confirmed = Vec::with_capacity(found.len());
            for user in found {
                let Some(probe) = Probe::new(&view, user) else { continue };
                match Checker::new(&view, probe, depth).check(object, key) {
                    Outcome::Allowed => confirmed.push(user),
                    Outcome::Failed(fault @ (Fault::Budget | Fault::Deadline)) => {
                        return Err(self.fault(fault, &view));
                    }
                    Outcome::Denied { .. } | Outcome::Failed(_) => {}
                }
            }
            found = confirmed;
        }
        found.truncate(self.limits.list_results_max);
        Ok(found.into_iter().map(|user| view.subject_name(user)).collect())
    }
}

/// A set of users of one shape: those named, and if `everybody`, all others except the exceptions.
#[derive(Clone, Debug, Default)]
struct Users {
    named: BTreeSet<Subject>,
    everybody: bool,
    except: BTreeSet<Subject>,
}

impl Users {
    fn has(&self, user: &Subject) -> bool {
        !self.except.contains(user) && (self.everybody || self.named.contains(user))
    }

    fn union(sets: Vec<Users>) -> Users {
        let everybody = sets.iter().any(|s| s.everybody);
        let named: BTreeSet<Subject> =
            sets.iter().flat_map(|s| s.named.iter().filter(|user| s.has(user))).copied().collect();
        let excepted: BTreeSet<Subject> = sets.iter().flat_map(|s| s.except.iter()).copied().collect();
        let except = excepted.into_iter().filter(|user| !sets.iter().any(|s| s.has(user))).collect();
        Users { named, everybody, except }
    }

    fn intersection(sets: Vec<Users>) -> Users {
        let everybody = !sets.is_empty() && sets.iter().all(|s| s.everybody);
        let named: BTreeSet<Subject> = sets.iter().flat_map(|s| s.named.iter()).copied().collect();
        let named = named.into_iter().filter(|user| sets.iter().all(|s| s.has(user))).collect();
        let except = sets.into_iter().flat_map(|s| s.except).collect();
        Users { named, everybody, except }
    }

    fn difference(base: Users, subtract: &Users) -> Users {
        let mut candidates: BTreeSet<Subject> = base.named.clone();
        if base.everybody && subtract.everybody {
            // Who is excepted from what is subtracted stays.
            candidates.extend(subtract.except.iter().copied());
        }
        let named = candidates.into_iter().filter(|user| base.has(user) && !subtract.has(user)).collect();
        let everybody = base.everybody && !subtract.everybody;
        let mut except = base.except;
        except.extend(subtract.named.iter().filter(|user| subtract.has(user)).copied());
        Users { named, everybody, except: if everybody { except } else { BTreeSet::new() } }
    }

    fn listed(&self, type_id: crate::names::TypeId) -> Vec<Subject> {
        let named = self.named.iter().filter(|user| self.has(user)).copied();
        named.chain(self.everybody.then_some(Subject::Wildcard(type_id))).collect()
    }
}

/// A set, and what cycles did to it.
#[derive(Clone, Debug, Default)]
struct Found {
    set: Users,
    /// Whether a way ended where it had been: the set holds for this path only.
    cut: bool,
    /// Whether that shows. As in OpenFGA it does through relations that are no more than tuples or another relation; set
    /// operators and `from` hide it.
    cyclic: bool,
}

impl Found {
    /// Some sets under an operator.
    fn under(operator: fn(Vec<Users>) -> Users, operands: Vec<Found>) -> Self {
        let cut = operands.iter().any(|operand| operand.cut);
        Self { set: operator(operands.into_iter().map(|operand| operand.set).collect()), cut, cyclic: false }
    }
}

struct Walk<'v, 'a> {
    view: &'v View<'a>,
    probe: Probe,
    depth: Depth,
    steps: u64,
    path: Vec<(ObjId, RelKey)>,
    memo: IdMap<(ObjId, RelKey), (u32, Found)>,
}

impl Walk<'_, '_> {
    fn step(&mut self) -> Result<(), Fault> {
        self.steps += 1;
        if self.steps > self.depth.steps_max {
            return Err(Fault::Budget);
        }
        if self.view.deadline.passed(1) { Err(Fault::Deadline) } else { Ok(()) }
    }

    /// A userset of the wanted shape is a member of itself.
    fn itself(&self, object: ObjId, key: RelKey) -> Option<Subject> {
        let relation = self.view.model.relation(key).relation;
        (self.probe.of == Some(key)).then_some(Subject::Userset(object, relation))
    }

    fn users(&mut self, object: ObjId, key: RelKey, depth: u32) -> Result<Found, Fault> {
        if depth >= self.depth.max || self.path.len() >= NESTING_MAX {
            return Err(Fault::TooDeep);
        }
        if self.path.contains(&(object, key)) {
            return Ok(Found { cut: true, cyclic: true, ..Found::default() });
        }
        let mut itself = Users::default();
        itself.named.extend(self.itself(object, key));
        if self.view.model.relation(key).monotone {
            return self.flood(object, key, depth);
        }
        if let Some((at, found)) = self.memo.get(&(object, key)).filter(|(at, _)| depth <= *at) {
            debug_assert!(*at >= depth);
            return Ok(found.clone());
        }
        self.step()?;
        self.path.push((object, key));
        let found = self.expression(object, key, &self.view.model.relation(key).program, depth);
        self.path.pop();
        let found = found?;
        let found = Found { set: Users::union(vec![found.set, itself]), ..found };
        if !found.cut {
            self.memo.insert((object, key), (depth, found.clone()));
        }
        Ok(found)
    }

    fn expression(&mut self, object: ObjId, key: RelKey, node: &Node, depth: u32) -> Result<Found, Fault> {
        match node {
            Node::This => self.direct(object, key, depth),
            Node::Computed(other) => self.users(object, *other, depth),
            Node::Hop(hop) => {
                let mut sets = Vec::new();
                for (next, to) in self.hop(object, hop)? {
                    sets.push(self.users(next, to, depth + 1)?);
                }
                Ok(Found::under(Users::union, sets))
            }
            Node::Union(nodes) => Ok(Found::under(Users::union, self.all(object, key, nodes, depth)?)),
            Node::Intersection(nodes) => {
                Ok(Found::under(Users::intersection, self.all(object, key, nodes, depth)?))
            }
            Node::Difference(base, subtract) => {
                let base = self.expression(object, key, base, depth);
                let subtract = self.expression(object, key, subtract, depth)?;
                // Whatever the base is: who is subtracted is not known.
                if subtract.cyclic {
                    return Ok(Found { cut: true, ..Found::default() });
                }
                let base = base?;
                let cut = base.cut || subtract.cut;
                Ok(Found { set: Users::difference(base.set, &subtract.set), cut, cyclic: false })
            }
        }
    }

    fn all(&mut self, object: ObjId, key: RelKey, nodes: &[Node], depth: u32) -> Result<Vec<Found>, Fault> {
        nodes.iter().map(|node| self.expression(object, key, node, depth)).collect()
    }

    fn direct(&mut self, object: ObjId, key: RelKey, depth: u32) -> Result<Found, Fault> {
        let mut set = Users::default();
        let next = self.named(object, key, &mut set)?;
        let mut sets = vec![set];
        let (mut cut, mut cyclic) = (false, false);
        for (next, to) in next {
            let found = self.users(next, to, depth + 1)?;
            cut |= found.cut;
            cyclic |= found.cyclic;
            sets.push(found.set);
        }
        Ok(Found { set: Users::union(sets), cut, cyclic })
    }

    /// Users that tuples name; gives the usersets to follow.
    fn named(&mut self, object: ObjId, key: RelKey, set: &mut Users) -> Result<Vec<(ObjId, RelKey)>, Fault> {
        let view = self.view;
        let mut next = Vec::new();
        for tuple in view.scan(object, key) {
            // Whoever a tuple names, its condition has to be one that can be evaluated.
            if !view.holds(&tuple)? {
                continue;
            }
            let follow = match tuple.subject {
                Subject::Object(user) => {
                    let wanted = self.probe.of.is_none() && view.type_of(user) == Some(self.probe.type_id);
                    if !wanted {
                        continue;
                    }
                    None
                }
                Subject::Wildcard(type_id) => {
                    if self.probe.of.is_some() || type_id != self.probe.type_id {
                        continue;
                    }
                    None
                }
                Subject::Userset(user, relation) => {
                    let Some(to) = view.key(user, relation) else { continue };
                    Some((user, to))
                }
            };
            match (tuple.subject, follow) {
                (_, Some(place)) => next.push(place),
                (Subject::Wildcard(_), None) => set.everybody = true,
                (user, None) => {
                    set.named.insert(user);
                }
            }
        }
        Ok(next)
    }

    fn hop(&self, object: ObjId, hop: &Hop) -> Result<Vec<(ObjId, RelKey)>, Fault> {
        let view = self.view;
        let mut next = Vec::new();
        for tuple in view.scan(object, hop.tupleset) {
            if !view.holds(&tuple)? {
                continue;
            }
            let Subject::Object(parent) = tuple.subject else { continue };
            next.extend(view.type_of(parent).and_then(|t| hop.target(t)).map(|to| (parent, to)));
        }
        Ok(next)
    }

    /// Where only unions are reached. What was found when the budget ends is a part of the whole, as long as nothing is made of
    /// it.
    fn flood(&mut self, object: ObjId, key: RelKey, depth: u32) -> Result<Found, Fault> {
        let mut set = Users::default();
        match self.spread(object, key, depth, &mut set) {
            Err(Fault::Budget | Fault::Deadline) if self.path.is_empty() => {
                Ok(Found { set, cut: false, cyclic: false })
            }
            Err(fault) => Err(fault),
            Ok(()) => Ok(Found { set, cut: false, cyclic: self.ends_in_cycle(object, key) }),
        }
    }

    /// Breadth first, each (object, relation) once.
    fn spread(&mut self, object: ObjId, key: RelKey, depth: u32, set: &mut Users) -> Result<(), Fault> {
        let view = self.view;
        let mut seen: IdMap<(ObjId, RelKey), ()> = IdMap::default();
        let mut queue = vec![(object, key, depth)];
        let mut head = 0;
        while let Some((object, key, depth)) = queue.get(head).copied() {
            head += 1;
            for key in &view.model.relation(key).aliases {
                if seen.insert((object, *key), ()).is_some() {
                    continue;
                }
                self.step()?;
                set.named.extend(self.itself(object, *key));
                let relation = view.model.relation(*key);
                let mut next = Vec::new();
                if relation.direct {
                    next = self.named(object, *key, set)?;
                }
                for hop in &relation.hops {
                    next.extend(self.hop(object, hop)?);
                }
                for (object, key) in next {
                    if depth + 1 >= self.depth.max {
                        return Err(Fault::TooDeep);
                    }
                    queue.push((object, key, depth + 1));
                }
            }
        }
        Ok(())
    }

    /// Whether a way over relations that are no more than tuples or another relation comes back to where it was.
    fn ends_in_cycle(&self, object: ObjId, key: RelKey) -> bool {
        comes_back(self.view.deadline, (object, key), |(object, key)| self.plainly_next(object, key))
    }

    fn plainly_next(&self, object: ObjId, key: RelKey) -> Vec<(ObjId, RelKey)> {
        let view = self.view;
        match &view.model.relation(key).program {
            Node::Computed(other) => vec![(object, *other)],
            Node::This => {
                let holding = view.usersets(object, key).filter(|tuple| view.holds(tuple) == Ok(true));
                let userset = holding.filter_map(|tuple| match tuple.subject {
                    Subject::Userset(next, relation) => Some((next, view.key(next, relation)?)),
                    _ => None,
                });
                userset.collect()
            }
            _ => Vec::new(),
        }
    }
}
