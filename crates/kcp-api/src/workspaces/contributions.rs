//! What a workspace gets from its type and from every type that this one extends.

use std::collections::{BTreeMap, BTreeSet};

use super::KnownType;
use crate::InitializerName;
use crate::tenancy::v1alpha1::ApiBindingLifecycleMode;

/// An export that a new workspace binds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultBinding {
    /// Workspace path or cluster name of the export.
    pub path: String,
    /// Name of the APIExport.
    pub export: String,
    /// Whether the binding follows later changes of its export.
    pub lifecycle: ApiBindingLifecycleMode,
}

/// Initializers of a new logical cluster, sorted, `system:apibindings` last where a type has default bindings.
pub fn initializers(aliases: &[KnownType]) -> Vec<InitializerName> {
    let mut names = named(aliases, |known| known.spec.initializer);
    if aliases.iter().any(|known| !known.spec.default_api_bindings.is_empty()) {
        names.push(InitializerName::api_bindings());
    }
    names
}

/// Terminators of a new logical cluster, sorted.
pub fn terminators(aliases: &[KnownType]) -> Vec<InitializerName> {
    named(aliases, |known| known.spec.terminator)
}

fn named(aliases: &[KnownType], contributes: impl Fn(&KnownType) -> bool) -> Vec<InitializerName> {
    let names: BTreeSet<InitializerName> = aliases
        .iter()
        .filter(|known| contributes(known))
        .filter_map(|known| InitializerName::of_type(&known.cluster, &known.name).ok())
        .collect();
    names.into_iter().collect()
}

/// Exports to bind, each once, in the order of the types. An export is maintained where any type wants it so.
pub fn default_bindings(aliases: &[KnownType]) -> Vec<DefaultBinding> {
    let mut bindings: Vec<DefaultBinding> = Vec::new();
    for known in aliases {
        let lifecycle = known.spec.default_api_binding_lifecycle.clone().unwrap_or_default();
        for export in &known.spec.default_api_bindings {
            let path = export.path.clone().filter(|path| !path.is_empty());
            let path = path.unwrap_or_else(|| known.path.to_string());
            match bindings.iter_mut().find(|row| row.path == path && row.export == export.export) {
                Some(row) if lifecycle == ApiBindingLifecycleMode::Maintain => {
                    row.lifecycle = lifecycle.clone()
                }
                Some(_) => {}
                None => bindings.push(DefaultBinding {
                    path,
                    export: export.export.clone(),
                    lifecycle: lifecycle.clone(),
                }),
            }
        }
    }
    bindings
}

/// Labels of the type that a workspace does not have yet; labels that it has stay as they are.
pub fn label_additions(type_: &KnownType, labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let wanted = type_.spec.additional_workspace_labels.iter();
    wanted
        .filter(|(key, _)| !labels.contains_key(*key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}
