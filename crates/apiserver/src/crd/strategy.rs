//! The rules of definitions where definitions are written.

use serde_json::Value;

use super::{definition, status, validate};
use crate::{error::Cause, strategy::ResourceStrategy};

/// Defaults, status and validation of CustomResourceDefinitions.
#[derive(Clone, Copy, Debug, Default)]
pub struct DefinitionStrategy;

impl ResourceStrategy for DefinitionStrategy {
    fn default(&self, object: &mut Value) {
        definition::default(object);
    }

    fn prepare_for_create(&self, object: &mut Value) {
        definition::default(object);
        status::prepare_for_create(object);
    }

    fn prepare_for_update(&self, object: &mut Value, old: &Value) {
        definition::default(object);
        status::prepare_for_update(object, old);
    }

    fn validate(&self, object: &Value, old: Option<&Value>) -> Vec<Cause> {
        let faults = validate::validate(object, old).into_iter();
        faults
            .map(|e| Cause { reason: e.reason.as_str().to_owned(), message: e.message, field: e.field })
            .collect()
    }
}
