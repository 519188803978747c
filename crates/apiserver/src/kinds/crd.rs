//! CustomResourceDefinitions as objects. Their rules are in `crate::crd`.

use super::row::{built_in, column, texts};
use crate::crd::DefinitionStrategy;
use crate::resource::{ServedResource, Subresources};

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
            DefinitionStrategy,
        )
    }
}
