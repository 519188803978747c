//! CustomResourceDefinitions as objects.

use serde_json::{Map, Value, json};

use super::row::{built_in, column, texts};
use crate::crd;
use crate::error::Cause;
use crate::object;
use crate::resource::{ServedResource, Subresources};
use crate::strategy::ResourceStrategy;

/// The finalizer under which the objects of a deleted definition are removed.
pub const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

pub(super) fn resource() -> ServedResource {
    ServedResource {
        short_names: texts(&["crd", "crds"]),
        categories: texts(&["api-extensions"]),
        subresources: Subresources { status: true, ..Subresources::default() },
        columns: vec![column("Created At", "date", ".metadata.creationTimestamp")],
        ..built_in(
            "apiextensions.k8s.io",
            "v1",
            "CustomResourceDefinition",
            "customresourcedefinitions",
            false,
            Definitions,
        )
    }
}

struct Definitions;

impl ResourceStrategy for Definitions {
    fn drops_status_on_create(&self) -> bool {
        false
    }

    fn default(&self, object: &mut Value) {
        crd::default(object);
    }

    fn prepare_for_create(&self, object: &mut Value) {
        crd::prepare_for_create(object);
    }

    fn prepare_for_update(&self, object: &mut Value, old: &Value) {
        // Only a changed definition can bring a new storage version; a write of the status keeps what it wrote.
        if object.get("spec") != old.get("spec") {
            crd::prepare_for_update(object, old);
        }
    }

    fn validate(&self, object: &Value, old: Option<&Value>) -> Vec<Cause> {
        if old.is_some_and(|old| old.get("spec") == object.get("spec")) {
            return Vec::new();
        }
        crd::validate(object, old)
            .into_iter()
            .map(|e| Cause { reason: e.reason.as_str().to_owned(), message: e.message, field: e.field })
            .collect()
    }

    fn cell(&self, object: &Value, column: &str) -> Option<Value> {
        // Kubernetes prints the moment, not the age, although it calls the column a date.
        (column == "Created At").then(|| {
            object.pointer("/metadata/creationTimestamp").cloned().unwrap_or_else(|| "<unknown>".into())
        })
    }

    fn begin_delete(&self, object: &mut Value) {
        let mut finalizers: Vec<String> = object::finalizers(object).into_iter().map(str::to_owned).collect();
        if !finalizers.iter().any(|f| f == CLEANUP) {
            finalizers.push(CLEANUP.to_owned());
            object::set_finalizers(object, &finalizers);
        }
        let now = object::metadata(object).and_then(|m| m.get("deletionTimestamp")).cloned();
        let condition = json!({
            "type": "Terminating", "status": "True", "reason": "InstanceDeletionPending",
            "message": "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
            "lastTransitionTime": now,
        });
        let Some(map) = object.as_object_mut() else { return };
        let status = map.entry("status").or_insert_with(|| Value::Object(Map::new()));
        let Some(status) = status.as_object_mut() else { return };
        let list = status.entry("conditions").or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.retain(|c| c.get("type").and_then(Value::as_str) != Some("Terminating"));
            list.push(condition);
        }
    }
}
