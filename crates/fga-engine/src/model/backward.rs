//! The model read backwards: from a relation that a user has to the relations that follow from it.

use super::{CompiledRelation, Node, RelKey};

/// What follows from having a relation. What is only subtracted somewhere is left out: nothing follows from it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backward {
    /// Relations of the same object.
    pub same_object: Vec<RelKey>,
    /// Relations of objects that point here: by a tuple of the first, the second is had.
    pub over_tuples: Vec<(RelKey, RelKey)>,
}

/// What follows from each relation of a model.
pub(crate) fn backward(relations: &[CompiledRelation]) -> Vec<Backward> {
    let mut table = vec![Backward::default(); relations.len()];
    for (at, relation) in relations.iter().enumerate() {
        let owner = RelKey(u32::try_from(at).unwrap_or(u32::MAX));
        note(&relation.program, owner, &mut table);
    }
    table
}

fn note(node: &Node, owner: RelKey, table: &mut [Backward]) {
    match node {
        Node::This => {}
        Node::Computed(from) => {
            if let Some(entry) = table.get_mut(from.0 as usize)
                && !entry.same_object.contains(&owner)
            {
                entry.same_object.push(owner);
            }
        }
        Node::Hop(hop) => {
            for (_, target) in hop.targets.iter() {
                if let Some(entry) = table.get_mut(target.0 as usize)
                    && !entry.over_tuples.contains(&(hop.tupleset, owner))
                {
                    entry.over_tuples.push((hop.tupleset, owner));
                }
            }
        }
        Node::Union(nodes) | Node::Intersection(nodes) => {
            nodes.iter().for_each(|node| note(node, owner, table));
        }
        Node::Difference(base, _) => note(base, owner, table),
    }
}
