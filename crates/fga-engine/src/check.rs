//! Check: does a user have a relation on an object? Entry, budget, and the choice of the walk.

mod explain; // what an answer rests on
mod general; // depth first, with the path, where intersections or exclusions are reached
mod monotone; // breadth first where only unions are reached
mod plain; // … in one pass over each object's tuples where none has a condition
mod reason; // grounds that were proved by a replay
mod trail; // where a breadth-first walk was

pub(crate) use monotone::comes_back;
pub(crate) use reason::reason;

use crate::{
    answer::Grounds,
    model::{Admits, RelKey},
    names::{IdMap, ObjId, RelId, Subject, TypeId},
    tuples::{
        Packed,
        view::{Scan, View},
    },
};

/// Most node visits that an explanation may cost beyond the answer; without it the answer has no grounds.
pub(crate) const EXPLANATION_STEPS_MAX: u64 = 20_000;

/// Most relations that are open at once, hops and computed ones together: the stack has to hold them. A chain of computed
/// relations costs no hops, so a model could ask for more.
pub(crate) const NESTING_MAX: usize = 400;

/// How deep a question may go, and how the last hop counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Depth {
    /// Hops after which evaluation stops with an error.
    pub max: u32,
    /// Whether the last hop to a relation of plain users, or of a recursion of its own, may go one further: Check
    /// does, lists do not.
    pub last_hop_is_free: bool,
    /// Most node visits.
    pub steps_max: u64,
}

/// Who is asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probe {
    pub subject: Subject,
    pub type_id: TypeId,
    /// The relation that a userset names, where the model has it.
    pub of: Option<RelKey>,
}

impl Probe {
    /// `None` where the user's type is not known at all.
    pub fn new(view: &View<'_>, subject: Subject) -> Option<Self> {
        let (type_id, of) = match subject {
            Subject::Object(object) => (view.type_of(object)?, None),
            Subject::Wildcard(type_id) => (type_id, None),
            Subject::Userset(object, relation) => (view.type_of(object)?, view.key(object, relation)),
        };
        Some(Self { subject, type_id, of })
    }

    /// The wildcard that stands for the user too.
    pub fn wildcard(&self) -> Option<Subject> {
        matches!(self.subject, Subject::Object(_)).then_some(Subject::Wildcard(self.type_id))
    }

    /// What tuples of a relation can name the user as: itself, and everybody of its type.
    fn subjects(&self, admits: &Admits) -> impl Iterator<Item = Subject> + use<> {
        let userset = match self.subject {
            Subject::Userset(_, relation) => Some(relation),
            _ => None,
        };
        let wildcard = matches!(self.subject, Subject::Wildcard(_));
        let itself = admits.shape(self.type_id, userset, wildcard).then_some(self.subject);
        let everybody = self.wildcard().filter(|_| admits.shape(self.type_id, None, true));
        itself.into_iter().chain(everybody)
    }

    fn is_userset(&self, object: ObjId, relation: RelId) -> bool {
        self.subject == Subject::Userset(object, relation)
    }

    /// Whether the model has any way from the user to the relation.
    #[inline]
    pub fn reaches(&self, view: &View<'_>, key: RelKey) -> bool {
        let reach = view.model.reach();
        match self.subject {
            Subject::Object(_) => reach.object(key, self.type_id),
            // OpenFGA looks at the type alone.
            Subject::Wildcard(type_id) => reach.wildcard(key, type_id) || reach.object(key, type_id),
            Subject::Userset(..) => self.of.is_some_and(|of| reach.userset(key, of)),
        }
    }

    fn is_self_recursive(&self, view: &View<'_>, key: RelKey) -> bool {
        !matches!(self.subject, Subject::Userset(..))
            && view.model.weights().self_recursive(key, self.type_id)
    }

    fn is_near(&self, view: &View<'_>, key: RelKey) -> bool {
        !matches!(self.subject, Subject::Userset(..)) && view.model.weights().near(key, self.type_id)
    }
}

/// What an expression gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Allowed,
    /// `tainted`: because of a cycle. Under `but not` a tainted denial still excludes.
    Denied {
        tainted: bool,
    },
    Failed(Fault),
}

/// Why an expression could not be evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    TooDeep,
    Condition,
    Budget,
    Deadline,
}

/// A tuple that leads from one relation to another.
#[derive(Clone, Copy, Debug)]
struct Step {
    object: ObjId,
    key: RelKey,
    /// The relation after `from`, where it is such a hop.
    tupleset: Option<RelKey>,
    next: ObjId,
    to: RelKey,
}

const DENIED: Outcome = Outcome::Denied { tainted: false };

/// One question being answered.
pub(crate) struct Checker<'v, 'a> {
    view: &'v View<'a>,
    probe: Probe,
    /// What a tuple that lists the user has: the user, or everybody of its type.
    listed_as: [Packed; 2],
    depth: Depth,
    steps: u64,
    /// (object, relation) pairs being evaluated above the current one.
    path: Vec<(ObjId, RelKey)>,
    /// Untainted results, with the depth at which they were found.
    memo: IdMap<(ObjId, RelKey), (u32, Outcome)>,
    record: Option<Record>,
    /// An exclusion that is not looked at, to see what it changes.
    lifted: Option<(ObjId, RelKey)>,
}

/// A step of an explanation: a tuple, or the relation that another one is computed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Noted {
    object: ObjId,
    key: RelKey,
    subject: Subject,
}

/// What is collected for an explanation.
#[derive(Default)]
struct Record {
    /// What an allow rests on, as far as it is known to be part of it.
    path: Vec<Noted>,
    /// Tuples that led nowhere.
    tried: Vec<Noted>,
    /// Every tuple that was followed or found.
    touched: Vec<Noted>,
    /// Direct relations that did not list the user and could, with their distance from the question.
    candidates: Vec<(usize, ObjId, RelKey)>,
    /// Where an exclusion turned an allow.
    excluded: Vec<(ObjId, RelKey)>,
    /// Subtracted sides around what is evaluated now. Within an odd number of them an allow rests on what fails.
    subtracted: u32,
}

/// Most relations that are tried as the missing one.
const CANDIDATES_MAX: usize = 16;

/// Most tuples that an explanation of a denial lists.
const TRIED_MAX: usize = 32;

impl<'v, 'a> Checker<'v, 'a> {
    pub fn new(view: &'v View<'a>, probe: Probe, depth: Depth) -> Self {
        Self {
            view,
            probe,
            listed_as: [probe.subject, probe.wildcard().unwrap_or(probe.subject)].map(Packed::from),
            depth,
            steps: 0,
            path: Vec::new(),
            memo: IdMap::default(),
            record: None,
            lifted: None,
        }
    }

    /// The same question with its grounds collected.
    pub fn explained(mut self) -> Self {
        self.record = Some(Record::default());
        self
    }

    /// Whether the user has the relation.
    pub fn check(&mut self, object: ObjId, key: RelKey) -> Outcome {
        self.path.clear();
        self.evaluate(object, key, 0, false, false)
    }

    /// What the last answer rests on; empty unless explained. Only for a walk that met nothing but unions: there the
    /// nearest relation that could list the user is what is missing.
    pub fn grounds(self, outcome: Outcome) -> Grounds {
        let Some(record) = &self.record else { return Grounds::default() };
        match outcome {
            Outcome::Failed(_) => Grounds::default(),
            Outcome::Allowed => Grounds { path: self.told(&record.path), missing: None },
            Outcome::Denied { .. } => {
                let missing = record.candidates.first().map(|(_, object, key)| self.missing(*object, *key));
                Grounds { path: self.told(&record.tried), missing }
            }
        }
    }

    /// E(object, relation) at a depth. `tainting`: whether it matters that a denial is due to a cycle. `free`: the hop
    /// here was one that may end at the limit.
    fn evaluate(&mut self, object: ObjId, key: RelKey, depth: u32, tainting: bool, free: bool) -> Outcome {
        if self.too_deep(depth, free) {
            return Outcome::Failed(Fault::TooDeep);
        }
        if self.path.contains(&(object, key)) {
            return Outcome::Denied { tainted: true };
        }
        if self.path.len() >= NESTING_MAX {
            return Outcome::Failed(Fault::TooDeep);
        }
        if self.probe.is_userset(object, self.view.model.relation(key).relation) {
            return Outcome::Allowed;
        }
        if !self.probe.reaches(self.view, key) {
            return DENIED;
        }
        if self.view.model.relation(key).monotone {
            return self.walk(object, key, depth, tainting);
        }
        if let Some((at, outcome)) = self.memo.get(&(object, key)).copied()
            && depth <= at
        {
            return outcome;
        }
        if let Err(fault) = self.step() {
            return Outcome::Failed(fault);
        }
        self.path.push((object, key));
        let outcome = self.expression(object, key, &self.view.model.relation(key).program, depth, tainting);
        self.path.pop();
        // What is allowed or denied without a cycle does not depend on the path, and holds at lesser depths too.
        // An explanation needs every step walked again.
        if matches!(outcome, Outcome::Allowed | DENIED) && self.record.is_none() {
            self.memo.insert((object, key), (depth, outcome));
        }
        outcome
    }

    fn too_deep(&self, depth: u32, free: bool) -> bool {
        depth > self.depth.max || (depth == self.depth.max && !(free && self.depth.last_hop_is_free))
    }

    /// Whether the user can be found where a tuple leads. A userset can be the user itself although nothing leads from
    /// its type.
    #[inline]
    fn leads_on(&self, step: &Step) -> bool {
        self.probe.reaches(self.view, step.to)
            || self.probe.is_userset(step.next, self.view.model.relation(step.to).relation)
    }

    /// Whether a hop may end exactly at the limit: OpenFGA compares lists there instead of asking on.
    fn is_free(&self, step: &Step) -> bool {
        let compared = step.tupleset.is_some() || !self.view.model.weights().cyclic(step.key);
        (compared && self.probe.is_near(self.view, step.to))
            || (step.key == step.to && self.probe.is_self_recursive(self.view, step.to))
    }

    /// What reading the usersets of a relation failed with. Failed conditions count where none of their group passed: as in
    /// OpenFGA, usersets whose members are plain users are read one relation at a time, all others together; and all
    /// together where the relation leads back to itself, or where the model cannot be weighed.
    fn userset_fault(&self, object: ObjId, key: RelKey, all: &Scan) -> Option<Fault> {
        let together =
            matches!(self.probe.subject, Subject::Userset(..)) || self.view.model.weights().cyclic(key);
        if !all.failed() || together {
            return all.fault();
        }
        let mut groups: Vec<(Option<RelKey>, Scan)> = Vec::new();
        for tuple in self.view.usersets(object, key) {
            let Subject::Userset(next, relation) = tuple.subject else { continue };
            let to = self.view.key(next, relation);
            let group = to.filter(|to| self.probe.is_near(self.view, *to));
            let at = groups.iter().position(|(known, _)| *known == group).unwrap_or_else(|| {
                groups.push((group, Scan::default()));
                groups.len() - 1
            });
            if let Some((_, scan)) = groups.get_mut(at) {
                scan.passes(self.view, &tuple);
            }
        }
        groups.iter().find_map(|(_, scan)| scan.fault())
    }

    fn step(&mut self) -> Result<(), Fault> {
        self.steps += 1;
        if self.steps > self.depth.steps_max {
            return Err(Fault::Budget);
        }
        if self.view.deadline.passed(1) { Err(Fault::Deadline) } else { Ok(()) }
    }
}
