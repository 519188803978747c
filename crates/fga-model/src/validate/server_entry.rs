//! Which relations a server takes to have an entry point.
//!
//! OpenFGA's server searches with marks: a relation that was met counts as without entry unless it was found to be assigned
//! directly. Marks of a type are shared by everything below the place where the type was first met, so that a relation
//! which two operands need can be refused although users could have it. A model that its server refuses has to be refused
//! here as well.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
};

use super::entry::EntryPoints;
use crate::{Relation, Rewrite};

/// Most steps of one search; a longer one ends in the answer that does not depend on marks.
const STEPS_MAX: u32 = 100_000;
/// Longest path of a search.
const NESTING_MAX: usize = 500;

/// Relations of one type that were met, and whether users are assigned to them directly.
type Marks<'a> = Rc<RefCell<HashMap<&'a str, bool>>>;

/// Marks by type. A copy shares the marks of types that were met before.
type Met<'a> = HashMap<&'a str, Marks<'a>>;

/// A search for the entry point of one relation.
pub(super) struct ServerSearch<'e, 'a> {
    entry: &'e EntryPoints<'a>,
    steps: Cell<u32>,
}

impl<'e, 'a> ServerSearch<'e, 'a> {
    /// Whether the server finds an entry point.
    pub(super) fn has(entry: &'e EntryPoints<'a>, type_name: &'a str, relation: &'a str) -> bool {
        let fixpoint = entry.has(type_name, relation);
        let search = Self { entry, steps: Cell::new(0) };
        // The marks only ever take entry points away.
        fixpoint && search.relation(type_name, relation, &Met::new(), 0).unwrap_or(fixpoint)
    }

    /// `None` where the search is too long.
    fn relation(&self, type_name: &'a str, name: &'a str, met: &Met<'a>, nesting: usize) -> Option<bool> {
        let Some(relation) = self.entry.relation(type_name, name) else { return Some(false) };
        self.rewrite((type_name, name), relation, &relation.rewrite, met, nesting)
    }

    fn rewrite(
        &self,
        (type_name, name): (&'a str, &'a str),
        relation: &'a Relation,
        rewrite: &'a Rewrite,
        before: &Met<'a>,
        nesting: usize,
    ) -> Option<bool> {
        self.steps.set(self.steps.get() + 1);
        if self.steps.get() > STEPS_MAX || nesting > NESTING_MAX {
            return None;
        }
        let mut met = before.clone();
        met.entry(type_name).or_default().borrow_mut().insert(name, false);
        let mark = |type_name: &str, name: &str| {
            met.get(type_name).and_then(|marks| marks.borrow().get(name).copied())
        };
        let operand = |operand| self.rewrite((type_name, name), relation, operand, before, nesting + 1);
        match rewrite {
            Rewrite::This => {
                for restriction in &relation.restrictions {
                    match &restriction.relation {
                        Some(of) if !restriction.wildcard => {
                            let user_type = restriction.type_name.as_str();
                            if mark(user_type, of).is_none()
                                && self.relation(user_type, of, &met, nesting + 1)?
                            {
                                return Some(true);
                            }
                        }
                        _ => {
                            met.entry(type_name).or_default().borrow_mut().insert(name, true);
                            return Some(true);
                        }
                    }
                }
                Some(false)
            }
            Rewrite::Computed(other) => match mark(type_name, other) {
                Some(assigned) => Some(assigned),
                None => self.relation(type_name, other, &met, nesting + 1),
            },
            Rewrite::TupleToUserset { tupleset, computed } => {
                let from = self.entry.relation(type_name, tupleset);
                for parent in from.iter().flat_map(|from| &from.restrictions) {
                    let parent = parent.type_name.as_str();
                    let found = match (self.entry.relation(parent, computed), mark(parent, computed)) {
                        (None, _) => false,
                        (Some(_), Some(assigned)) => assigned,
                        (Some(_), None) => self.relation(parent, computed, &met, nesting + 1)?,
                    };
                    if found {
                        return Some(true);
                    }
                }
                Some(false)
            }
            Rewrite::Union(operands) => {
                for child in operands {
                    if operand(child)? {
                        return Some(true);
                    }
                }
                Some(false)
            }
            Rewrite::Intersection(operands) => {
                for child in operands {
                    if !operand(child)? {
                        return Some(false);
                    }
                }
                Some(true)
            }
            Rewrite::Difference { base, subtract } => Some(operand(base)? && operand(subtract)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{ModelLimits, parse_model, validate_for_write};

    #[track_caller]
    fn check(relations: &str, want: bool) {
        let text = format!("model\n  schema 1.1\ntype user\ntype group\n  relations\n{relations}");
        let model = parse_model(&text).unwrap();
        assert_eq!(validate_for_write(&model, ModelLimits::OPENFGA).is_ok(), want, "{relations}");
    }

    #[test]
    fn fga_02_a_server_shares_marks_between_operands() {
        let plain = "    define owner: [user]\n    define viewer: [user]\n";
        check(&format!("{plain}    define can: owner but not viewer\n"), true);
        // Each on its own path: nothing was met before.
        let alike =
            format!("{plain}    define both: member but not member\n    define member: owner or viewer\n");
        check(&alike, true);
        // `member` was met on the way to the first operand, and not assigned directly.
        check(&format!("{alike}    define can: owner but not both\n"), false);
    }
}
