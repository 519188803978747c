//! From a reference to a WorkspaceType, and from a type to all that it extends.

use std::fmt;

use crate::tenancy::v1alpha1::{WorkspaceTypeReference, WorkspaceTypeSpec};
use crate::{ClusterName, WorkspacePath};

/// A WorkspaceType that exists.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownType {
    /// Canonical path of the workspace that holds the type.
    pub path: WorkspacePath,
    /// Logical cluster of that workspace.
    pub cluster: ClusterName,
    /// Name of the type.
    pub name: String,
    /// Its spec.
    pub spec: WorkspaceTypeSpec,
}

impl KnownType {
    /// The type as a Workspace refers to it.
    pub fn reference(&self) -> WorkspaceTypeReference {
        WorkspaceTypeReference { name: self.name.clone(), path: Some(self.path.to_string()) }
    }

    /// Whether both are the same type.
    pub fn is(&self, other: &KnownType) -> bool {
        self.path == other.path && self.name == other.name
    }
}

/// `<path>:<name>`, as kcp prints types and annotates logical clusters.
impl fmt::Display for KnownType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path, self.name)
    }
}

/// Where WorkspaceTypes are looked up.
pub trait TypeCatalog {
    /// The type of a name in the workspace of a path; the path may also be a cluster name.
    fn workspace_type(&self, path: &WorkspacePath, name: &str) -> Option<KnownType>;
}

impl<F: Fn(&WorkspacePath, &str) -> Option<KnownType>> TypeCatalog for F {
    fn workspace_type(&self, path: &WorkspacePath, name: &str) -> Option<KnownType> {
        self(path, name)
    }
}

/// Why a type cannot be used. kcp answers 403 with the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TypeRefusal {
    /// No such type.
    #[error("workspace type cannot be resolved: workspacetypes.tenancy.kcp.io \"{reference}\" not found")]
    NotFound {
        /// `<path>:<name>`.
        reference: String,
    },
    /// No workspace on the way up has such a type.
    #[error(
        "workspace type cannot be resolved: workspacetypes.tenancy.kcp.io \"{name}\" not found in {from} or above it"
    )]
    NotFoundAbove {
        /// Name of the type.
        name: String,
        /// Path of the workspace where the search began.
        from: String,
    },
    /// The reference has a path that is none.
    #[error("workspace type cannot be resolved: {why}")]
    BadPath {
        /// What is wrong with it.
        why: String,
    },
    /// Types that extend each other in a circle.
    #[error("circular reference detected in workspace type {type_}: {circle}")]
    Circle {
        /// The type that was asked for.
        type_: String,
        /// The circle, type by type.
        circle: String,
    },
}

/// The type that a new workspace gets.
///
/// Without a wanted type it is the default child type of the parent's type, `root:universal` where there is none.
/// A wanted type without a path is searched in the parent workspace, then in each workspace above it, and in root
/// at last, also for a parent that stands outside the tree.
///
/// # Errors
/// The type must exist.
pub fn resolve_type(
    types: &impl TypeCatalog,
    parent: &WorkspacePath,
    parent_type: Option<&KnownType>,
    wanted: Option<&WorkspaceTypeReference>,
) -> Result<KnownType, TypeRefusal> {
    let universal;
    let wanted = match wanted.filter(|wanted| !wanted.name.is_empty()) {
        Some(wanted) => wanted,
        None => match parent_type.and_then(|parent| parent.spec.default_child_workspace_type.as_ref()) {
            Some(default) => default,
            None => {
                universal =
                    WorkspaceTypeReference { name: "universal".to_owned(), path: Some("root".to_owned()) };
                &universal
            }
        },
    };
    match wanted.path.as_deref().filter(|path| !path.is_empty()) {
        Some(path) => lookup(types, path, &wanted.name),
        None => std::iter::once(parent.clone())
            .chain(parent.ancestors())
            .chain([WorkspacePath::root()])
            .find_map(|path| types.workspace_type(&path, &wanted.name))
            .ok_or_else(|| TypeRefusal::NotFoundAbove {
                name: wanted.name.clone(),
                from: parent.to_string(),
            }),
    }
}

/// The type that a reference names; without a path it is one of the given workspace.
///
/// # Errors
/// The type must exist.
pub fn find_type(
    types: &impl TypeCatalog,
    home: &WorkspacePath,
    reference: &WorkspaceTypeReference,
) -> Result<KnownType, TypeRefusal> {
    match reference.path.as_deref().filter(|path| !path.is_empty()) {
        Some(path) => lookup(types, path, &reference.name),
        None => lookup(types, home.as_str(), &reference.name),
    }
}

fn lookup(types: &impl TypeCatalog, path: &str, name: &str) -> Result<KnownType, TypeRefusal> {
    let at: WorkspacePath =
        path.parse().map_err(|error: crate::NameError| TypeRefusal::BadPath { why: error.to_string() })?;
    types
        .workspace_type(&at, name)
        .ok_or_else(|| TypeRefusal::NotFound { reference: format!("{path}:{name}") })
}

/// The type itself and every type that it extends, each once, the type first.
///
/// # Errors
/// Every extended type must exist, and none may extend itself, however many types lie between.
pub fn aliases(types: &impl TypeCatalog, of: &KnownType) -> Result<Vec<KnownType>, TypeRefusal> {
    /// A type on the way down, and the next of its extensions.
    struct Step {
        known: KnownType,
        next: usize,
    }
    let mut found = vec![of.clone()];
    let mut way = vec![Step { known: of.clone(), next: 0 }];
    while let Some(step) = way.last_mut() {
        let extensions = step.known.spec.extend.as_ref().map(|extend| extend.with.as_slice());
        let Some(reference) = extensions.unwrap_or_default().get(step.next) else {
            way.pop();
            continue;
        };
        step.next += 1;
        let next = find_type(types, &step.known.path, reference)?;
        if let Some(start) = way.iter().position(|step| step.known.is(&next)) {
            let names = way[start..].iter().map(|step| step.known.to_string());
            let circle = names.chain([next.to_string()]).collect::<Vec<_>>().join(" -> ");
            return Err(TypeRefusal::Circle { type_: of.to_string(), circle });
        }
        if !found.iter().any(|known| known.is(&next)) {
            found.push(next.clone());
            way.push(Step { known: next, next: 0 });
        }
    }
    Ok(found)
}
