//! How a built-in resource is written down: one row, then what differs from the ordinary.

use std::sync::Arc;

use crate::names::GroupVersionKind;
use crate::resource::{Origin, PrinterColumn, ServedResource};
use crate::strategy::ResourceStrategy;

/// A built-in resource; `plural` names it, everything else is as for most.
pub(super) fn built_in(
    group: &str,
    version: &str,
    kind: &str,
    plural: &str,
    namespaced: bool,
    strategy: impl ResourceStrategy + 'static,
) -> ServedResource {
    ServedResource {
        origin: Origin::BuiltIn,
        strategy: Arc::new(strategy),
        ..ServedResource::new(GroupVersionKind::new(group, version, kind), plural, namespaced)
    }
}

/// A column read by path; an empty path is computed by the strategy.
pub(super) fn column(name: &str, kind: &str, path: &str) -> PrinterColumn {
    PrinterColumn {
        name: name.to_owned(),
        kind: kind.to_owned(),
        format: String::new(),
        description: String::new(),
        priority: 0,
        json_path: path.to_owned(),
    }
}

/// The column of the age.
pub(super) fn age() -> PrinterColumn {
    // Kubernetes prints ages of built-in kinds as text.
    column("Age", "string", "")
}

/// A column shown with `-o wide`.
pub(super) fn wide(name: &str, kind: &str, path: &str) -> PrinterColumn {
    PrinterColumn { priority: 1, ..column(name, kind, path) }
}

/// Owned texts.
pub(super) fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|t| (*t).to_owned()).collect()
}
