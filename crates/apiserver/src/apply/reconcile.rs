//! Owned sets after a schema change: who owned parts of what is now one piece owns the piece.

use crate::fields::{DEDUCED, FieldSet, MergeSchema, PathElement, Shape};

/// The set under the current schema.
pub(super) fn reconcile(schema: &dyn MergeSchema, set: &FieldSet) -> FieldSet {
    let mut pieces = FieldSet::new();
    find_pieces(schema, set, &mut Vec::new(), &mut pieces);
    if pieces.is_empty() {
        return set.clone();
    }
    set.difference_below(&pieces).union(&pieces)
}

/// Collects the paths below which `set` owns parts although the schema makes them one piece.
fn find_pieces(schema: &dyn MergeSchema, set: &FieldSet, path: &mut Vec<PathElement>, pieces: &mut FieldSet) {
    match schema.shape() {
        Shape::AtomicList | Shape::AtomicMap => pieces.insert_steps(path),
        Shape::Scalar | Shape::Deduced => {}
        Shape::Map | Shape::SetList | Shape::KeyedList(_) => {
            for (element, child) in set.children() {
                let known = match element {
                    PathElement::Field(name) => schema.field(name).or_else(|| schema.rest()),
                    _ => schema.item(),
                };
                path.push(element.clone());
                find_pieces(known.unwrap_or(&DEDUCED), child, path, pieces);
                path.pop();
            }
        }
    }
}
