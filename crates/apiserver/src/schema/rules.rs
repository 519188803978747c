//! Rules in CEL (`x-kubernetes-validations`).

use serde_json::Value;

use super::{error::FieldError, node::Node};

/// One rule of a node.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The expression.
    pub text: String,
}

pub(crate) fn compile_tree(_node: &mut Node, _json: &Value, _path: &str, _errors: &mut Vec<FieldError>) {}

pub(crate) fn check(_root: &Node, _object: &Value, _old: Option<&Value>, _errors: &mut Vec<FieldError>) {}
