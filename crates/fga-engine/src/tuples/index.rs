//! Rows by object: a chain through the rows for a few, a sorted index for many.

use std::collections::{BTreeMap, btree_map};

use super::Row;
use crate::names::ObjId;

/// Longest chain; one more row and the object gets a sorted index.
const CHAIN_MAX: usize = 8;

/// Which object of a row an index is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The object of the tuple; sorted by relation, then user.
    Own,
    /// The object its user names; sorted by the user's kind, then the tuple's object and relation.
    Referrer,
}

/// The order of rows of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Order {
    pub major: u32,
    pub kind: u32,
    pub id: u32,
}

impl Order {
    pub fn first(major: u32) -> Self {
        Self { major, kind: 0, id: 0 }
    }

    fn of(row: &Row, side: Side) -> Self {
        match side {
            Side::Own => Self { major: row.relation.0, kind: row.user.kind, id: row.user.id },
            Side::Referrer => Self { major: row.user.kind, kind: row.object.0, id: row.relation.0 },
        }
    }
}

impl Side {
    fn link(self) -> usize {
        match self {
            Side::Own => 0,
            Side::Referrer => 1,
        }
    }
}

/// Nothing, the first row of a chain, or a sorted index: zero, one more than the row, or the top bit and the place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Head(u32);

const SORTED: u32 = 1 << 31;

enum Kind {
    Chain(u32),
    Sorted(usize),
}

impl Head {
    fn kind(self) -> Kind {
        if self.0 & SORTED == 0 { Kind::Chain(self.0) } else { Kind::Sorted((self.0 & !SORTED) as usize) }
    }
}

/// Rows by one of their objects.
#[derive(Default)]
pub(super) struct Index {
    heads: Vec<Head>,
    sorted: Vec<BTreeMap<Order, u32>>,
    sorted_free: Vec<usize>,
}

impl Index {
    fn head(&self, object: ObjId) -> Head {
        self.heads.get(object.0 as usize).copied().unwrap_or_default()
    }

    fn set_head(&mut self, object: ObjId, head: Head) {
        let at = object.0 as usize;
        if at >= self.heads.len() {
            self.heads.resize(at + 1, Head::default());
        }
        if let Some(place) = self.heads.get_mut(at) {
            *place = head;
        }
    }

    /// One more than the first row of an object's chain, zero where there is none; nothing for a sorted index.
    pub fn chain(&self, object: ObjId) -> Option<u32> {
        match self.head(object).kind() {
            Kind::Chain(at) => Some(at),
            Kind::Sorted(_) => None,
        }
    }

    /// Rows of an object from `from` on, with the same major, in order.
    pub fn range<'a>(&'a self, rows: &'a [Row], side: Side, object: ObjId, from: Order) -> Rows<'a> {
        match self.head(object).kind() {
            Kind::Chain(at) => Rows::Chain { rows, side, at, from: Some(from) },
            Kind::Sorted(at) => match self.sorted.get(at) {
                Some(sorted) => {
                    let to = Order { major: from.major, kind: u32::MAX, id: u32::MAX };
                    Rows::Sorted(sorted.range(from..=to))
                }
                None => Rows::Chain { rows, side, at: 0, from: None },
            },
        }
    }

    /// All rows of an object.
    pub fn all<'a>(&'a self, rows: &'a [Row], side: Side, object: ObjId) -> Rows<'a> {
        match self.head(object).kind() {
            Kind::Chain(at) => Rows::Chain { rows, side, at, from: None },
            Kind::Sorted(at) => match self.sorted.get(at) {
                Some(sorted) => Rows::Sorted(sorted.range(..)),
                None => Rows::Chain { rows, side, at: 0, from: None },
            },
        }
    }

    pub fn find(&self, rows: &[Row], side: Side, object: ObjId, order: Order) -> Option<u32> {
        match self.head(object).kind() {
            Kind::Sorted(at) => self.sorted.get(at)?.get(&order).copied(),
            Kind::Chain(mut at) => {
                while let Some(row) = at.checked_sub(1).and_then(|at| rows.get(at as usize)) {
                    if Order::of(row, side) == order {
                        return Some(at - 1);
                    }
                    at = row.next[side.link()];
                }
                None
            }
        }
    }

    /// Adds a row to its object.
    pub fn insert(&mut self, rows: &mut [Row], side: Side, object: ObjId, at: u32) {
        let Some(order) = rows.get(at as usize).map(|row| Order::of(row, side)) else { return };
        match self.head(object).kind() {
            Kind::Sorted(sorted) => {
                if let Some(sorted) = self.sorted.get_mut(sorted) {
                    sorted.insert(order, at);
                }
            }
            Kind::Chain(first) => {
                let (mut before, mut after, mut length) = (0, first, 0);
                let mut cursor = first;
                while let Some(row) = cursor.checked_sub(1).and_then(|at| rows.get(at as usize)) {
                    if Order::of(row, side) < order {
                        (before, after) = (cursor, row.next[side.link()]);
                    }
                    cursor = row.next[side.link()];
                    length += 1;
                }
                if length >= CHAIN_MAX {
                    return self.sort(rows, side, object, first, at);
                }
                if let Some(row) = rows.get_mut(at as usize) {
                    row.next[side.link()] = after;
                }
                match before.checked_sub(1).and_then(|at| rows.get_mut(at as usize)) {
                    Some(row) => row.next[side.link()] = at + 1,
                    None => self.set_head(object, Head(at + 1)),
                }
            }
        }
    }

    /// A chain that grew too long becomes a sorted index.
    fn sort(&mut self, rows: &[Row], side: Side, object: ObjId, first: u32, added: u32) {
        let chain = Rows::Chain { rows, side, at: first, from: None };
        let entries = chain.chain(std::iter::once(added));
        let sorted: BTreeMap<Order, u32> =
            entries.filter_map(|at| Some((Order::of(rows.get(at as usize)?, side), at))).collect();
        let place = match self.sorted_free.pop() {
            Some(free) => free,
            None => {
                self.sorted.push(BTreeMap::new());
                self.sorted.len() - 1
            }
        };
        if let Some(slot) = self.sorted.get_mut(place) {
            *slot = sorted;
        }
        self.set_head(object, Head(SORTED | u32::try_from(place).unwrap_or(0)));
    }

    /// Takes a row from its object.
    pub fn remove(&mut self, rows: &mut [Row], side: Side, object: ObjId, at: u32) {
        match self.head(object).kind() {
            Kind::Sorted(place) => {
                let Some(order) = rows.get(at as usize).map(|row| Order::of(row, side)) else { return };
                let Some(sorted) = self.sorted.get_mut(place) else { return };
                sorted.remove(&order);
                if sorted.is_empty() {
                    self.sorted_free.push(place);
                    self.set_head(object, Head::default());
                }
            }
            Kind::Chain(first) => {
                let Some(after) = rows.get(at as usize).map(|row| row.next[side.link()]) else { return };
                if first == at + 1 {
                    return self.set_head(object, Head(after));
                }
                let mut cursor = first;
                while let Some(row) = cursor.checked_sub(1).and_then(|at| rows.get_mut(at as usize)) {
                    if row.next[side.link()] == at + 1 {
                        row.next[side.link()] = after;
                        return;
                    }
                    cursor = row.next[side.link()];
                }
            }
        }
    }
}

/// Rows of one object, in order.
pub(super) enum Rows<'a> {
    Chain {
        rows: &'a [Row],
        side: Side,
        /// One more than the next row.
        at: u32,
        /// Only rows of this major, from here on.
        from: Option<Order>,
    },
    Sorted(btree_map::Range<'a, Order, u32>),
}

impl Iterator for Rows<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        match self {
            Rows::Sorted(range) => range.next().map(|(_, at)| *at),
            Rows::Chain { rows, side, at, from } => loop {
                let found = at.checked_sub(1)?;
                let row = rows.get(found as usize)?;
                *at = row.next[side.link()];
                let Some(from) = from else { return Some(found) };
                let order = Order::of(row, *side);
                if order.major > from.major {
                    return None;
                }
                if order >= *from {
                    return Some(found);
                }
            },
        }
    }
}
