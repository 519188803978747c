//! The tuples of one store, indexed both ways.

pub(crate) mod contextual; // a request's own tuples
pub(crate) mod view; // stored and contextual tuples as one

use std::collections::{BTreeMap, BTreeSet};

use fga_model::{TupleCondition, TupleKey};
use jiff::Timestamp;

use crate::names::{IdMap, Names, ObjId, RelId, Subject, TypeId};

/// A stored tuple. Its number grows with every write of the store.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub object: ObjId,
    pub relation: RelId,
    pub subject: Subject,
    pub condition: Option<TupleCondition>,
    pub timestamp: Timestamp,
}

/// One user of an (object, relation).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge {
    pub subject: Subject,
    pub number: u64,
    pub conditional: bool,
}

/// Who points at an object: with which relation of it (usersets) or none (plain), from which object and relation.
type Posting = (Option<RelId>, ObjId, RelId);

/// All tuples of a store.
#[derive(Default)]
pub(crate) struct Tuples {
    rows: BTreeMap<u64, Row>,
    forward: IdMap<(ObjId, RelId), Vec<Edge>>,
    relations_of: IdMap<ObjId, Vec<RelId>>,
    reverse: IdMap<ObjId, BTreeSet<Posting>>,
    wildcards: IdMap<TypeId, BTreeSet<(ObjId, RelId)>>,
    last_number: u64,
}

impl Tuples {
    /// The users of (object, relation), sorted.
    pub fn edges(&self, object: ObjId, relation: RelId) -> &[Edge] {
        self.forward.get(&(object, relation)).map_or(&[], Vec::as_slice)
    }

    pub fn edge(&self, object: ObjId, relation: RelId, subject: Subject) -> Option<Edge> {
        let edges = self.edges(object, relation);
        let at = edges.binary_search_by(|e| e.subject.cmp(&subject)).ok()?;
        edges.get(at).copied()
    }

    pub fn row(&self, number: u64) -> Option<&Row> {
        self.rows.get(&number)
    }

    /// Rows with a greater number, in order.
    pub fn rows_after(&self, number: u64) -> impl Iterator<Item = (u64, &Row)> {
        self.rows.range(number.saturating_add(1)..).map(|(n, row)| (*n, row))
    }

    pub fn relations_of(&self, object: ObjId) -> &[RelId] {
        self.relations_of.get(&object).map_or(&[], Vec::as_slice)
    }

    /// (object, relation) pairs whose tuples name this object, as itself or in a userset.
    pub fn referrers(&self, object: ObjId) -> impl Iterator<Item = Posting> {
        self.reverse.get(&object).into_iter().flatten().copied()
    }

    /// (object, relation) pairs whose tuples name this subject.
    pub fn holders(&self, subject: Subject) -> Vec<(ObjId, RelId)> {
        match subject {
            Subject::Object(object) => {
                self.referrers(object).filter(|p| p.0.is_none()).map(|(_, o, r)| (o, r)).collect()
            }
            Subject::Userset(object, of) => {
                self.referrers(object).filter(|p| p.0 == Some(of)).map(|(_, o, r)| (o, r)).collect()
            }
            Subject::Wildcard(type_id) => {
                self.wildcards.get(&type_id).into_iter().flatten().copied().collect()
            }
        }
    }

    /// Adds a tuple that is not there. Gives its number.
    pub fn insert(&mut self, row: Row) -> u64 {
        self.last_number += 1;
        let number = self.last_number;
        let edge = Edge { subject: row.subject, number, conditional: row.condition.is_some() };
        let edges = self.forward.entry((row.object, row.relation)).or_default();
        if edges.is_empty() {
            self.relations_of.entry(row.object).or_default().push(row.relation);
        }
        let at = edges.partition_point(|e| e.subject < row.subject);
        edges.insert(at, edge);
        match row.subject {
            Subject::Object(user) => {
                self.reverse.entry(user).or_default().insert((None, row.object, row.relation));
            }
            Subject::Userset(user, of) => {
                self.reverse.entry(user).or_default().insert((Some(of), row.object, row.relation));
            }
            Subject::Wildcard(type_id) => {
                self.wildcards.entry(type_id).or_default().insert((row.object, row.relation));
            }
        }
        self.rows.insert(number, row);
        number
    }

    /// Removes a tuple; `false` where there is none.
    pub fn remove(&mut self, object: ObjId, relation: RelId, subject: Subject) -> bool {
        let Some(edge) = self.edge(object, relation, subject) else { return false };
        self.rows.remove(&edge.number);
        if let Some(edges) = self.forward.get_mut(&(object, relation)) {
            edges.retain(|e| e.number != edge.number);
            if edges.is_empty() {
                self.forward.remove(&(object, relation));
                if let Some(relations) = self.relations_of.get_mut(&object) {
                    relations.retain(|r| *r != relation);
                    if relations.is_empty() {
                        self.relations_of.remove(&object);
                    }
                }
            }
        }
        let (user, posting) = match subject {
            Subject::Object(user) => (user, (None, object, relation)),
            Subject::Userset(user, of) => (user, (Some(of), object, relation)),
            Subject::Wildcard(type_id) => {
                if let Some(holders) = self.wildcards.get_mut(&type_id) {
                    holders.remove(&(object, relation));
                }
                return true;
            }
        };
        if let Some(postings) = self.reverse.get_mut(&user) {
            postings.remove(&posting);
            if postings.is_empty() {
                self.reverse.remove(&user);
            }
        }
        true
    }

    /// How many tuples there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }
}

impl Row {
    pub fn key(&self, names: &Names) -> TupleKey {
        TupleKey {
            object: names.object_name(self.object).to_owned(),
            relation: names.relation_name(self.relation).to_owned(),
            user: names.subject_name(self.subject),
            condition: self.condition.clone(),
        }
    }
}
