//! What one pass over the tuples of an object looks for, where only unions are reached and no tuple has a condition.

use super::{CompiledRelation, Hop, Node, RelKey, successors};
use crate::names::{IdMap, RelId, TypeId};

/// Most relations on one object that a plan is made for: one bit each.
const ALIASES_MAX: usize = 64;
/// Most hops of all of them: every relation has a plan of its own.
const WAYS_MAX: usize = 64;

/// What tuples of one relation of an object give to a relation and to those that it is computed from.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub relation: RelId,
    /// What the tuples list, where the relation itself is one of those.
    pub direct: Option<Direct>,
    /// Where the tuples lead by `from`.
    pub ways: Vec<Way>,
}

/// A relation with tuples of its own.
#[derive(Clone, Debug)]
pub(crate) struct Direct {
    /// Its bit among the relations on the object.
    pub bit: u64,
    pub key: RelKey,
    /// Usersets that its tuples may name.
    pub usersets: Vec<Named>,
}

/// A userset that tuples may name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named {
    type_id: TypeId,
    relation: RelId,
    /// The relation it is.
    pub key: RelKey,
    /// Whether nothing but that relation's own tuples can give it, and none of them names a userset.
    pub ends: bool,
}

/// `computed from tupleset`, for tuples of the tupleset.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    /// The bit of the relation that goes this way.
    pub bit: u64,
    pub owner: RelKey,
    /// Its targets are only those of types whose objects a tuple may name.
    pub hop: Hop,
}

impl Direct {
    pub fn target(&self, type_id: TypeId, relation: RelId) -> Option<Named> {
        self.usersets.iter().find(|named| named.relation == relation && named.type_id == type_id).copied()
    }
}

/// The plan of every relation that has one, its parts in the order of relations.
pub(super) fn plans(
    relations: &[CompiledRelation],
    keys: &IdMap<(TypeId, RelId), RelKey>,
) -> Vec<Option<Vec<Part>>> {
    let plain = plain(relations, keys);
    let planned =
        |(relation, plain): (&CompiledRelation, bool)| plain.then(|| plan(relation, relations, keys));
    relations.iter().zip(plain).map(planned).collect()
}

fn plan(
    relation: &CompiledRelation,
    relations: &[CompiledRelation],
    keys: &IdMap<(TypeId, RelId), RelKey>,
) -> Vec<Part> {
    let at = |key: RelKey| relations.get(key.0 as usize);
    let mut parts: Vec<Part> = Vec::new();
    let mut part = |relation: RelId, change: &mut dyn FnMut(&mut Part)| {
        let place = parts.binary_search_by_key(&relation, |part| part.relation).unwrap_or_else(|place| {
            parts.insert(place, Part { relation, direct: None, ways: Vec::new() });
            place
        });
        if let Some(part) = parts.get_mut(place) {
            change(part);
        }
    };
    for (place, owner) in relation.aliases.iter().enumerate() {
        let Some(of) = at(*owner) else { continue };
        let bit = 1 << place;
        if of.direct {
            let named = |(type_id, relation): (TypeId, RelId)| {
                let key = *keys.get(&(type_id, relation))?;
                Some(Named { type_id, relation, key, ends: ends(at(key)?) })
            };
            let usersets: Vec<Named> = of.admits.usersets().filter_map(named).collect();
            part(of.relation, &mut |part| {
                part.direct = Some(Direct { bit, key: *owner, usersets: usersets.clone() });
            });
        }
        for hop in &of.hops {
            let Some(from) = at(hop.tupleset) else { continue };
            let taken = |(t, _): &&(TypeId, RelKey)| from.admits.shape(*t, None, false);
            let targets = match hop.targets.iter().all(|target| taken(&target)) {
                true => hop.targets.clone(),
                false => hop.targets.iter().filter(taken).copied().collect(),
            };
            let hop = Hop { targets, ..*hop };
            part(from.relation, &mut |part| part.ways.push(Way { bit, owner: *owner, hop: hop.clone() }));
        }
    }
    parts
}

/// Whether nothing but its own tuples can give a relation, and none of them names a userset: `[user, user:*]`.
fn ends(relation: &CompiledRelation) -> bool {
    matches!(relation.program, Node::This) && !relation.admits.has_usersets()
}

/// Whether a relation and all that it leads to have only unions, only tuples without conditions, and not very many parts.
fn plain(relations: &[CompiledRelation], keys: &IdMap<(TypeId, RelId), RelKey>) -> Vec<bool> {
    let conditional =
        |key: RelKey| relations.get(key.0 as usize).is_some_and(|relation| relation.admits.conditional());
    let mut leads_here: Vec<Vec<usize>> = vec![Vec::new(); relations.len()];
    let mut plain = Vec::with_capacity(relations.len());
    for (at, relation) in relations.iter().enumerate() {
        for next in successors(relation, keys) {
            if let Some(list) = leads_here.get_mut(next.0 as usize) {
                list.push(at);
            }
        }
        let met = relation.admits.conditional() || relation.hops.iter().any(|hop| conditional(hop.tupleset));
        let of = relation.aliases.iter().filter_map(|key| relations.get(key.0 as usize));
        let few =
            relation.aliases.len() <= ALIASES_MAX && of.map(|r| r.hops.len()).sum::<usize>() <= WAYS_MAX;
        plain.push(relation.monotone && !met && few);
    }
    let mut open: Vec<usize> = (0..plain.len()).filter(|at| plain.get(*at) == Some(&false)).collect();
    while let Some(at) = open.pop() {
        for before in leads_here.get(at).into_iter().flatten() {
            if let Some(known) = plain.get_mut(*before).filter(|known| **known) {
                *known = false;
                open.push(*before);
            }
        }
    }
    plain
}
