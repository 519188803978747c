//! Which subjects can reach a relation at all, and whether by a tuple of its own or only over further hops.

use super::{CompiledRelation, RelKey, computed, successors};
use crate::names::{IdMap, RelId, TypeId};

/// Above this many relations the table of relations that reach relations is not built: questions about usersets are
/// then answered without pruning.
const RELATIONS_PRUNED_MAX: usize = 4_096;

/// Bits, one for each number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bits(Vec<u64>);

impl Bits {
    fn sized(bits: usize) -> Self {
        Self(vec![0; bits.div_ceil(64)])
    }

    fn set(&mut self, bit: u32) -> bool {
        match self.0.get_mut(bit as usize / 64) {
            Some(word) => {
                let before = *word;
                *word |= 1 << (bit % 64);
                *word != before
            }
            None => false,
        }
    }

    pub fn has(&self, bit: u32) -> bool {
        self.0.get(bit as usize / 64).is_some_and(|word| word >> (bit % 64) & 1 == 1)
    }

    fn join(&mut self, other: &Bits) -> bool {
        let mut changed = false;
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            let joined = *word | more;
            changed |= joined != *word;
            *word = joined;
        }
        changed
    }
}

/// Reachability of every relation of a model.
pub(crate) struct Reach {
    /// Types whose objects can have the relation.
    concrete: Vec<Bits>,
    /// Types whose wildcard can have it.
    wildcard: Vec<Bits>,
    /// Types that reach it over at least one hop.
    hop: Vec<Bits>,
    /// Relations whose usersets can have it; empty for very large models.
    relations: Vec<Bits>,
    /// For a relation that is recursive through itself alone: types that reach it over a hop that is not the
    /// recursive one. `None` for every other relation.
    recursive: Vec<Option<Bits>>,
}

impl Reach {
    pub fn of(relations: &[CompiledRelation], keys: &IdMap<(TypeId, RelId), RelKey>, types: usize) -> Self {
        let mut concrete = vec![Bits::sized(types); relations.len()];
        let mut wildcard = concrete.clone();
        let next: Vec<Vec<RelKey>> = relations.iter().map(|r| successors(r, keys)).collect();
        for ((relation, concrete), wildcard) in relations.iter().zip(&mut concrete).zip(&mut wildcard) {
            if relation.direct {
                relation.admits.concrete().for_each(|t| {
                    concrete.set(t.0);
                });
                relation.admits.wildcards().for_each(|t| {
                    wildcard.set(t.0);
                });
            }
        }
        close(&mut concrete, &next);
        close(&mut wildcard, &next);
        let mut both = concrete.clone();
        both.iter_mut().zip(&wildcard).for_each(|(all, more)| {
            all.join(more);
        });
        let mut hop = vec![Bits::sized(types); relations.len()];
        let mut same_object: Vec<Vec<RelKey>> = Vec::with_capacity(relations.len());
        for (at, relation) in relations.iter().enumerate() {
            let mut aliases = Vec::new();
            computed(&relation.program, &mut aliases);
            for key in hop_targets(relation, keys) {
                if let (Some(bits), Some(from)) = (hop.get_mut(at), both.get(key.0 as usize)) {
                    bits.join(from);
                }
            }
            same_object.push(aliases);
        }
        close(&mut hop, &same_object);
        let recursive = (0..relations.len())
            .map(|at| recursive(at, relations, keys, &next, &both, &hop, types))
            .collect();
        let mut names = Vec::new();
        if relations.len() <= RELATIONS_PRUNED_MAX {
            names = vec![Bits::sized(relations.len()); relations.len()];
            for (at, bits) in names.iter_mut().enumerate() {
                bits.set(u32::try_from(at).unwrap_or(u32::MAX));
            }
            close(&mut names, &next);
        }
        Self { concrete, wildcard, hop, relations: names, recursive }
    }

    /// Whether objects of the type, or everybody of it where that counts too, can have the relation.
    pub fn object(&self, key: RelKey, type_id: TypeId) -> bool {
        has(&self.concrete, key, type_id.0) || has(&self.wildcard, key, type_id.0)
    }

    /// Whether the wildcard of the type can have the relation.
    pub fn wildcard(&self, key: RelKey, type_id: TypeId) -> bool {
        has(&self.wildcard, key, type_id.0)
    }

    /// Whether usersets of another relation can have the relation.
    pub fn userset(&self, key: RelKey, of: RelKey) -> bool {
        self.relations.is_empty() || has(&self.relations, key, of.0)
    }

    /// Whether having one relation can lead to having another.
    pub fn leads_to(&self, from: RelKey, to: RelKey) -> bool {
        self.userset(to, from)
    }

    /// Whether the type reaches the relation by its own tuples only, over no further hop.
    pub fn within_one_hop(&self, key: RelKey, type_id: TypeId) -> bool {
        !has(&self.hop, key, type_id.0)
    }

    /// Whether the relation is recursive through itself alone, and the type reaches its other branches by tuples of
    /// their own only. Such a relation is walked breadth first and never tainted by its own recursion.
    pub fn self_recursive(&self, key: RelKey, type_id: TypeId) -> bool {
        self.recursive.get(key.0 as usize).and_then(Option::as_ref).is_some_and(|far| !far.has(type_id.0))
    }
}

fn has(table: &[Bits], key: RelKey, bit: u32) -> bool {
    table.get(key.0 as usize).is_some_and(|bits| bits.has(bit))
}

/// Joins what successors reach until nothing changes.
fn close(table: &mut [Bits], next: &[Vec<RelKey>]) {
    let mut changed = true;
    while changed {
        changed = false;
        for (at, successors) in next.iter().enumerate().rev() {
            for key in successors {
                let Some(more) = table.get(key.0 as usize).cloned() else { continue };
                if let Some(bits) = table.get_mut(at) {
                    changed |= bits.join(&more);
                }
            }
        }
    }
}

/// Relations reached over a tuple: usersets and `from`.
fn hop_targets<'a>(
    relation: &'a CompiledRelation,
    keys: &'a IdMap<(TypeId, RelId), RelKey>,
) -> impl Iterator<Item = RelKey> + 'a {
    let usersets =
        relation.admits.usersets().filter(|_| relation.direct).filter_map(|pair| keys.get(&pair).copied());
    usersets.chain(relation.hops.iter().flat_map(|h| h.targets.iter().map(|(_, key)| *key)))
}

fn recursive(
    at: usize,
    relations: &[CompiledRelation],
    keys: &IdMap<(TypeId, RelId), RelKey>,
    next: &[Vec<RelKey>],
    both: &[Bits],
    hop: &[Bits],
    types: usize,
) -> Option<Bits> {
    let own = RelKey(u32::try_from(at).ok()?);
    let relation = relations.get(at)?;
    if !super::only_unions(&relation.program) {
        return None;
    }
    let recursions = hop_targets(relation, keys).filter(|key| *key == own).count();
    if recursions != 1 {
        return None;
    }
    let mut aliases = Vec::new();
    computed(&relation.program, &mut aliases);
    let others: Vec<RelKey> = hop_targets(relation, keys).filter(|key| *key != own).collect();
    // Through another relation back to itself: not recursive through itself alone.
    let mut seen = vec![false; relations.len()];
    let mut open: Vec<RelKey> = aliases.iter().chain(&others).copied().collect();
    while let Some(key) = open.pop() {
        if key == own {
            return None;
        }
        if let Some(seen) = seen.get_mut(key.0 as usize).filter(|seen| !**seen) {
            *seen = true;
            open.extend(next.get(key.0 as usize).into_iter().flatten());
        }
    }
    let mut far = Bits::sized(types);
    others.iter().filter_map(|key| both.get(key.0 as usize)).for_each(|bits| {
        far.join(bits);
    });
    aliases.iter().filter_map(|key| hop.get(key.0 as usize)).for_each(|bits| {
        far.join(bits);
    });
    Some(far)
}
