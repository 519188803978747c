//! An authorization model, compiled for walking: dense keys, programs, and what each relation can reach.

mod admits; // which tuples a relation takes
mod backward; // what follows from a relation
mod components; // which relations lead to each other in both directions
mod plan; // what one pass over an object's tuples looks for
mod reach; // which subjects reach a relation at all
mod weights; // and by how many hops

use std::sync::Arc;

use fga_model::{AuthorizationModel, Relation, Rewrite, check_relation};

pub(crate) use admits::Admits;
pub(crate) use backward::Backward;
pub(crate) use plan::{Direct, Part};
use reach::{Bits, Reach};
use weights::Weights;

use crate::{
    conditions::Conditions,
    names::{IdMap, Names, RelId, TypeId},
};

/// A relation of a type, by number within its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RelKey(pub u32);

/// A model with everything that questions need to know of it.
pub(crate) struct CompiledModel {
    pub source: Arc<AuthorizationModel>,
    keys: IdMap<(TypeId, RelId), RelKey>,
    types: Bits,
    relations: Vec<CompiledRelation>,
    reach: Reach,
    weights: Weights,
    conditions: Conditions,
    backward: Vec<Backward>,
    /// Relations that stand in a restriction as usersets.
    usersets: IdMap<RelKey, ()>,
}

/// A relation of a type.
pub(crate) struct CompiledRelation {
    pub relation: RelId,
    pub program: Node,
    pub admits: Admits,
    /// Whether only unions are reached from here.
    pub monotone: bool,
    /// For a monotone relation: itself and every relation it is computed from on the same object.
    pub aliases: Vec<RelKey>,
    /// Whether the program itself, computed relations aside, has a direct part.
    pub direct: bool,
    /// Tuple hops of the program itself, computed relations aside.
    pub hops: Vec<Hop>,
    /// Whether questions and tuples may name it: a model takes names with control characters, they do not.
    pub can_be_named: bool,
    /// What one pass over an object's tuples looks for; for most monotone relations that meet no condition anywhere.
    pub plan: Option<Vec<Part>>,
}

/// `computed from tupleset`.
#[derive(Clone, Debug)]
pub(crate) struct Hop {
    /// The relation after `from`, on the same object.
    pub tupleset: RelKey,
    /// The relation taken, for each type that `tupleset` leads to and that has it.
    pub targets: Arc<[(TypeId, RelKey)]>,
    /// Whether every type that `tupleset` leads to has it.
    pub whole: bool,
}

impl Hop {
    pub fn target(&self, type_id: TypeId) -> Option<RelKey> {
        self.targets.iter().find(|(t, _)| *t == type_id).map(|(_, key)| *key)
    }
}

/// A set expression.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    This,
    Computed(RelKey),
    Hop(Hop),
    Union(Vec<Node>),
    Intersection(Vec<Node>),
    Difference(Box<Node>, Box<Node>),
}

impl CompiledModel {
    /// Interns every name of a model.
    pub fn intern(source: &AuthorizationModel, names: &mut Names) {
        for definition in &source.types {
            names.intern_type(&definition.name);
            definition.relations.keys().for_each(|name| {
                names.intern_relation(name);
            });
        }
    }

    /// Compiles a model that passed write-time validation and whose names are interned.
    pub fn compile(source: Arc<AuthorizationModel>, names: &Names) -> Self {
        let mut keys = IdMap::default();
        let mut types = Bits::sized(names.types());
        let mut order: Vec<(TypeId, RelId, &Relation)> = Vec::new();
        for definition in &source.types {
            let Some(type_id) = names.type_id(&definition.name) else { continue };
            types.set(type_id.0);
            for (name, relation) in &definition.relations {
                let Some(rel_id) = names.relation_id(name) else { continue };
                keys.insert((type_id, rel_id), RelKey(u32::try_from(order.len()).unwrap_or(u32::MAX)));
                order.push((type_id, rel_id, relation));
            }
        }
        let scope = Scope { source: &source, names, keys: &keys };
        let mut relations: Vec<CompiledRelation> = order
            .iter()
            .map(|(type_id, relation, definition)| CompiledRelation {
                relation: *relation,
                program: scope.node(*type_id, &definition.rewrite),
                admits: Admits::of(&definition.restrictions, names),
                monotone: true,
                aliases: Vec::new(),
                direct: false,
                hops: Vec::new(),
                can_be_named: check_relation(names.relation_name(*relation)).is_ok(),
                plan: None,
            })
            .collect();
        for relation in &mut relations {
            (relation.direct, relation.hops) = leaves(&relation.program);
        }
        let reach = Reach::of(&relations, &keys, names.types());
        let weights = Weights::of(&relations, &keys, names.types());
        mark_monotone(&mut relations, &keys);
        flatten_aliases(&mut relations);
        let plans = plan::plans(&relations, &keys);
        relations.iter_mut().zip(plans).for_each(|(relation, plan)| relation.plan = plan);
        // What was written once compiled then: a condition that does not now fails whoever needs it.
        let conditions = Conditions::compile(&source).unwrap_or_default();
        let backward = backward::backward(&relations);
        let pairs = relations.iter().flat_map(|r| r.admits.usersets());
        let usersets = pairs.filter_map(|pair| Some((*keys.get(&pair)?, ()))).collect();
        Self {
            keys,
            types,
            relations,
            reach,
            weights,
            conditions,
            backward,
            usersets,
            source: source.clone(),
        }
    }

    pub fn key(&self, type_id: TypeId, relation: RelId) -> Option<RelKey> {
        self.keys.get(&(type_id, relation)).copied()
    }

    pub fn has_type(&self, type_id: TypeId) -> bool {
        self.types.has(type_id.0)
    }

    /// The relation of a key. Keys are only made by this model.
    pub fn relation(&self, key: RelKey) -> &CompiledRelation {
        &self.relations[key.0 as usize]
    }

    /// What follows from a relation.
    pub fn backward(&self, key: RelKey) -> &Backward {
        &self.backward[key.0 as usize]
    }

    /// Whether tuples may name the relation's usersets.
    pub fn is_userset_somewhere(&self, key: RelKey) -> bool {
        self.usersets.contains_key(&key)
    }

    pub fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    pub fn weights(&self) -> &Weights {
        &self.weights
    }
}

struct Scope<'a> {
    source: &'a AuthorizationModel,
    names: &'a Names,
    keys: &'a IdMap<(TypeId, RelId), RelKey>,
}

impl Scope<'_> {
    fn key(&self, type_id: TypeId, relation: &str) -> Option<RelKey> {
        self.keys.get(&(type_id, self.names.relation_id(relation)?)).copied()
    }

    /// References that validation would have refused become empty unions: nobody has them.
    fn node(&self, type_id: TypeId, rewrite: &Rewrite) -> Node {
        let nodes = |operands: &[Rewrite]| operands.iter().map(|o| self.node(type_id, o)).collect();
        match rewrite {
            Rewrite::This => Node::This,
            Rewrite::Computed(relation) => {
                self.key(type_id, relation).map_or_else(|| Node::Union(Vec::new()), Node::Computed)
            }
            Rewrite::TupleToUserset { tupleset, computed } => {
                let Some(from) = self.key(type_id, tupleset) else { return Node::Union(Vec::new()) };
                let parents = self
                    .source
                    .relation(self.names.type_name(type_id), tupleset)
                    .map(|r| r.restrictions.as_slice())
                    .unwrap_or_default();
                let mut targets: Vec<(TypeId, RelKey)> = Vec::new();
                let mut whole = true;
                for parent in parents {
                    let parent = self.names.type_id(&parent.type_name);
                    let target = parent.and_then(|parent| Some((parent, self.key(parent, computed)?)));
                    whole &= target.is_some();
                    targets.extend(target.filter(|target| !targets.contains(target)));
                }
                Node::Hop(Hop { tupleset: from, targets: targets.into(), whole })
            }
            Rewrite::Union(operands) => Node::Union(nodes(operands)),
            Rewrite::Intersection(operands) => Node::Intersection(nodes(operands)),
            Rewrite::Difference { base, subtract } => {
                Node::Difference(Box::new(self.node(type_id, base)), Box::new(self.node(type_id, subtract)))
            }
        }
    }
}

/// The direct part and the hops of a program, whatever set operators stand above them.
fn leaves(program: &Node) -> (bool, Vec<Hop>) {
    match program {
        Node::This => (true, Vec::new()),
        Node::Computed(_) => (false, Vec::new()),
        Node::Hop(hop) => (false, vec![hop.clone()]),
        Node::Union(nodes) | Node::Intersection(nodes) => {
            nodes.iter().map(leaves).fold((false, Vec::new()), join)
        }
        Node::Difference(base, subtract) => join(leaves(base), leaves(subtract)),
    }
}

fn join(mut a: (bool, Vec<Hop>), b: (bool, Vec<Hop>)) -> (bool, Vec<Hop>) {
    a.1.extend(b.1);
    (a.0 || b.0, a.1)
}

/// Relations named by a program on the same object.
pub(crate) fn computed(program: &Node, into: &mut Vec<RelKey>) {
    match program {
        Node::This | Node::Hop(_) => {}
        Node::Computed(key) => into.push(*key),
        Node::Union(nodes) | Node::Intersection(nodes) => nodes.iter().for_each(|n| computed(n, into)),
        Node::Difference(base, subtract) => {
            computed(base, into);
            computed(subtract, into);
        }
    }
}

fn only_unions(program: &Node) -> bool {
    match program {
        Node::This | Node::Computed(_) | Node::Hop(_) => true,
        Node::Union(nodes) => nodes.iter().all(only_unions),
        Node::Intersection(_) | Node::Difference(..) => false,
    }
}

/// Relations that a relation leads to over a tuple: usersets and `from`.
pub(crate) fn hop_targets(relation: &CompiledRelation, keys: &IdMap<(TypeId, RelId), RelKey>) -> Vec<RelKey> {
    let usersets = relation.admits.usersets().filter(|_| relation.direct);
    let mut targets: Vec<RelKey> = usersets.filter_map(|pair| keys.get(&pair).copied()).collect();
    targets.extend(relation.hops.iter().flat_map(|h| h.targets.iter().map(|(_, key)| *key)));
    targets
}

/// Relations that a relation leads to in one step of any kind.
pub(crate) fn successors(relation: &CompiledRelation, keys: &IdMap<(TypeId, RelId), RelKey>) -> Vec<RelKey> {
    let mut next = hop_targets(relation, keys);
    computed(&relation.program, &mut next);
    next
}

/// The same without what is only subtracted: nothing follows from that.
pub(crate) fn positive(relation: &CompiledRelation, keys: &IdMap<(TypeId, RelId), RelKey>) -> Vec<RelKey> {
    fn note(node: &Node, usersets: &[RelKey], into: &mut Vec<RelKey>) {
        match node {
            Node::This => into.extend(usersets),
            Node::Computed(key) => into.push(*key),
            Node::Hop(hop) => into.extend(hop.targets.iter().map(|(_, key)| *key)),
            Node::Union(nodes) | Node::Intersection(nodes) => {
                nodes.iter().for_each(|n| note(n, usersets, into));
            }
            Node::Difference(base, _) => note(base, usersets, into),
        }
    }
    let usersets: Vec<RelKey> =
        relation.admits.usersets().filter_map(|pair| keys.get(&pair).copied()).collect();
    let mut next = Vec::new();
    note(&relation.program, &usersets, &mut next);
    next
}

/// A relation is monotone if it and everything it leads to has unions only, and none is computed from very many others.
fn mark_monotone(relations: &mut [CompiledRelation], keys: &IdMap<(TypeId, RelId), RelKey>) {
    let mut leads_here: Vec<Vec<usize>> = vec![Vec::new(); relations.len()];
    let mut open = Vec::new();
    let mut seen = vec![usize::MAX; relations.len()];
    for (at, relation) in relations.iter().enumerate() {
        for next in successors(relation, keys) {
            if let Some(list) = leads_here.get_mut(next.0 as usize) {
                list.push(at);
            }
        }
        if !only_unions(&relation.program) || aliases(relations, at, &mut seen).is_none() {
            open.push(at);
        }
    }
    while let Some(at) = open.pop() {
        if let Some(relation) = relations.get_mut(at).filter(|r| r.monotone) {
            relation.monotone = false;
            open.extend(leads_here.get(at).into_iter().flatten());
        }
    }
}

/// Most relations that one is computed from on the same object and still walked breadth first.
const ALIASES_MAX: usize = 256;

/// A relation and all that it is computed from on the same object; `None` if there are very many. `seen` is scratch.
fn aliases(relations: &[CompiledRelation], at: usize, seen: &mut [usize]) -> Option<Vec<RelKey>> {
    let mut found = vec![RelKey(u32::try_from(at).unwrap_or(u32::MAX))];
    if let Some(place) = seen.get_mut(at) {
        *place = at;
    }
    let (mut head, mut next) = (0, Vec::new());
    while let Some(key) = found.get(head).copied() {
        head += 1;
        next.clear();
        if let Some(relation) = relations.get(key.0 as usize) {
            computed(&relation.program, &mut next);
        }
        for key in &next {
            if let Some(place) = seen.get_mut(key.0 as usize).filter(|place| **place != at) {
                *place = at;
                found.push(*key);
            }
        }
        if found.len() > ALIASES_MAX {
            return None;
        }
    }
    Some(found)
}

fn flatten_aliases(relations: &mut [CompiledRelation]) {
    let mut seen = vec![usize::MAX; relations.len()];
    for at in 0..relations.len() {
        if relations.get(at).is_some_and(|relation| relation.monotone) {
            let found = aliases(relations, at, &mut seen).unwrap_or_default();
            if let Some(relation) = relations.get_mut(at) {
                relation.aliases = found;
            }
        }
    }
}
