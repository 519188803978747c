//! WorkspaceTypes: which one a workspace gets, what it inherits, whom it admits as parent and child.

mod admission; // rules of the objects themselves
mod controller; // URLs of the lifecycle endpoints

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use apiserver::{GroupVersionResource, Partition, StoragePrefix, UserInfo, store::ObjectKey};
use serde_json::Value;

pub use admission::WorkspaceTypeAdmission;
pub(crate) use controller::{publish, start};

use crate::{authorization::ResourceAction, core::Core};

/// API group of workspaces and their types.
pub const TENANCY: &str = "tenancy.kcp.io";
/// Served version.
pub const V1ALPHA1: &str = "v1alpha1";

/// `workspacetypes.v1alpha1.tenancy.kcp.io`.
pub fn gvr() -> GroupVersionResource {
    GroupVersionResource::new(TENANCY, V1ALPHA1, "workspacetypes")
}

/// Where types are stored: under the identity of root's tenancy export.
pub fn prefix(tenancy_identity: &str) -> StoragePrefix {
    StoragePrefix::with_identity(TENANCY, "workspacetypes", tenancy_identity)
}

/// Why a type cannot be used. The text is what the caller reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TypeError {
    /// The type, or its path, is not there.
    #[error("workspace type cannot be resolved: workspacetypes.tenancy.kcp.io \"{0}\" not found")]
    NotFound(String),
    /// A type extends itself.
    #[error("circular reference detected in workspace type {0}")]
    Circular(String),
    /// Verb `use` is missing.
    #[error("unable to use workspace type {0}: missing verb='use' permission on workspacetype")]
    MayNotUse(String),
    /// Parent and child do not fit.
    #[error("{0}")]
    Limit(String),
}

/// A type that exists.
#[derive(Clone, Debug)]
pub struct WorkspaceType {
    /// Cluster the object stands in.
    pub cluster: Partition,
    /// Canonical path of that cluster.
    pub path: Arc<str>,
    /// Name of the object.
    pub name: String,
    /// The object.
    pub object: Arc<Value>,
}

impl WorkspaceType {
    /// `<path>:<name>`, as annotations and messages write it.
    pub fn display(&self) -> String {
        format!("{}:{}", self.path, self.name)
    }

    /// `<cluster>:<name>`: initializer and terminator name, and the key types are compared by.
    pub fn key(&self) -> String {
        format!("{}:{}", self.cluster, self.name)
    }

    fn spec(&self) -> &Value {
        &self.object["spec"]
    }
}

/// A reference to a type, `path` empty where it is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeReference {
    /// Path or cluster name.
    pub path: String,
    /// Name.
    pub name: String,
}

impl TypeReference {
    /// Reads `{name, path?}`; `None` without a name.
    pub fn read(value: &Value) -> Option<Self> {
        let name = value["name"].as_str().filter(|name| !name.is_empty())?;
        Some(Self { path: value["path"].as_str().unwrap_or_default().to_owned(), name: name.to_owned() })
    }

    /// Reads `<path>:<name>`.
    pub fn parse(text: &str) -> Option<Self> {
        let (path, name) = text.rsplit_once(':')?;
        Some(Self { path: path.to_owned(), name: name.to_owned() })
    }
}

/// Finds a type by reference; without a path in the given cluster.
pub fn find(core: &Core, reference: &TypeReference, home: &Partition) -> Result<WorkspaceType, TypeError> {
    core.feeds.catch_up();
    let missing = || TypeError::NotFound(reference.name.clone());
    let entry = match reference.path.as_str() {
        "" => core.tree.cluster(home),
        path => core.tree.find(path),
    };
    let entry = entry.ok_or_else(missing)?;
    let key = ObjectKey::new(entry.name.clone(), "", &reference.name);
    let object = core.store().get(&prefix(core.tenancy_identity()), &key).ok_or_else(missing)?.value();
    Ok(WorkspaceType {
        cluster: entry.name.clone(),
        path: entry.path.clone(),
        name: reference.name.clone(),
        object: Arc::new(object),
    })
}

/// The type a workspace below `parent` gets: the given one, searched upwards when it has no path, else the default
/// child type of the parent's own type.
pub fn choose(
    core: &Core,
    parent: &Partition,
    wanted: Option<TypeReference>,
) -> Result<WorkspaceType, TypeError> {
    core.feeds.catch_up();
    let wanted = match wanted {
        Some(wanted) => wanted,
        None => {
            let parent_type = of_cluster(core, parent)?;
            TypeReference::read(&parent_type.spec()["defaultChildWorkspaceType"])
                .unwrap_or(TypeReference { path: "root".into(), name: "universal".into() })
        }
    };
    if !wanted.path.is_empty() {
        return find(core, &wanted, parent);
    }
    let mut path = core.tree.path_of(parent).to_string();
    loop {
        let here = TypeReference { path: path.clone(), name: wanted.name.clone() };
        if let Ok(found) = find(core, &here, parent) {
            return Ok(found);
        }
        match path.rsplit_once(':') {
            Some((up, _)) => path = up.to_owned(),
            None => return Err(TypeError::NotFound(wanted.name)),
        }
    }
}

/// The type of an existing cluster, by its annotation.
pub fn of_cluster(core: &Core, cluster: &Partition) -> Result<WorkspaceType, TypeError> {
    core.feeds.catch_up();
    let annotation = core.tree.cluster(cluster).map(|entry| entry.workspace_type.clone()).unwrap_or_default();
    let reference =
        TypeReference::parse(&annotation).ok_or_else(|| TypeError::NotFound(annotation.to_string()))?;
    find(core, &reference, cluster)
}

/// The type and all it extends, transitively; the type itself first, each once.
pub fn with_extended(core: &Core, workspace_type: &WorkspaceType) -> Result<Vec<WorkspaceType>, TypeError> {
    let mut found = vec![workspace_type.clone()];
    let mut place = HashMap::from([(workspace_type.key(), 0)]);
    let mut edges: Vec<Vec<usize>> = Vec::new();
    while let Some(current) = found.get(edges.len()).cloned() {
        let references = current.spec()["extend"]["with"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut out = Vec::new();
        for reference in references.iter().filter_map(TypeReference::read) {
            let next = find(core, &reference, &current.cluster)?;
            let index = *place.entry(next.key()).or_insert_with(|| {
                found.push(next);
                found.len() - 1
            });
            out.push(index);
        }
        edges.push(out);
    }
    if has_cycle(&edges) {
        return Err(TypeError::Circular(workspace_type.display()));
    }
    Ok(found)
}

/// Whether a graph given by its outgoing edges has a cycle: nodes nobody points to are taken away until none is left.
fn has_cycle(edges: &[Vec<usize>]) -> bool {
    let mut incoming = vec![0usize; edges.len()];
    edges.iter().flatten().for_each(|to| incoming[*to] += 1);
    let mut free: Vec<usize> = (0..edges.len()).filter(|node| incoming[*node] == 0).collect();
    let mut taken = 0;
    while let Some(node) = free.pop() {
        taken += 1;
        for to in &edges[node] {
            incoming[*to] -= 1;
            if incoming[*to] == 0 {
                free.push(*to);
            }
        }
    }
    taken < edges.len()
}

/// Verb `use` on the type and everything it extends, asked in the types' clusters.
pub async fn may_use(core: &Core, user: &UserInfo, types: &[WorkspaceType]) -> Result<(), TypeError> {
    for workspace_type in types {
        let action = ResourceAction {
            verb: "use".into(),
            group: TENANCY.into(),
            version: V1ALPHA1.into(),
            resource: "workspacetypes".into(),
            name: workspace_type.name.clone(),
            ..ResourceAction::default()
        };
        if !core.deep_allowed(user, &workspace_type.cluster, action).await {
            return Err(TypeError::MayNotUse(workspace_type.display()));
        }
    }
    Ok(())
}

/// Whether a child of types `child` may stand below a parent of types `parent`; the type itself is first in each.
pub fn fits(core: &Core, parent: &[WorkspaceType], child: &[WorkspaceType]) -> Result<(), TypeError> {
    limit(core, child, parent, "limitAllowedParents", "parent")?;
    limit(core, parent, child, "limitAllowedChildren", "child")
}

fn limit(
    core: &Core,
    of: &[WorkspaceType],
    others: &[WorkspaceType],
    field: &str,
    role: &str,
) -> Result<(), TypeError> {
    let (Some(itself), Some(other)) = (of.first(), others.first()) else { return Ok(()) };
    let keys: HashSet<String> = others.iter().map(WorkspaceType::key).collect();
    for alias in of {
        let rule = &alias.spec()[field];
        if rule["none"] == true {
            let text = format!("workspace type {} cannot have any {role}", extended(itself, alias, " that"));
            return Err(TypeError::Limit(text));
        }
        let Some(allowed) = rule["types"].as_array().filter(|types| !types.is_empty()) else { continue };
        let allowed: Vec<TypeReference> = allowed.iter().filter_map(TypeReference::read).collect();
        let admitted = allowed.iter().any(|reference| {
            let cluster = if reference.path.is_empty() {
                Some(alias.cluster.clone())
            } else {
                core.tree.find(&reference.path).map(|entry| entry.name.clone())
            };
            cluster.is_some_and(|cluster| keys.contains(&format!("{cluster}:{}", reference.name)))
        });
        if !admitted {
            let plural = if role == "child" { "children" } else { "parent" };
            let listed: Vec<String> = allowed.iter().map(|r| format!("{}:{}", r.path, r.name)).collect();
            let implemented: Vec<String> = others.iter().map(WorkspaceType::display).collect();
            return Err(TypeError::Limit(format!(
                "workspace type {} only allows [{}] {plural} workspaces, but {role} type {} only implements [{}]",
                extended(itself, alias, ", which"),
                listed.join(" "),
                other.display(),
                implemented.join(" "),
            )));
        }
    }
    Ok(())
}

fn extended(itself: &WorkspaceType, alias: &WorkspaceType, joint: &str) -> String {
    if itself.key() == alias.key() {
        itself.display()
    } else {
        format!("{} extends {}{joint}", itself.display(), alias.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wsp_03_a_type_reached_twice_is_no_cycle_and_one_that_reaches_itself_is() {
        assert!(!has_cycle(&[vec![1, 2], vec![3], vec![3], vec![]]));
        assert!(has_cycle(&[vec![1], vec![2], vec![1]]));
        assert!(has_cycle(&[vec![0]]));
    }
}
