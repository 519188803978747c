//! What users may not write, in kcp's words.

use super::KnownType;
use crate::tenancy::v1alpha1::{WorkspaceTypeReference, WorkspaceTypeSelector, WorkspaceTypeSpec};

/// Refusal of a workspace whose creator lacks the verb `use` on its type or on one that the type extends.
pub fn type_use_refusal(type_: &KnownType) -> String {
    format!("unable to use workspace type {type_}: missing verb='use' permission on workspacetype")
}

/// Refusal of a WorkspaceType whose creator lacks the verb `bind` on a default binding.
pub fn type_binding_refusal(path: &str, export: &str) -> String {
    format!("unable to create or update WorkspaceType: no permission to bind to export {path}:{export}")
}

/// Refusal of an APIBinding whose creator lacks the verb `bind`; also where export or path do not exist.
pub fn binding_refusal(is_update: bool, path: &str, export: &str) -> String {
    let verb = if is_update { "update" } else { "create" };
    format!("unable to {verb} APIBinding: no permission to bind to export {path}:{export}")
}

/// Whether a name is reserved among WorkspaceTypes; kcp's words are `name is reserved`.
pub fn reserved_type_name(name: &str) -> bool {
    matches!(name, "any" | "system")
}

/// Checks that references in a WorkspaceType say where the type is; one refusal per reference that does not.
pub fn check_workspace_type(spec: &WorkspaceTypeSpec) -> Vec<String> {
    let lacks_path =
        |reference: &WorkspaceTypeReference| reference.path.as_deref().unwrap_or_default().is_empty();
    let mut refusals = Vec::new();
    if spec.default_child_workspace_type.as_ref().is_some_and(lacks_path) {
        refusals.push(".spec.defaultChildWorkspaceType.path must be set".to_owned());
    }
    let limits = [
        ("limitAllowedChildren", &spec.limit_allowed_children),
        ("limitAllowedParents", &spec.limit_allowed_parents),
    ];
    for (field, limit) in limits {
        let types = limit.as_ref().map(|limit: &WorkspaceTypeSelector| limit.types.as_slice());
        for (index, reference) in types.unwrap_or_default().iter().enumerate() {
            if lacks_path(reference) {
                refusals.push(format!(".spec.{field}.types[{index}].path must be set"));
            }
        }
    }
    refusals
}
