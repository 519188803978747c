//! CustomResourceDefinitions as objects. What they mean is another module's matter.

use serde_json::Value;

use super::row::{built_in, column, texts};
use crate::error::Cause;
use crate::resource::{ServedResource, Subresources};
use crate::strategy::ResourceStrategy;

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
    fn allows_unconditional_update(&self) -> bool {
        false
    }

    fn default(&self, _object: &mut Value) {}

    fn validate(&self, _object: &Value, _old: Option<&Value>) -> Vec<Cause> {
        Vec::new()
    }
}
