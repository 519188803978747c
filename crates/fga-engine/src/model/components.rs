//! Which relations lead to each other in both directions.

use super::{CompiledRelation, RelKey, successors};
use crate::names::{IdMap, RelId, TypeId};

/// The strongly connected components of a model's relations.
pub(crate) struct Components {
    /// The component of each relation.
    of: Vec<usize>,
    /// Relations of each component.
    sizes: Vec<usize>,
    /// Relations that lead to themselves in one step.
    own: Vec<bool>,
}

/// A relation on the stack of the search: what is left of its successors.
struct Open {
    at: usize,
    next: Vec<RelKey>,
}

impl Components {
    /// Tarjan's search, without recursion: models nest as deep as they like.
    pub fn of(relations: &[CompiledRelation], keys: &IdMap<(TypeId, RelId), RelKey>) -> Self {
        let count = relations.len();
        let mut found = Self { of: vec![usize::MAX; count], sizes: Vec::new(), own: vec![false; count] };
        let mut search =
            Search { order: vec![usize::MAX; count], low: vec![0; count], met: 0, stack: Vec::new() };
        for start in 0..count {
            if search.order[start] != usize::MAX {
                continue;
            }
            let mut path = vec![search.open(start, relations, keys, &mut found)];
            while let Some(top) = path.last_mut() {
                let at = top.at;
                match top.next.pop().map(|key| key.0 as usize) {
                    Some(next) if search.order[next] == usize::MAX => {
                        path.push(search.open(next, relations, keys, &mut found));
                    }
                    Some(next) if found.of[next] == usize::MAX => {
                        search.low[at] = search.low[at].min(search.order[next]);
                    }
                    Some(_) => {}
                    None => {
                        path.pop();
                        if let Some(parent) = path.last() {
                            search.low[parent.at] = search.low[parent.at].min(search.low[at]);
                        }
                        if search.low[at] == search.order[at] {
                            search.close(at, &mut found);
                        }
                    }
                }
            }
        }
        found
    }

    /// Whether the relation leads back to itself.
    pub fn is_cyclic(&self, at: usize) -> bool {
        self.own[at] || !self.is_alone(at)
    }

    /// Whether no other relation leads to it and back.
    pub fn is_alone(&self, at: usize) -> bool {
        self.sizes[self.of[at]] == 1
    }

    /// Whether two relations lead to each other.
    pub fn together(&self, one: usize, other: usize) -> bool {
        self.of[one] == self.of[other]
    }
}

struct Search {
    /// When each relation was met.
    order: Vec<usize>,
    /// The earliest that each leads to, as far as is known.
    low: Vec<usize>,
    met: usize,
    /// Met, and of no component yet.
    stack: Vec<usize>,
}

impl Search {
    fn open(
        &mut self,
        at: usize,
        relations: &[CompiledRelation],
        keys: &IdMap<(TypeId, RelId), RelKey>,
        found: &mut Components,
    ) -> Open {
        self.order[at] = self.met;
        self.low[at] = self.met;
        self.met += 1;
        self.stack.push(at);
        let next = successors(&relations[at], keys);
        found.own[at] = next.iter().any(|key| key.0 as usize == at);
        Open { at, next }
    }

    fn close(&mut self, at: usize, found: &mut Components) {
        let component = found.sizes.len();
        let mut size = 0;
        while let Some(member) = self.stack.pop() {
            found.of[member] = component;
            size += 1;
            if member == at {
                break;
            }
        }
        found.sizes.push(size);
    }
}
