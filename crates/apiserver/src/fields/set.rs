//! The tree of owned fields and its algebra.

use std::collections::{BTreeMap, BTreeSet};

use super::{FieldPath, MergeSchema, PathElement, Shape};

/// A set of paths. A path may be in the set, have descendants in the set, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet {
    pub(super) members: BTreeSet<PathElement>,
    pub(super) children: BTreeMap<PathElement, FieldSet>,
}

impl FieldSet {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// The set of these paths.
    pub fn of(paths: impl IntoIterator<Item = FieldPath>) -> Self {
        let mut set = Self::new();
        paths.into_iter().for_each(|p| set.insert(&p));
        set
    }

    /// Whether no path is in the set.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.children.values().all(FieldSet::is_empty)
    }

    /// Number of paths in the set.
    pub fn len(&self) -> usize {
        self.members.len() + self.children.values().map(FieldSet::len).sum::<usize>()
    }

    /// Adds a path. The empty path is never in a set.
    pub fn insert(&mut self, path: &FieldPath) {
        self.insert_steps(&path.0);
    }

    pub(crate) fn insert_steps(&mut self, steps: &[PathElement]) {
        match steps {
            [] => {}
            [last] => {
                self.members.insert(last.clone());
            }
            [first, rest @ ..] => self.children.entry(first.clone()).or_default().insert_steps(rest),
        }
    }

    /// Whether the path itself is in the set.
    pub fn has(&self, path: &FieldPath) -> bool {
        self.has_steps(&path.0)
    }

    pub(crate) fn has_steps(&self, steps: &[PathElement]) -> bool {
        match steps {
            [] => false,
            [last] => self.members.contains(last),
            [first, rest @ ..] => self.children.get(first).is_some_and(|c| c.has_steps(rest)),
        }
    }

    /// Whether this child of the root is in the set.
    pub fn has_member(&self, element: &PathElement) -> bool {
        self.members.contains(element)
    }

    /// What the set holds below one child of the root.
    pub fn below(&self, element: &PathElement) -> Option<&FieldSet> {
        self.children.get(element).filter(|c| !c.is_empty())
    }

    /// The children below which the set holds something.
    pub(crate) fn children(&self) -> impl Iterator<Item = (&PathElement, &FieldSet)> {
        self.children.iter()
    }

    /// Every path, parents before children, in Kubernetes' order.
    pub fn paths(&self) -> Vec<FieldPath> {
        let mut paths = Vec::new();
        self.collect(&mut FieldPath::default(), &mut paths);
        paths
    }

    fn collect(&self, prefix: &mut FieldPath, into: &mut Vec<FieldPath>) {
        into.extend(self.members.iter().map(|m| prefix.then(m.clone())));
        for (element, child) in &self.children {
            prefix.0.push(element.clone());
            child.collect(prefix, into);
            prefix.0.pop();
        }
    }

    /// Paths that are in either set.
    #[must_use]
    pub fn union(&self, other: &FieldSet) -> FieldSet {
        let mut out = self.clone();
        out.add_all(other);
        out
    }

    /// Adds every path of `other`.
    pub fn add_all(&mut self, other: &FieldSet) {
        self.members.extend(other.members.iter().cloned());
        for (element, child) in &other.children {
            self.children.entry(element.clone()).or_default().add_all(child);
        }
    }

    /// Paths that are in both sets.
    #[must_use]
    pub fn intersection(&self, other: &FieldSet) -> FieldSet {
        FieldSet {
            members: self.members.intersection(&other.members).cloned().collect(),
            children: filled(self.children.iter().filter_map(|(element, child)| {
                Some((element.clone(), child.intersection(other.children.get(element)?)))
            })),
        }
    }

    /// Paths of this set that are not in the other; a parent in `other` does not take its children away.
    #[must_use]
    pub fn difference(&self, other: &FieldSet) -> FieldSet {
        FieldSet {
            members: self.members.difference(&other.members).cloned().collect(),
            children: filled(self.children.iter().map(|(element, child)| {
                let rest = other.children.get(element).map(|o| child.difference(o));
                (element.clone(), rest.unwrap_or_else(|| child.clone()))
            })),
        }
    }

    /// Paths of this set that neither are in the other nor lie below a path of the other.
    #[must_use]
    pub fn difference_below(&self, other: &FieldSet) -> FieldSet {
        let kept = self.children.iter().filter(|(element, _)| !other.members.contains(*element));
        FieldSet {
            members: self.members.difference(&other.members).cloned().collect(),
            children: filled(kept.map(|(element, child)| {
                let rest = other.children.get(element).map(|o| child.difference_below(o));
                (element.clone(), rest.unwrap_or_else(|| child.clone()))
            })),
        }
    }

    /// The set with every named field (not map entries, not list items) that has owned children added as itself, so
    /// that removing all children removes the field.
    #[must_use]
    pub fn with_named_parents(&self, schema: &dyn MergeSchema) -> FieldSet {
        let named = |e: &PathElement| match e {
            PathElement::Field(name) => schema.field(name).is_some(),
            _ => false,
        };
        let mut members = self.members.clone();
        members.extend(self.children.keys().filter(|e| named(e)).cloned());
        let children = self
            .children
            .iter()
            .map(|(element, child)| {
                (element.clone(), child.with_named_parents(child_schema(schema, element)))
            })
            .collect();
        FieldSet { members, children }
    }
}

/// The schema of one child; what nothing is known about is deduced.
pub(crate) fn child_schema<'s>(schema: &'s dyn MergeSchema, element: &PathElement) -> &'s dyn MergeSchema {
    let known = match (element, schema.shape()) {
        (PathElement::Field(name), Shape::Map) => schema.field(name).or_else(|| schema.rest()),
        (PathElement::Key(_) | PathElement::Value(_), Shape::KeyedList(_) | Shape::SetList) => schema.item(),
        _ => None,
    };
    known.unwrap_or(&super::DEDUCED)
}

fn filled(children: impl Iterator<Item = (PathElement, FieldSet)>) -> BTreeMap<PathElement, FieldSet> {
    children.filter(|(_, child)| !child.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn arbitrary_set() -> impl Strategy<Value = FieldSet> {
        let element = prop_oneof![
            (0..4u8).prop_map(|i| PathElement::field(format!("f{i}"))),
            (0..3i64).prop_map(|i| PathElement::Value(i.into())),
            (0..3i64).prop_map(|i| PathElement::key([("name", i.into())])),
        ];
        let path = prop::collection::vec(element, 1..4).prop_map(FieldPath);
        prop::collection::vec(path, 0..12).prop_map(FieldSet::of)
    }

    proptest! {
        #[test]
        fn sets_obey_the_laws(a in arbitrary_set(), b in arbitrary_set()) {
            prop_assert_eq!(a.union(&b), b.union(&a));
            prop_assert_eq!(a.intersection(&b), b.intersection(&a));
            prop_assert_eq!(a.difference(&b).union(&a.intersection(&b)), a.clone());
            prop_assert!(a.difference(&b).intersection(&b).is_empty());
            prop_assert!(a.difference(&a).is_empty());
            prop_assert_eq!(a.difference_below(&b).difference(&b), a.difference_below(&b));
            prop_assert_eq!(a.union(&b).len() + a.intersection(&b).len(), a.len() + b.len());
            for path in a.paths() {
                prop_assert!(a.has(&path));
                prop_assert_eq!(a.intersection(&b).has(&path), b.has(&path));
            }
        }

        #[test]
        fn fields_v1_round_trips(a in arbitrary_set()) {
            prop_assert_eq!(FieldSet::from_json(&a.to_json()).unwrap(), a);
        }
    }
}
