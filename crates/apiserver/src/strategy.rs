//! The rules of one resource, as the registry strategies of Kubernetes have them: names, what create and update may set, validation.

use serde_json::Value;

use crate::error::Cause;
use crate::name_rules;

/// Hooks around writes of one resource. All are pure; anything that needs the store is admission or a controller.
pub trait ResourceStrategy: Send + Sync {
    /// Why a name is not allowed, or `None`. Default: DNS-1123 subdomain.
    fn name_fault(&self, name: &str) -> Option<String> {
        name_rules::subdomain_fault(name)
    }

    /// Fills defaults and drops what a creator may not set. Runs after decoding, before admission.
    fn default(&self, _object: &mut Value) {}

    /// Called right before a create is validated (after mutating admission).
    fn prepare_for_create(&self, _object: &mut Value) {}

    /// Called right before an update is validated (after mutating admission).
    fn prepare_for_update(&self, _object: &mut Value, _old: &Value) {}

    /// Faults of an object; `old` is given on updates.
    fn validate(&self, _object: &Value, _old: Option<&Value>) -> Vec<Cause> {
        Vec::new()
    }

    /// Whether an update may come without resourceVersion. Default: no (custom resources); built-ins say yes.
    fn allows_unconditional_update(&self) -> bool {
        false
    }

    /// Whether an update of a missing object creates it.
    fn allows_create_on_update(&self) -> bool {
        false
    }

    /// Whether `generation` counts changes. Custom resources always do; built-ins such as ConfigMap do not.
    fn counts_generation(&self) -> bool {
        true
    }

    /// Whether an object that is marked for deletion, and whose metadata finalizers are gone, may vanish.
    fn may_vanish(&self, _object: &Value) -> bool {
        true
    }

    /// Called when deletion begins (deletionTimestamp just set), for example to set a phase.
    fn begin_delete(&self, _object: &mut Value) {}

    /// The text that a field selector compares for a field that is not a plain JSON path; `None` to read the path.
    fn field_value(&self, _object: &Value, _field: &str) -> Option<String> {
        None
    }

    /// The cell of a printed column that is not a plain JSON path; `None` to read the path of the column.
    fn cell(&self, _object: &Value, _column: &str) -> Option<Value> {
        None
    }

    /// Whether a create drops the status where it is a subresource. Namespaces set their own.
    fn drops_status_on_create(&self) -> bool {
        true
    }

    /// Whether a final delete answers with the object instead of a `Status`.
    fn returns_deleted_object(&self) -> bool {
        false
    }
}

/// The strategy of custom resources: nothing beyond the schema.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain;

impl ResourceStrategy for Plain {}
