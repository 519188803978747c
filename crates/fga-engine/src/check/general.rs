//! The walk where intersections or exclusions are reached: depth first, with the path, taint and memo.

use super::{Checker, DENIED, Fault, Outcome, Step};
use crate::{
    model::{Hop, Node, RelKey},
    names::{ObjId, Subject},
    tuples::view::Scan,
};

/// Joins operands of a union: any allow wins, then any fault, then a denial that is tainted if any was.
struct Union {
    fault: Option<Fault>,
    tainted: bool,
}

impl Union {
    fn new() -> Self {
        Self { fault: None, tainted: false }
    }

    /// Whether the operand decides.
    fn add(&mut self, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Allowed => return true,
            Outcome::Denied { tainted } => self.tainted |= tainted,
            Outcome::Failed(fault) => self.fault = self.fault.or(Some(fault)),
        }
        false
    }

    fn outcome(self) -> Outcome {
        self.fault.map_or(Outcome::Denied { tainted: self.tainted }, Outcome::Failed)
    }
}

impl Checker<'_, '_> {
    pub(super) fn expression(
        &mut self,
        object: ObjId,
        key: RelKey,
        node: &Node,
        depth: u32,
        tainting: bool,
    ) -> Outcome {
        match node {
            Node::This => self.direct(object, key, depth, tainting),
            Node::Computed(other) => {
                let mark = self.note_computed(object, key, *other);
                let outcome = self.evaluate(object, *other, depth, tainting, true);
                self.settle(mark, outcome);
                outcome
            }
            Node::Hop(hop) => self.hop(object, key, hop, depth, tainting),
            Node::Union(operands) => {
                let mut union = Union::new();
                for operand in operands {
                    if union.add(self.expression(object, key, operand, depth, tainting)) {
                        return Outcome::Allowed;
                    }
                }
                union.outcome()
            }
            Node::Intersection(operands) => self.intersection(object, key, operands, depth, tainting),
            Node::Difference(base, subtract) => self.difference(object, key, base, subtract, depth, tainting),
        }
    }

    /// Tuples of the relation itself.
    fn direct(&mut self, object: ObjId, key: RelKey, depth: u32, tainting: bool) -> Outcome {
        let view = self.view;
        let mut union = Union::new();
        for subject in self.probe.subjects(&view.model.relation(key).admits) {
            match view.exact(object, key, subject).map(|tuple| view.holds(&tuple)) {
                Some(Ok(true)) => {
                    self.note_direct(object, key, subject);
                    return Outcome::Allowed;
                }
                Some(Err(fault)) => {
                    union.add(Outcome::Failed(fault));
                }
                Some(Ok(false)) | None => {}
            }
        }
        let mut scan = Scan::default();
        for tuple in view.usersets(object, key) {
            let Subject::Userset(next, relation) = tuple.subject else { continue };
            let Some(to) = view.key(next, relation) else { continue };
            let step = Step { object, key, tupleset: None, next, to };
            // A condition counts for the whole reading, wherever its tuple leads.
            if scan.passes(view, &tuple)
                && self.leads_on(&step)
                && self.follow(&step, depth, tainting, &mut union)
            {
                return Outcome::Allowed;
            }
        }
        if let Some(fault) = self.userset_fault(object, key, &scan) {
            union.add(Outcome::Failed(fault));
        }
        self.note_missing(object, key);
        union.outcome()
    }

    fn hop(&mut self, object: ObjId, key: RelKey, hop: &Hop, depth: u32, tainting: bool) -> Outcome {
        let view = self.view;
        let mut union = Union::new();
        let mut scan = Scan::default();
        for tuple in view.scan(object, hop.tupleset) {
            if !scan.passes(view, &tuple) {
                continue;
            }
            let Subject::Object(next) = tuple.subject else { continue };
            let Some(to) = view.type_of(next).and_then(|t| hop.target(t)) else { continue };
            let step = Step { object, key, tupleset: Some(hop.tupleset), next, to };
            if self.leads_on(&step) && self.follow(&step, depth, tainting, &mut union) {
                return Outcome::Allowed;
            }
        }
        if let Some(fault) = scan.fault() {
            union.add(Outcome::Failed(fault));
        }
        union.outcome()
    }

    fn follow(&mut self, step: &Step, depth: u32, tainting: bool, union: &mut Union) -> bool {
        let mark = self.note_hop(step);
        let free = depth + 1 >= self.depth.max && self.is_free(step);
        let outcome = self.evaluate(step.next, step.to, depth + 1, tainting, free);
        self.settle(mark, outcome);
        union.add(outcome)
    }

    /// Any denial denies, whatever fails beside it; the result is tainted only if no operand was denied untainted.
    fn intersection(
        &mut self,
        object: ObjId,
        key: RelKey,
        operands: &[Node],
        depth: u32,
        tainting: bool,
    ) -> Outcome {
        let mark = self.mark();
        let (mut fault, mut denied_tainted) = (None, false);
        let mut denied = false;
        for operand in operands {
            match self.expression(object, key, operand, depth, tainting) {
                Outcome::Allowed => {}
                Outcome::Failed(failed) => fault = fault.or(Some(failed)),
                DENIED => {
                    denied = true;
                    // What else is missing is of interest only to an explanation.
                    if self.record.is_none() {
                        break;
                    }
                }
                Outcome::Denied { .. } => denied_tainted = true,
            }
        }
        let outcome = match (denied, denied_tainted, fault) {
            (true, ..) => DENIED,
            (false, true, _) => Outcome::Denied { tainted: true },
            (false, false, Some(fault)) => Outcome::Failed(fault),
            (false, false, None) => Outcome::Allowed,
        };
        self.settle(mark, outcome);
        outcome
    }

    /// What cannot be subtracted for sure is not allowed: a cycle on the subtracted side excludes.
    fn difference(
        &mut self,
        object: ObjId,
        key: RelKey,
        base: &Node,
        subtract: &Node,
        depth: u32,
        tainting: bool,
    ) -> Outcome {
        let mark = self.mark();
        let base = self.expression(object, key, base, depth, tainting);
        if matches!(base, Outcome::Denied { .. }) || self.lifted == Some((object, key)) {
            return base;
        }
        self.settle(mark, base);
        self.subtract();
        let excluded = self.expression(object, key, subtract, depth, true);
        self.subtracted();
        let outcome = match (base, excluded) {
            (_, Outcome::Allowed) => {
                self.note_excluded(object, key);
                DENIED
            }
            // What a cycle excludes is itself denied by the cycle, for exclusions further up.
            (_, Outcome::Denied { tainted: true }) => {
                self.note_excluded(object, key);
                Outcome::Denied { tainted: true }
            }
            (Outcome::Failed(fault), _) | (_, Outcome::Failed(fault)) => Outcome::Failed(fault),
            (base, _) => base,
        };
        self.settle(mark, outcome);
        outcome
    }
}
