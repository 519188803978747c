//! Which relations any user can ever have.

use std::collections::{HashMap, HashSet};

use crate::{AuthorizationModel, Relation, Restriction, Rewrite, TypeDefinition};

type Node<'a> = (&'a str, &'a str);

/// The relations that a concrete or public user can reach.
///
/// A relation has an entry point exactly when it is in the least fixpoint: a proof never needs to visit the same
/// relation twice on one path.
pub(super) struct EntryPoints<'a> {
    types: HashMap<&'a str, &'a TypeDefinition>,
    reached: HashSet<Node<'a>>,
}

/// Most steps of the search for a loop; it only chooses between two texts.
const LOOP_STEPS_MAX: usize = 100_000;
/// Longest path of that search.
const LOOP_PATH_MAX: usize = 500;

impl<'a> EntryPoints<'a> {
    pub(super) fn of(model: &'a AuthorizationModel) -> Self {
        let types = model.types.iter().map(|t| (t.name.as_str(), t)).collect();
        let mut entry = Self { types, reached: HashSet::new() };
        let nodes: Vec<(Node<'a>, &'a Relation)> = model
            .types
            .iter()
            .flat_map(|t| t.relations.iter().map(|(name, r)| ((t.name.as_str(), name.as_str()), r)))
            .collect();
        loop {
            let before = entry.reached.len();
            for (node, relation) in &nodes {
                if !entry.reached.contains(node) && entry.rewrite(*node, relation, &relation.rewrite) {
                    entry.reached.insert(*node);
                }
            }
            if entry.reached.len() == before {
                return entry;
            }
        }
    }

    pub(super) fn has(&self, type_name: &str, relation: &str) -> bool {
        self.reached.contains(&(type_name, relation))
    }

    pub(super) fn relation(&self, type_name: &str, relation: &str) -> Option<&'a Relation> {
        self.types.get(type_name)?.relations.get(relation)
    }

    fn rewrite(&self, node: Node<'a>, relation: &'a Relation, rewrite: &'a Rewrite) -> bool {
        match rewrite {
            Rewrite::This => relation.restrictions.iter().any(|r| self.restriction(r)),
            Rewrite::Computed(name) => self.has(node.0, name),
            Rewrite::TupleToUserset { tupleset, computed } => self
                .relation(node.0, tupleset)
                .is_some_and(|from| from.restrictions.iter().any(|r| self.has(&r.type_name, computed))),
            Rewrite::Union(operands) => operands.iter().any(|o| self.rewrite(node, relation, o)),
            Rewrite::Intersection(operands) => operands.iter().all(|o| self.rewrite(node, relation, o)),
            Rewrite::Difference { base, subtract } => {
                self.rewrite(node, relation, base) && self.rewrite(node, relation, subtract)
            }
        }
    }

    fn restriction(&self, restriction: &Restriction) -> bool {
        match &restriction.relation {
            Some(relation) if !restriction.wildcard => self.has(&restriction.type_name, relation),
            _ => true,
        }
    }

    /// Whether a relation without entry point fails because computed relations lead back to it or to one another.
    pub(super) fn is_loop(&self, type_name: &'a str, relation: &'a str) -> bool {
        let Some(found) = self.relation(type_name, relation) else { return false };
        let mut search = LoopSearch { entry: self, steps: LOOP_STEPS_MAX };
        search.rewrite((type_name, relation), found, &found.rewrite, &mut vec![(type_name, relation)]).1
    }
}

struct LoopSearch<'e, 'a> {
    entry: &'e EntryPoints<'a>,
    steps: usize,
}

impl<'a> LoopSearch<'_, 'a> {
    /// (has an entry, met a loop of computed relations)
    fn rewrite(
        &mut self,
        node: Node<'a>,
        relation: &'a Relation,
        rewrite: &'a Rewrite,
        path: &mut Vec<Node<'a>>,
    ) -> (bool, bool) {
        self.steps = self.steps.saturating_sub(1);
        if self.steps == 0 || path.len() > LOOP_PATH_MAX {
            return (false, false);
        }
        match rewrite {
            Rewrite::This | Rewrite::TupleToUserset { .. } => {
                (self.entry.rewrite(node, relation, rewrite), false)
            }
            Rewrite::Computed(name) => {
                let next = (node.0, name.as_str());
                if self.entry.has(next.0, next.1) {
                    return (true, false);
                }
                if path.contains(&next) {
                    return (false, true);
                }
                let Some(found) = self.entry.relation(next.0, next.1) else { return (false, false) };
                path.push(next);
                let result = self.rewrite(next, found, &found.rewrite, path);
                path.pop();
                result
            }
            Rewrite::Union(operands) => {
                let mut looped = false;
                for operand in operands {
                    let (has, loops) = self.rewrite(node, relation, operand, path);
                    if has {
                        return (true, false);
                    }
                    looped |= loops;
                }
                (false, looped)
            }
            Rewrite::Intersection(operands) => self.all(operands.iter(), node, relation, path),
            Rewrite::Difference { base, subtract } => {
                self.all([base.as_ref(), subtract.as_ref()].into_iter(), node, relation, path)
            }
        }
    }

    fn all(
        &mut self,
        operands: impl Iterator<Item = &'a Rewrite>,
        node: Node<'a>,
        relation: &'a Relation,
        path: &mut Vec<Node<'a>>,
    ) -> (bool, bool) {
        for operand in operands {
            let (has, loops) = self.rewrite(node, relation, operand, path);
            if !has {
                return (false, loops);
            }
        }
        (true, false)
    }
}
