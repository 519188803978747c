//! How far subjects are from relations, as OpenFGA weighs them to choose its strategies.
//!
//! The strategies show in answers: which tuples are read together, whose failing conditions count then, how the last hop
//! counts, and that a relation which recurses through itself alone is no cycle. A model that OpenFGA cannot weigh has none
//! of it.

use super::{
    CompiledRelation, Node, RelKey, components::Components, computed, hop_targets, only_unions, reach::Bits,
};
use crate::names::{IdMap, RelId, TypeId};

type Keys = IdMap<(TypeId, RelId), RelKey>;

/// Weights of every relation of a model.
#[derive(Default)]
pub(crate) struct Weights {
    relations: Vec<Weighed>,
    /// Relations that lead back to themselves.
    cyclic: Vec<bool>,
    /// For a relation that is recursive through itself alone: types that reach it over a hop that is not the
    /// recursive one. `None` for every other relation.
    recursive: Vec<Option<Bits>>,
}

/// The types that reach an expression.
#[derive(Clone, Default, PartialEq)]
struct Weighed {
    present: Bits,
    /// Those of them that reach it over a tuple of another relation.
    far: Bits,
}

impl Weights {
    /// Without entries where OpenFGA cannot weigh the model: `X from P` where not all that P leads to has X, `X from P but not
    /// X from P`, a recursion through `and` or `but not`, or an intersection of operands that no one type reaches all.
    pub fn of(relations: &[CompiledRelation], keys: &Keys, types: usize) -> Self {
        let components = Components::of(relations, keys);
        let scope = Scope { relations, keys, types, components: &components };
        let whole = relations.iter().all(|r| r.hops.iter().all(|hop| hop.whole));
        let takes_itself = relations.iter().any(|r| subtracts_its_own_hop(&r.program));
        if !whole || takes_itself || (0..relations.len()).any(|at| scope.recurses_through_operators(at)) {
            return Self::default();
        }
        let Some(weighed) = scope.weigh() else { return Self::default() };
        let recursive = (0..relations.len()).map(|at| scope.recursive(at, &weighed)).collect();
        let cyclic = (0..relations.len()).map(|at| components.is_cyclic(at)).collect();
        Self { relations: weighed, cyclic, recursive }
    }

    /// Whether the type reaches the relation, and by its own tuples only.
    pub fn near(&self, key: RelKey, type_id: TypeId) -> bool {
        let weighed = self.relations.get(key.0 as usize);
        weighed.is_some_and(|w| w.present.has(type_id.0) && !w.far.has(type_id.0))
    }

    /// Whether the relation leads back to itself.
    pub fn cyclic(&self, key: RelKey) -> bool {
        self.cyclic.get(key.0 as usize).copied().unwrap_or_default()
    }

    /// Whether the relation is recursive through itself alone, and the type reaches its other branches by tuples of
    /// their own only. Such a relation is walked breadth first and never tainted by its own recursion.
    pub fn self_recursive(&self, key: RelKey, type_id: TypeId) -> bool {
        self.recursive.get(key.0 as usize).and_then(Option::as_ref).is_some_and(|far| !far.has(type_id.0))
    }
}

struct Scope<'a> {
    relations: &'a [CompiledRelation],
    keys: &'a Keys,
    types: usize,
    components: &'a Components,
}

impl Scope<'_> {
    /// Whether an intersection or exclusion of the relation lies on a cycle.
    fn recurses_through_operators(&self, at: usize) -> bool {
        let relation = &self.relations[at];
        self.components.is_cyclic(at) && self.operators_lead_back(at, relation, &relation.program)
    }

    fn operators_lead_back(&self, at: usize, relation: &CompiledRelation, node: &Node) -> bool {
        match node {
            Node::This | Node::Computed(_) | Node::Hop(_) => false,
            Node::Union(nodes) => nodes.iter().any(|n| self.operators_lead_back(at, relation, n)),
            Node::Intersection(nodes) => nodes.iter().any(|n| self.leads_back(at, relation, n)),
            Node::Difference(base, subtract) => {
                self.leads_back(at, relation, base) || self.leads_back(at, relation, subtract)
            }
        }
    }

    fn leads_back(&self, at: usize, relation: &CompiledRelation, node: &Node) -> bool {
        let back = |key: &RelKey| self.components.together(at, key.0 as usize);
        match node {
            Node::This => self.usersets(relation).any(|key| back(&key)),
            Node::Computed(key) => back(key),
            Node::Hop(hop) => hop.targets.iter().any(|(_, key)| back(key)),
            Node::Union(nodes) | Node::Intersection(nodes) => {
                nodes.iter().any(|n| self.leads_back(at, relation, n))
            }
            Node::Difference(base, subtract) => {
                self.leads_back(at, relation, base) || self.leads_back(at, relation, subtract)
            }
        }
    }

    fn usersets(&self, relation: &CompiledRelation) -> impl Iterator<Item = RelKey> {
        relation.admits.usersets().filter_map(|pair| self.keys.get(&pair).copied())
    }

    /// The least weights that agree with each other; `None` where an intersection has none.
    fn weigh(&self) -> Option<Vec<Weighed>> {
        let nothing = Weighed { present: Bits::sized(self.types), far: Bits::sized(self.types) };
        let mut weighed = vec![nothing; self.relations.len()];
        let mut changed = true;
        while changed {
            changed = false;
            // What relations are computed from mostly stands behind them.
            for (at, relation) in self.relations.iter().enumerate().rev() {
                let (next, _) = self.expression(relation, &relation.program, &weighed);
                if let Some(known) = weighed.get_mut(at).filter(|known| **known != next) {
                    *known = next;
                    changed = true;
                }
            }
        }
        let empty = self.relations.iter().any(|r| self.expression(r, &r.program, &weighed).1);
        (!empty).then_some(weighed)
    }

    /// What reaches an expression, and whether an intersection in it is reached by nothing.
    fn expression(&self, relation: &CompiledRelation, node: &Node, weighed: &[Weighed]) -> (Weighed, bool) {
        let nothing = || Weighed { present: Bits::sized(self.types), far: Bits::sized(self.types) };
        let of = |key: &RelKey| weighed.get(key.0 as usize).cloned().unwrap_or_else(nothing);
        let mut made = nothing();
        let mut empty = false;
        match node {
            Node::This => {
                relation.admits.concrete().chain(relation.admits.wildcards()).for_each(|t| {
                    made.present.set(t.0);
                });
                self.usersets(relation).for_each(|key| made.hop(&of(&key)));
            }
            Node::Computed(key) => made = of(key),
            Node::Hop(hop) => hop.targets.iter().for_each(|(_, key)| made.hop(&of(key))),
            Node::Union(nodes) => {
                for node in nodes {
                    let (operand, inner) = self.expression(relation, node, weighed);
                    made.present.join(&operand.present);
                    made.far.join(&operand.far);
                    empty |= inner;
                }
            }
            Node::Intersection(nodes) => {
                for (at, node) in nodes.iter().enumerate() {
                    let (operand, inner) = self.expression(relation, node, weighed);
                    match at {
                        0 => made.present = operand.present,
                        _ => made.present.keep(&operand.present),
                    }
                    made.far.join(&operand.far);
                    empty |= inner;
                }
                made.far.keep(&made.present);
                empty |= made.present.is_empty();
            }
            Node::Difference(base, subtract) => {
                let (base, first) = self.expression(relation, base, weighed);
                let (subtract, second) = self.expression(relation, subtract, weighed);
                made = base;
                made.far.join(&subtract.far);
                made.far.keep(&made.present);
                empty = first || second;
            }
        }
        (made, empty)
    }

    fn recursive(&self, at: usize, weighed: &[Weighed]) -> Option<Bits> {
        let own = RelKey(u32::try_from(at).ok()?);
        let relation = self.relations.get(at)?;
        let alone = self.components.is_cyclic(at) && self.components.is_alone(at);
        let mut hops = hop_targets(relation, self.keys);
        hops.sort_unstable();
        hops.dedup();
        if !alone || !only_unions(&relation.program) || !recurses_once(relation, own, self.keys) {
            return None;
        }
        let mut far = Bits::sized(self.types);
        for key in hops.iter().filter(|key| **key != own) {
            far.join(&weighed.get(key.0 as usize)?.present);
        }
        let mut aliases = Vec::new();
        computed(&relation.program, &mut aliases);
        for key in aliases {
            far.join(&weighed.get(key.0 as usize)?.far);
        }
        Some(far)
    }
}

impl Weighed {
    fn hop(&mut self, to: &Weighed) {
        self.present.join(&to.present);
        self.far.join(&to.present);
    }
}

/// Whether anywhere `X from P` is taken from itself. OpenFGA's graph has one edge for both, and an exclusion needs two; where P
/// leads to several types they stand behind nodes of their own.
fn subtracts_its_own_hop(node: &Node) -> bool {
    match node {
        Node::This | Node::Computed(_) | Node::Hop(_) => false,
        Node::Union(nodes) | Node::Intersection(nodes) => nodes.iter().any(subtracts_its_own_hop),
        Node::Difference(base, subtract) => {
            let same = match (base.as_ref(), subtract.as_ref()) {
                (Node::Hop(one), Node::Hop(other)) => {
                    one.tupleset == other.tupleset && one.targets == other.targets && one.targets.len() == 1
                }
                _ => false,
            };
            same || subtracts_its_own_hop(base) || subtracts_its_own_hop(subtract)
        }
    }
}

/// Whether one branch of the relation, and no other, leads back to it.
fn recurses_once(relation: &CompiledRelation, own: RelKey, keys: &Keys) -> bool {
    let usersets = relation.admits.usersets().filter(|_| relation.direct);
    let direct = usersets.filter_map(|pair| keys.get(&pair)).any(|key| *key == own);
    let hops = relation.hops.iter().filter(|hop| hop.targets.iter().any(|(_, key)| *key == own)).count();
    usize::from(direct) + hops == 1
}
