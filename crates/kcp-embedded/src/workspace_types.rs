//! WorkspaceTypes as they stand in the store, for the rules of [`kcp_api::workspaces`].

mod admission; // rules of the objects themselves
mod controller; // URLs of the lifecycle endpoints

use apiserver::{GroupVersionResource, Partition, StoragePrefix, UserInfo, store::ObjectKey};
use kcp_api::{
    WorkspacePath,
    tenancy::v1alpha1::WorkspaceTypeReference,
    workspaces::{self, KnownType, TypeCatalog, TypeRefusal},
};
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

/// The stored types.
struct Stored<'a>(&'a Core);

impl TypeCatalog for Stored<'_> {
    fn workspace_type(&self, path: &WorkspacePath, name: &str) -> Option<KnownType> {
        let entry = self.0.tree.find(path.as_str())?;
        let key = ObjectKey::new(entry.name.clone(), "", name);
        let mut object = self.0.store().get(&prefix(self.0.tenancy_identity()), &key)?.value();
        let spec = serde_json::from_value(object["spec"].take());
        let spec = spec.inspect_err(|error| {
            tracing::warn!(cluster = entry.name.as_str(), object = name, %error, "a workspace type cannot be read");
        });
        Some(KnownType {
            path: entry.path.parse().ok()?,
            cluster: entry.name.as_str().parse().ok()?,
            name: name.to_owned(),
            spec: spec.ok()?,
        })
    }
}

/// Reads `{name, path?}`; `None` without a name.
pub fn reference(value: &Value) -> Option<WorkspaceTypeReference> {
    let text = |field: &str| value[field].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    Some(WorkspaceTypeReference { name: text("name")?, path: text("path") })
}

fn path_of(core: &Core, cluster: &Partition) -> Result<WorkspacePath, TypeRefusal> {
    core.tree
        .path_of(cluster)
        .parse()
        .map_err(|error: kcp_api::NameError| TypeRefusal::BadPath { why: error.to_string() })
}

/// Finds a type by reference; without a path in the given cluster.
pub fn find(
    core: &Core,
    reference: &WorkspaceTypeReference,
    home: &Partition,
) -> Result<KnownType, TypeRefusal> {
    core.feeds.catch_up();
    workspaces::find_type(&Stored(core), &path_of(core, home)?, reference)
}

/// The type a workspace below `parent` gets, see [`workspaces::resolve_type`].
pub fn choose(
    core: &Core,
    parent: &Partition,
    wanted: Option<&WorkspaceTypeReference>,
) -> Result<KnownType, TypeRefusal> {
    core.feeds.catch_up();
    let parent_type = match wanted {
        Some(_) => None,
        None => Some(of_cluster(core, parent)?),
    };
    workspaces::resolve_type(&Stored(core), &path_of(core, parent)?, parent_type.as_ref(), wanted)
}

/// The type of an existing cluster, by its annotation.
pub fn of_cluster(core: &Core, cluster: &Partition) -> Result<KnownType, TypeRefusal> {
    core.feeds.catch_up();
    let annotation = core.tree.cluster(cluster).map(|entry| entry.workspace_type.clone()).unwrap_or_default();
    let (path, name) = annotation
        .rsplit_once(':')
        .ok_or_else(|| TypeRefusal::NotFound { reference: annotation.to_string() })?;
    find(core, &WorkspaceTypeReference { name: name.to_owned(), path: Some(path.to_owned()) }, cluster)
}

/// The type and all it extends, transitively; the type itself first, each once.
pub fn with_extended(core: &Core, workspace_type: &KnownType) -> Result<Vec<KnownType>, TypeRefusal> {
    workspaces::aliases(&Stored(core), workspace_type)
}

/// The type of an existing cluster and all that it extends.
pub fn all_of_cluster(core: &Core, cluster: &Partition) -> Result<Vec<KnownType>, TypeRefusal> {
    with_extended(core, &of_cluster(core, cluster)?)
}

/// The first of the types on which the user lacks the verb `use`, asked in the types' clusters.
pub async fn not_usable<'a>(core: &Core, user: &UserInfo, types: &'a [KnownType]) -> Option<&'a KnownType> {
    for workspace_type in types {
        let action = ResourceAction {
            verb: "use".into(),
            group: TENANCY.into(),
            version: V1ALPHA1.into(),
            resource: "workspacetypes".into(),
            name: workspace_type.name.clone(),
            ..ResourceAction::default()
        };
        if !core.deep_allowed(user, &Partition::from(workspace_type.cluster.as_str()), action).await {
            return Some(workspace_type);
        }
    }
    None
}
