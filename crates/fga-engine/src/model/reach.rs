//! Which subjects can reach a relation at all, and which relations lead to others.

use super::{CompiledRelation, RelKey, positive, successors};
use crate::names::{IdMap, RelId, TypeId};

/// Above this many relations the table of relations that reach relations is not built: questions about usersets are
/// then answered without pruning.
const RELATIONS_PRUNED_MAX: usize = 4_096;

/// Bits, one for each number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bits(Vec<u64>);

impl Bits {
    pub fn sized(bits: usize) -> Self {
        Self(vec![0; bits.div_ceil(64)])
    }

    pub fn set(&mut self, bit: u32) -> bool {
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

    pub fn join(&mut self, other: &Bits) -> bool {
        let mut changed = false;
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            let joined = *word | more;
            changed |= joined != *word;
            *word = joined;
        }
        changed
    }

    pub fn keep(&mut self, other: &Bits) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, kept)| *word &= kept);
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }
}

/// Rows of bits, all of one length.
struct Table {
    words_per_row: usize,
    words: Vec<u64>,
}

impl Table {
    fn sized(rows: usize, columns: usize) -> Self {
        let words_per_row = columns.div_ceil(64);
        Self { words_per_row, words: vec![0; rows * words_per_row] }
    }

    fn at(&self, row: u32, column: u32) -> usize {
        row as usize * self.words_per_row + column as usize / 64
    }

    fn set(&mut self, row: u32, column: u32) {
        let at = self.at(row, column);
        if let Some(word) = self.words.get_mut(at) {
            *word |= 1 << (column % 64);
        }
    }

    fn has(&self, row: u32, column: u32) -> bool {
        self.words.get(self.at(row, column)).is_some_and(|word| word >> (column % 64) & 1 == 1)
    }
}

/// Reachability of every relation of a model.
pub(crate) struct Reach {
    /// For each type, relations that its objects can have, as themselves or with everybody.
    objects: Table,
    /// Types whose wildcard can have it.
    wildcard: Vec<Bits>,
    /// Relations whose usersets can have it; empty for very large models.
    relations: Vec<Bits>,
    /// The same, without ways that are only subtracted.
    positive: Vec<Bits>,
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
        let table = |next: &[Vec<RelKey>]| {
            if relations.len() > RELATIONS_PRUNED_MAX {
                return Vec::new();
            }
            let mut table = vec![Bits::sized(relations.len()); relations.len()];
            for (at, bits) in table.iter_mut().enumerate() {
                bits.set(u32::try_from(at).unwrap_or(u32::MAX));
            }
            close(&mut table, next);
            table
        };
        let names = table(&next);
        let kept: Vec<Vec<RelKey>> = relations.iter().map(|r| positive(r, keys)).collect();
        let positive = table(&kept);
        let mut objects = Table::sized(types, relations.len());
        for (key, (concrete, wildcard)) in (0..).zip(concrete.iter().zip(&wildcard)) {
            for type_id in (0..).take(types).filter(|t| concrete.has(*t) || wildcard.has(*t)) {
                objects.set(type_id, key);
            }
        }
        Self { objects, wildcard, relations: names, positive }
    }

    /// Whether objects of the type, or everybody of it where that counts too, can have the relation.
    pub fn object(&self, key: RelKey, type_id: TypeId) -> bool {
        self.objects.has(type_id.0, key.0)
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
        self.positive.is_empty() || has(&self.positive, to, from.0)
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
