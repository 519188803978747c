//! What a plain search can come to, when it does not matter to it which operand is first.
//!
//! Written from the rules of evaluation alone and in the simplest way: every path of its own, nothing remembered, no
//! strategies. Where an intersection or exclusion has more than one operand that decides, each of them may be the first, and
//! each is a possible outcome: OpenFGA asks them all at once and takes the one that answers first.

use fga_engine::{CheckRequest, Engine, EngineError, Explain, WriteRequest};
use fga_model::{
    AuthorizationModel, Relation, Restriction, Rewrite, StoreId, TupleKey, TypeDefinition,
    testing::{Case, Question},
};

/// Hops after which a search ends with an error.
const DEPTH_MAX: u32 = 25;
/// Relations visited after which nothing is said.
const VISITS_MAX: usize = 200_000;

/// A set of outcomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcomes(u8);

impl Outcomes {
    pub const ALLOWED: Self = Self(1);
    pub const DENIED: Self = Self(2);
    /// Denied because of a cycle.
    pub const TAINTED: Self = Self(4);
    pub const FAILED: Self = Self(8);
    const NONE: Self = Self(0);

    fn of(possible: &[(bool, Self)]) -> Self {
        possible.iter().filter(|(is, _)| *is).fold(Self::NONE, |all, (_, one)| all.or(*one))
    }

    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether one of some is among these.
    pub fn has(self, some: Self) -> bool {
        self.0 & some.0 != 0
    }
}

/// Whether a tuple holds for a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    Holds,
    Not,
    /// Its condition cannot be evaluated.
    Unknown,
}

/// The conditions of a case's tuples, each alone in a store of its own making.
pub struct Conditions {
    engine: Engine,
    store: StoreId,
    /// Whether each tuple has one.
    conditional: Vec<bool>,
}

impl Conditions {
    pub fn of(case: &Case) -> Result<Self, String> {
        Self::stored(case).map_err(|error| error.to_string())
    }

    fn stored(case: &Case) -> Result<Self, EngineError> {
        let engine = Engine::default();
        let store = engine.create_store("conditions")?.id;
        let user = Restriction::concrete("user");
        let mut restrictions = vec![user.clone()];
        for name in case.model.conditions.keys() {
            restrictions.push(Restriction { condition: Some(name.clone()), ..user.clone() });
        }
        let mut tuple = TypeDefinition::new("tuple");
        tuple.relations.insert("holds".to_owned(), Relation::new(Rewrite::This, restrictions));
        let types = vec![TypeDefinition::new("user"), tuple];
        engine.write_model(&store, &AuthorizationModel { types, ..case.model.clone() })?;
        for (at, tuple) in case.tuples.iter().enumerate().filter(|(_, tuple)| tuple.condition.is_some()) {
            let mut only = TupleKey::new(format!("tuple:{at}"), "holds", "user:1");
            only.condition.clone_from(&tuple.condition);
            engine.write(&store, &WriteRequest::writes([only]))?;
        }
        let conditional = case.tuples.iter().map(|tuple| tuple.condition.is_some()).collect();
        Ok(Self { engine, store, conditional })
    }

    /// Whether each tuple holds for a question.
    pub fn truths(&self, question: &Question) -> Vec<Truth> {
        let truth = |(at, conditional): (usize, &bool)| {
            if !conditional {
                return Truth::Holds;
            }
            let request = CheckRequest {
                context: question.context.clone(),
                explain: Explain::DecisionOnly,
                ..CheckRequest::new(format!("tuple:{at}"), "holds", "user:1")
            };
            match self.engine.check(&self.store, &request) {
                Ok(answer) if answer.is_allowed() => Truth::Holds,
                Ok(_) => Truth::Not,
                Err(_) => Truth::Unknown,
            }
        };
        self.conditional.iter().enumerate().map(truth).collect()
    }
}

/// What a search for the question can come to; `None` if it would be very long.
pub fn outcomes(case: &Case, question: &Question, truths: &[Truth]) -> Option<Outcomes> {
    let mut search = Search { case, user: &question.user, truths, path: Vec::new(), visits: 0 };
    search.relation(&question.object, &question.relation, 0)
}

struct Search<'a> {
    case: &'a Case,
    user: &'a str,
    truths: &'a [Truth],
    path: Vec<(&'a str, &'a str)>,
    visits: usize,
}

fn type_of(name: &str) -> &str {
    name.split(':').next().unwrap_or_default()
}

impl<'a> Search<'a> {
    fn relation(&mut self, object: &'a str, relation: &'a str, depth: u32) -> Option<Outcomes> {
        self.visits += 1;
        if self.visits > VISITS_MAX {
            return None;
        }
        if depth == DEPTH_MAX {
            return Some(Outcomes::FAILED);
        }
        if self.path.contains(&(object, relation)) {
            return Some(Outcomes::TAINTED);
        }
        if self.user.split_once('#') == Some((object, relation)) {
            return Some(Outcomes::ALLOWED);
        }
        let case = self.case;
        let Some(definition) = case.model.relation(type_of(object), relation) else {
            return Some(Outcomes::DENIED);
        };
        if !self.is_reached(type_of(object), relation, &mut Vec::new()) {
            return Some(Outcomes::DENIED);
        }
        self.path.push((object, relation));
        let found = self.expression(object, relation, &definition.rewrite, depth);
        self.path.pop();
        found
    }

    /// Whether the model has any way from users of this form to the relation.
    fn is_reached(&self, type_name: &'a str, relation: &'a str, seen: &mut Vec<(&'a str, &'a str)>) -> bool {
        let own = self.user.split_once('#').map(|(object, relation)| (type_of(object), relation));
        if own == Some((type_name, relation)) {
            return true;
        }
        if seen.contains(&(type_name, relation)) {
            return false;
        }
        seen.push((type_name, relation));
        let case = self.case;
        case.model
            .relation(type_name, relation)
            .is_some_and(|definition| self.is_reached_by(type_name, definition, &definition.rewrite, seen))
    }

    fn is_reached_by(
        &self,
        type_name: &'a str,
        definition: &'a Relation,
        rewrite: &'a Rewrite,
        seen: &mut Vec<(&'a str, &'a str)>,
    ) -> bool {
        match rewrite {
            Rewrite::This => definition.restrictions.iter().any(|r| match &r.relation {
                Some(relation) => self.is_reached(&r.type_name, relation, seen),
                None => !self.user.contains('#') && r.type_name == type_of(self.user),
            }),
            Rewrite::Computed(relation) => self.is_reached(type_name, relation, seen),
            Rewrite::TupleToUserset { tupleset, computed } => {
                let case = self.case;
                let parents = case.model.relation(type_name, tupleset);
                parents.into_iter().flat_map(|p| &p.restrictions).any(|r| {
                    case.model.relation(&r.type_name, computed).is_some()
                        && self.is_reached(&r.type_name, computed, seen)
                })
            }
            Rewrite::Union(nodes) | Rewrite::Intersection(nodes) => {
                nodes.iter().any(|node| self.is_reached_by(type_name, definition, node, seen))
            }
            Rewrite::Difference { base, subtract } => {
                self.is_reached_by(type_name, definition, base, seen)
                    || self.is_reached_by(type_name, definition, subtract, seen)
            }
        }
    }

    fn expression(
        &mut self,
        object: &'a str,
        relation: &'a str,
        rewrite: &'a Rewrite,
        depth: u32,
    ) -> Option<Outcomes> {
        match rewrite {
            Rewrite::This => self.direct(object, relation, depth),
            Rewrite::Computed(other) => self.relation(object, other, depth),
            Rewrite::TupleToUserset { tupleset, computed } => {
                let (next, failed) = self.read(object, tupleset, |_| true);
                let case = self.case;
                let next = next.into_iter().filter(|user| {
                    !user.ends_with(":*") && case.model.relation(type_of(user), computed).is_some()
                });
                let next: Vec<_> = next.map(|user| (user, computed.as_str())).collect();
                self.any(&next, failed, depth)
            }
            Rewrite::Union(nodes) => {
                let mut operands = Vec::new();
                for node in nodes {
                    operands.push(self.expression(object, relation, node, depth)?);
                }
                Some(union(&operands))
            }
            Rewrite::Intersection(nodes) => {
                let mut operands = Vec::new();
                for node in nodes {
                    operands.push(self.expression(object, relation, node, depth)?);
                }
                Some(intersection(&operands))
            }
            Rewrite::Difference { base, subtract } => {
                let base = self.expression(object, relation, base, depth)?;
                let subtract = self.expression(object, relation, subtract, depth)?;
                Some(difference(base, subtract))
            }
        }
    }

    /// Users of one reading whose tuples hold, and whether the reading fails: a condition does, and no tuple holds.
    fn read(&self, object: &str, relation: &str, wanted: impl Fn(&str) -> bool) -> (Vec<&'a str>, bool) {
        let mut users = Vec::new();
        let mut failed = false;
        let case = self.case;
        for (tuple, truth) in case.tuples.iter().zip(self.truths) {
            if tuple.object == object && tuple.relation == relation && wanted(&tuple.user) {
                match truth {
                    Truth::Holds => users.push(tuple.user.as_str()),
                    Truth::Not => {}
                    Truth::Unknown => failed = true,
                }
            }
        }
        failed &= users.is_empty();
        (users, failed)
    }

    fn direct(&mut self, object: &'a str, relation: &'a str, depth: u32) -> Option<Outcomes> {
        let mut operands = Vec::new();
        let everybody = format!("{}:*", type_of(self.user));
        let is_userset = self.user.contains('#');
        for user in [self.user, everybody.as_str()].iter().take(if is_userset { 1 } else { 2 }) {
            let (found, failed) = self.read(object, relation, |of| of == *user);
            operands.push(match (found.is_empty(), failed) {
                (false, _) => Outcomes::ALLOWED,
                (true, true) => Outcomes::FAILED,
                (true, false) => Outcomes::DENIED,
            });
        }
        let (usersets, failed) = self.read(object, relation, |user| user.contains('#'));
        let next: Vec<_> = usersets.into_iter().filter_map(|user| user.split_once('#')).collect();
        operands.push(self.any(&next, failed, depth)?);
        Some(union(&operands))
    }

    fn any(&mut self, next: &[(&'a str, &'a str)], failed: bool, depth: u32) -> Option<Outcomes> {
        let mut operands = vec![if failed { Outcomes::FAILED } else { Outcomes::DENIED }];
        for (object, relation) in next {
            operands.push(self.relation(object, relation, depth + 1)?);
        }
        Some(union(&operands))
    }
}

const REFUSED: Outcomes = Outcomes::DENIED.or(Outcomes::TAINTED);
const PASSED: Outcomes = Outcomes::ALLOWED.or(Outcomes::FAILED);

fn union(operands: &[Outcomes]) -> Outcomes {
    let any = |one: Outcomes| operands.iter().any(|o| o.has(one));
    let all = |some: Outcomes| operands.iter().all(|o| o.has(some));
    Outcomes::of(&[
        (any(Outcomes::ALLOWED), Outcomes::ALLOWED),
        (any(Outcomes::FAILED) && all(REFUSED.or(Outcomes::FAILED)), Outcomes::FAILED),
        (any(Outcomes::TAINTED) && all(REFUSED), Outcomes::TAINTED),
        (all(Outcomes::DENIED), Outcomes::DENIED),
    ])
}

/// Whichever operand denies first decides.
fn intersection(operands: &[Outcomes]) -> Outcomes {
    let any = |one: Outcomes| operands.iter().any(|o| o.has(one));
    let all = |some: Outcomes| operands.iter().all(|o| o.has(some));
    Outcomes::of(&[
        (any(Outcomes::DENIED), Outcomes::DENIED),
        (any(Outcomes::TAINTED), Outcomes::TAINTED),
        (any(Outcomes::FAILED) && all(PASSED), Outcomes::FAILED),
        (all(Outcomes::ALLOWED), Outcomes::ALLOWED),
    ])
}

/// Whichever side denies first decides; a cycle on the subtracted side denies.
fn difference(base: Outcomes, subtract: Outcomes) -> Outcomes {
    let kept = Outcomes::DENIED.or(Outcomes::FAILED);
    let failed = base.has(Outcomes::FAILED) && subtract.has(kept)
        || base.has(PASSED) && subtract.has(Outcomes::FAILED);
    Outcomes::of(&[
        (base.has(Outcomes::DENIED) || subtract.has(Outcomes::ALLOWED), Outcomes::DENIED),
        (base.has(Outcomes::TAINTED) || subtract.has(Outcomes::TAINTED), Outcomes::TAINTED),
        (failed, Outcomes::FAILED),
        (base.has(Outcomes::ALLOWED) && subtract.has(Outcomes::DENIED), Outcomes::ALLOWED),
    ])
}
