//! The tuples of one store, indexed both ways.
//!
//! Rows lie in the order they were written. Most objects have a handful of tuples: their rows form a chain through the
//! rows themselves. An object with more gets a sorted index.

pub(crate) mod contextual; // a request's own tuples
mod index; // chains and sorted indices
pub(crate) mod view; // stored and contextual tuples as one

use std::collections::BTreeSet;

use fga_model::{TupleCondition, TupleKey};
use jiff::Timestamp;

use crate::names::{IdMap, Names, ObjId, RelId, Subject, TypeId};
use index::{Index, Order, Side};

/// Index of a row; valid until the next removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RowId(u32);

/// A stored tuple, packed.
#[derive(Clone, Debug)]
struct Row {
    /// Grows with every write: nanoseconds, whole microseconds of which are the time of the write.
    number: u64,
    object: ObjId,
    relation: RelId,
    user: Packed,
    /// The type of the object that the user is or names: walks need it for every row, and it lies here.
    user_type: TypeId,
    /// One more than the index of its condition; zero without one.
    condition: u32,
    /// The next row of the same object, and of the same user's object.
    next: [u32; 2],
}

/// A subject in eight bytes: id, and what kind it is or which relation it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packed {
    id: u32,
    kind: u32,
}

const KIND_OBJECT: u32 = 0;
const KIND_WILDCARD: u32 = 1;
const KIND_USERSETS: u32 = 2;

impl From<Subject> for Packed {
    fn from(subject: Subject) -> Self {
        match subject {
            Subject::Object(object) => Self { id: object.0, kind: KIND_OBJECT },
            Subject::Wildcard(type_id) => Self { id: type_id.0, kind: KIND_WILDCARD },
            Subject::Userset(object, of) => Self { id: object.0, kind: KIND_USERSETS + of.0 },
        }
    }
}

impl From<Packed> for Subject {
    fn from(packed: Packed) -> Self {
        match packed.kind {
            KIND_OBJECT => Subject::Object(ObjId(packed.id)),
            KIND_WILDCARD => Subject::Wildcard(TypeId(packed.id)),
            of => Subject::Userset(ObjId(packed.id), RelId(of - KIND_USERSETS)),
        }
    }
}

/// One user of an (object, relation).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge {
    pub subject: Subject,
    /// The type of the subject's object.
    pub type_id: TypeId,
    pub row: RowId,
    pub conditional: bool,
}

/// One tuple of an object that has few.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Few {
    pub relation: RelId,
    pub user: Packed,
    /// The type of the user's object.
    pub type_id: TypeId,
    pub conditional: bool,
}

/// Where a tuple is that names an object as its user: plainly, or with a relation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Posting {
    pub of: Option<RelId>,
    pub object: ObjId,
    pub relation: RelId,
    pub row: RowId,
    pub conditional: bool,
}

/// All tuples of a store.
#[derive(Default)]
pub(crate) struct Tuples {
    rows: Vec<Row>,
    live: usize,
    conditions: Vec<Option<TupleCondition>>,
    conditions_free: Vec<u32>,
    forward: Index,
    reverse: Index,
    wildcards: IdMap<TypeId, BTreeSet<(ObjId, RelId)>>,
    last_number: u64,
    /// Rows that are being loaded: place, time in microseconds, row.
    loading: Vec<(u64, u64, Row)>,
}

/// What marks the object of a removed row.
const REMOVED: ObjId = ObjId(u32::MAX);
/// Removed rows that are kept before the rows are packed again.
const REMOVED_KEPT: usize = 1_024;

impl Tuples {
    /// The users of (object, relation), sorted: plain ones, the wildcards, usersets.
    pub fn edges(&self, object: ObjId, relation: RelId) -> impl Iterator<Item = Edge> {
        let from = Order::first(relation.0);
        self.forward.range(&self.rows, Side::Own, object, from).filter_map(move |at| self.edge_at(at))
    }

    /// The usersets among them.
    pub fn usersets(&self, object: ObjId, relation: RelId) -> impl Iterator<Item = Edge> {
        let from = Order { major: relation.0, kind: KIND_USERSETS, id: 0 };
        self.forward.range(&self.rows, Side::Own, object, from).filter_map(move |at| self.edge_at(at))
    }

    pub fn edge(&self, object: ObjId, relation: RelId, subject: Subject) -> Option<Edge> {
        let user = Packed::from(subject);
        let order = Order { major: relation.0, kind: user.kind, id: user.id };
        self.edge_at(self.forward.find(&self.rows, Side::Own, object, order)?)
    }

    fn edge_at(&self, at: u32) -> Option<Edge> {
        let row = self.rows.get(at as usize)?;
        let (subject, type_id) = (row.user.into(), row.user_type);
        Some(Edge { subject, type_id, row: RowId(at), conditional: row.condition > 0 })
    }

    /// All tuples of an object in the order of relations, unless they are so many that they have an index.
    pub fn few(&self, object: ObjId) -> Option<impl Iterator<Item = Few>> {
        let mut at = self.forward.chain(object)?;
        Some(std::iter::from_fn(move || {
            let row = self.rows.get(at.checked_sub(1)? as usize)?;
            at = row.next[0];
            Some(Few {
                relation: row.relation,
                user: row.user,
                type_id: row.user_type,
                conditional: row.condition > 0,
            })
        }))
    }

    /// The condition of a row.
    pub fn condition(&self, row: RowId) -> Option<&TupleCondition> {
        let at = self.rows.get(row.0 as usize)?.condition.checked_sub(1)?;
        self.conditions.get(at as usize)?.as_ref()
    }

    /// A row's number, in the order of writes.
    pub fn number(&self, row: RowId) -> u64 {
        self.rows.get(row.0 as usize).map_or(0, |row| row.number)
    }

    pub fn key(&self, row: RowId, names: &Names) -> TupleKey {
        let Some(found) = self.rows.get(row.0 as usize) else { return TupleKey::new("", "", "") };
        TupleKey {
            object: names.object_name(found.object).to_owned(),
            relation: names.relation_name(found.relation).to_owned(),
            user: names.subject_name(found.user.into()),
            condition: self.condition(row).cloned(),
        }
    }

    pub fn timestamp(&self, row: RowId) -> Timestamp {
        let micros = i64::try_from(self.number(row) / 1_000).unwrap_or(i64::MAX);
        Timestamp::from_microsecond(micros).unwrap_or_default()
    }

    /// Rows with a greater number, in order.
    pub fn rows_after(&self, number: u64) -> impl Iterator<Item = RowId> {
        let from = self.rows.partition_point(|row| row.number <= number);
        let rows = self.rows.iter().enumerate().skip(from);
        rows.filter(|(_, row)| row.object != REMOVED)
            .map(|(at, _)| RowId(u32::try_from(at).unwrap_or(u32::MAX)))
    }

    /// All rows of an object, of any relation.
    pub fn of_object(&self, object: ObjId) -> impl Iterator<Item = (RelId, Edge)> {
        self.forward.all(&self.rows, Side::Own, object).filter_map(|at| {
            let relation = self.rows.get(at as usize)?.relation;
            Some((relation, self.edge_at(at)?))
        })
    }

    /// Tuples that name this object as their user, as itself or in a userset.
    pub fn referrers(&self, object: ObjId) -> impl Iterator<Item = Posting> {
        self.reverse.all(&self.rows, Side::Referrer, object).filter_map(|at| self.posting_at(at))
    }

    fn posting_at(&self, at: u32) -> Option<Posting> {
        let row = self.rows.get(at as usize)?;
        Some(Posting {
            of: row.user.kind.checked_sub(KIND_USERSETS).map(RelId),
            object: row.object,
            relation: row.relation,
            row: RowId(at),
            conditional: row.condition > 0,
        })
    }

    /// Tuples whose user is everybody of a type.
    pub fn wildcard_holders(&self, type_id: TypeId) -> impl Iterator<Item = Posting> {
        let pairs = self.wildcards.get(&type_id).into_iter().flatten();
        pairs.filter_map(move |(object, relation)| {
            let edge = self.edge(*object, *relation, Subject::Wildcard(type_id))?;
            Some(Posting {
                of: None,
                object: *object,
                relation: *relation,
                row: edge.row,
                conditional: edge.conditional,
            })
        })
    }

    /// Tuples whose user is this subject.
    pub fn holders(&self, subject: Subject) -> Vec<Posting> {
        match subject {
            Subject::Object(object) => self.referrers(object).filter(|p| p.of.is_none()).collect(),
            Subject::Userset(object, of) => self.referrers(object).filter(|p| p.of == Some(of)).collect(),
            Subject::Wildcard(type_id) => self.wildcard_holders(type_id).collect(),
        }
    }

    /// Adds a tuple that is not there.
    pub fn insert(
        &mut self,
        object: ObjId,
        relation: RelId,
        (subject, user_type): (Subject, TypeId),
        condition: Option<TupleCondition>,
        timestamp: Timestamp,
    ) {
        let micros = u64::try_from(timestamp.as_microsecond()).unwrap_or(0);
        self.last_number = (self.last_number + 1).max(micros.saturating_mul(1_000));
        let condition = condition.map_or(0, |condition| self.keep(condition));
        let at = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        let user = Packed::from(subject);
        self.rows.push(Row {
            number: self.last_number,
            object,
            relation,
            user,
            user_type,
            condition,
            next: [0, 0],
        });
        self.live += 1;
        self.link(at, object, subject, relation);
    }

    /// Takes a tuple whose place in the order of writes is known; it is found after [`Tuples::loaded`].
    pub fn load(
        &mut self,
        place: u64,
        object: ObjId,
        relation: RelId,
        (subject, user_type): (Subject, TypeId),
        condition: Option<TupleCondition>,
        timestamp: Timestamp,
    ) {
        let micros = u64::try_from(timestamp.as_microsecond()).unwrap_or(0);
        let condition = condition.map_or(0, |condition| self.keep(condition));
        let user = Packed::from(subject);
        let row = Row { number: 0, object, relation, user, user_type, condition, next: [0, 0] };
        self.loading.push((place, micros, row));
    }

    /// Puts what was loaded in its order.
    pub fn loaded(&mut self) {
        if self.loading.is_empty() {
            return;
        }
        let mut loading = std::mem::take(&mut self.loading);
        loading.sort_unstable_by_key(|(place, ..)| *place);
        self.rows.reserve_exact(loading.len());
        for (_, micros, row) in loading {
            self.last_number = (self.last_number + 1).max(micros.saturating_mul(1_000));
            self.rows.push(Row { number: self.last_number, ..row });
            self.live += 1;
        }
        self.pack();
    }

    fn link(&mut self, at: u32, object: ObjId, subject: Subject, relation: RelId) {
        self.forward.insert(&mut self.rows, Side::Own, object, at);
        match subject {
            Subject::Object(user) | Subject::Userset(user, _) => {
                self.reverse.insert(&mut self.rows, Side::Referrer, user, at);
            }
            Subject::Wildcard(type_id) => {
                self.wildcards.entry(type_id).or_default().insert((object, relation));
            }
        }
    }

    fn keep(&mut self, condition: TupleCondition) -> u32 {
        if let Some(free) = self.conditions_free.pop()
            && let Some(place) = self.conditions.get_mut(free as usize)
        {
            *place = Some(condition);
            return free + 1;
        }
        self.conditions.push(Some(condition));
        u32::try_from(self.conditions.len()).unwrap_or(u32::MAX)
    }

    /// Removes a tuple; `false` where there is none.
    pub fn remove(&mut self, object: ObjId, relation: RelId, subject: Subject) -> bool {
        let Some(edge) = self.edge(object, relation, subject) else { return false };
        let at = edge.row.0;
        self.forward.remove(&mut self.rows, Side::Own, object, at);
        match subject {
            Subject::Object(user) | Subject::Userset(user, _) => {
                self.reverse.remove(&mut self.rows, Side::Referrer, user, at);
            }
            Subject::Wildcard(type_id) => {
                if let Some(holders) = self.wildcards.get_mut(&type_id) {
                    holders.remove(&(object, relation));
                }
            }
        }
        if let Some(row) = self.rows.get_mut(at as usize) {
            if let Some(kept) = row.condition.checked_sub(1) {
                if let Some(place) = self.conditions.get_mut(kept as usize) {
                    *place = None;
                }
                self.conditions_free.push(kept);
            }
            row.object = REMOVED;
            row.condition = 0;
        }
        self.live -= 1;
        if self.rows.len() - self.live > self.live + REMOVED_KEPT {
            self.pack();
        }
        true
    }

    /// Forgets removed rows and indexes the others again, numbers kept.
    fn pack(&mut self) {
        self.rows.retain(|row| row.object != REMOVED);
        self.rows.shrink_to_fit();
        self.forward = Index::default();
        self.reverse = Index::default();
        self.wildcards = IdMap::default();
        for at in 0..self.rows.len() {
            let Some(row) = self.rows.get_mut(at) else { continue };
            row.next = [0, 0];
            let (object, relation, subject) = (row.object, row.relation, row.user.into());
            self.link(u32::try_from(at).unwrap_or(u32::MAX), object, subject, relation);
        }
    }

    /// The same tuples under other names of objects; only those of `names` that rows use are asked for.
    pub fn rename(&mut self, mut name: impl FnMut(ObjId) -> ObjId) {
        self.rows.retain(|row| row.object != REMOVED);
        for row in &mut self.rows {
            row.object = name(row.object);
            if row.user.kind != KIND_WILDCARD {
                row.user.id = name(ObjId(row.user.id)).0;
            }
        }
        self.pack();
    }

    /// How many tuples there are.
    pub fn len(&self) -> usize {
        self.live
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(us: i64) -> Timestamp {
        Timestamp::from_microsecond(us).unwrap_or_default()
    }

    /// Random writes and removals against a plain sorted set, small objects and large ones.
    #[test]
    fn fga_04_both_indices_agree_with_a_plain_set_under_random_changes() {
        let ids = runtime::Ids::seeded(11);
        let mut tuples = Tuples::default();
        let mut plain = BTreeSet::new();
        for round in 0..6_000 {
            let [o, r, kind, u, remove] = ids.bytes::<5>();
            // Object 0 and user 0 are met often enough to leave their chains.
            let object = ObjId(u32::from(o % 16) / 8 * u32::from(o % 7));
            let relation = RelId(u32::from(r % 3));
            let user = u32::from(u % 40) / 20 * u32::from(u % 20);
            let subject = match kind % 4 {
                0 => Subject::Wildcard(TypeId(user % 3)),
                1 => Subject::Userset(ObjId(user), RelId(u32::from(kind / 4) % 2)),
                _ => Subject::Object(ObjId(user)),
            };
            let known = plain.contains(&(object, relation, subject));
            assert_eq!(tuples.edge(object, relation, subject).is_some(), known);
            if known && remove % 2 == 0 {
                assert!(tuples.remove(object, relation, subject));
                plain.remove(&(object, relation, subject));
            } else if !known {
                tuples.insert(object, relation, (subject, TypeId(0)), None, time(1_000 + round / 3));
                plain.insert((object, relation, subject));
            }
            assert_eq!(tuples.len(), plain.len());
        }
        for object in (0..7).map(ObjId) {
            for relation in (0..3).map(RelId) {
                let mut wanted: Vec<Subject> =
                    plain.iter().filter(|t| t.0 == object && t.1 == relation).map(|t| t.2).collect();
                let order = |s: &Subject| (Packed::from(*s).kind, Packed::from(*s).id);
                wanted.sort_by_key(order);
                let found: Vec<Subject> = tuples.edges(object, relation).map(|e| e.subject).collect();
                assert_eq!(found, wanted);
                let usersets = wanted.iter().filter(|s| matches!(s, Subject::Userset(..))).count();
                assert_eq!(tuples.usersets(object, relation).count(), usersets);
            }
        }
        for user in (0..20).map(ObjId) {
            let wanted = plain
                .iter()
                .filter(|t| matches!(t.2, Subject::Object(o) | Subject::Userset(o, _) if o == user));
            assert_eq!(tuples.referrers(user).count(), wanted.count());
        }
        let numbers: Vec<u64> = tuples.rows_after(0).map(|row| tuples.number(row)).collect();
        assert_eq!(numbers.len(), plain.len());
        assert!(numbers.is_sorted());
    }
}
