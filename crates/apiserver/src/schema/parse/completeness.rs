//! What stands in `allOf`, `anyOf`, `oneOf` and `not` must also be declared outside of them.

use super::{ERRORS_MAX, Parser};
use crate::schema::{error::FieldError, node::Node};

impl Parser {
    /// Fields that checks speak of must be declared outside of them.
    pub(super) fn completeness(&mut self, node: &Node, path: &str) {
        let Some(checks) = &node.checks else { return };
        let mut missing = Vec::new();
        for (keyword, nested) in
            [("allOf", &checks.all_of), ("anyOf", &checks.any_of), ("oneOf", &checks.one_of)]
        {
            for (index, child) in nested.iter().enumerate() {
                incomplete(child, node, path, &format!("{path}.{keyword}[{index}]"), &mut missing);
            }
        }
        if let Some(not) = &checks.not {
            incomplete(not, node, path, &format!("{path}.not"), &mut missing);
        }
        for error in missing {
            self.push(error);
        }
    }
}

/// Reports what `nested` speaks of and `node` does not declare.
fn incomplete(nested: &Node, node: &Node, path: &str, nested_path: &str, errors: &mut Vec<FieldError>) {
    for (name, child) in &nested.properties {
        let at = format!("{path}.properties[{name}]");
        let from = format!("{nested_path}.properties[{name}]");
        match node.child(name) {
            Some(declared) => incomplete(child, declared, &at, &from, errors),
            None if errors.len() < ERRORS_MAX => {
                errors.push(FieldError::required(at, &format!("because it is defined in {from}")));
            }
            None => return,
        }
    }
    if let Some(child) = &nested.items {
        let (at, from) = (format!("{path}.items"), format!("{nested_path}.items"));
        match &node.items {
            Some(declared) => incomplete(child, declared, &at, &from, errors),
            None => errors.push(FieldError::required(at, &format!("because it is defined in {from}"))),
        }
    }
    let Some(checks) = &nested.checks else { return };
    for (keyword, deeper) in [("allOf", &checks.all_of), ("anyOf", &checks.any_of), ("oneOf", &checks.one_of)]
    {
        for (index, child) in deeper.iter().enumerate() {
            incomplete(child, node, path, &format!("{nested_path}.{keyword}[{index}]"), errors);
        }
    }
    if let Some(not) = &checks.not {
        incomplete(not, node, path, &format!("{nested_path}.not"), errors);
    }
}
