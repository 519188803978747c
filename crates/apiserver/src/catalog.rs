//! Which resources a partition serves: lookup for requests, a catalog for discovery and OpenAPI.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::ApiError;
use crate::names::compare_versions;
use crate::partition::Scope;
use crate::resource::ServedResource;

/// The API sets of all partitions. The host implements it: built-ins, CRDs, whatever else it serves.
pub trait ApiSets: Send + Sync {
    /// Finds a resource by the names in a URL. `identity` is the part after the colon in `<resource>:<identity>`.
    ///
    /// # Errors
    /// 404 where nobody serves it; 503 where it exists and cannot be served yet.
    fn lookup(
        &self,
        scope: &Scope,
        group: &str,
        version: &str,
        resource: &str,
        identity: Option<&str>,
    ) -> Result<Arc<ServedResource>, ApiError>;

    /// Everything served in the scope.
    fn catalog(&self, scope: &Scope) -> Arc<Catalog>;
}

/// All resources of a partition, grouped for discovery.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    groups: Vec<CatalogGroup>,
}

/// An API group with its versions, preferred one first.
#[derive(Clone, Debug)]
pub struct CatalogGroup {
    /// Group name; empty for the core group.
    pub name: String,
    /// Versions, preferred one first.
    pub versions: Vec<CatalogVersion>,
}

/// One version of a group.
#[derive(Clone, Debug)]
pub struct CatalogVersion {
    /// Version name.
    pub name: String,
    /// Resources by plural.
    pub resources: Vec<Arc<ServedResource>>,
}

impl Catalog {
    /// Groups resources. Groups keep the order of their first resource; versions are sorted by preference, resources by plural.
    /// A resource named twice in one version is taken once, the first.
    pub fn new(resources: impl IntoIterator<Item = Arc<ServedResource>>) -> Self {
        let mut order: Vec<String> = Vec::new();
        let mut by_group: BTreeMap<String, BTreeMap<String, BTreeMap<String, Arc<ServedResource>>>> =
            BTreeMap::new();
        for resource in resources {
            let group = resource.gvk.group.to_string();
            if !by_group.contains_key(&group) {
                order.push(group.clone());
            }
            by_group
                .entry(group)
                .or_default()
                .entry(resource.gvk.version.to_string())
                .or_default()
                .entry(resource.plural.to_string())
                .or_insert(resource);
        }
        let groups = order
            .into_iter()
            .filter_map(|name| {
                let versions = by_group.remove(&name)?;
                let mut versions: Vec<CatalogVersion> = versions
                    .into_iter()
                    .map(|(name, resources)| CatalogVersion {
                        name,
                        resources: resources.into_values().collect(),
                    })
                    .collect();
                versions.sort_by(|a, b| compare_versions(&a.name, &b.name));
                Some(CatalogGroup { name, versions })
            })
            .collect();
        Self { groups }
    }

    /// Groups in order.
    pub fn groups(&self) -> &[CatalogGroup] {
        &self.groups
    }

    /// A group by name.
    pub fn group(&self, name: &str) -> Option<&CatalogGroup> {
        self.groups.iter().find(|g| g.name == name)
    }

    /// A version of a group.
    pub fn version(&self, group: &str, version: &str) -> Option<&CatalogVersion> {
        self.group(group)?.versions.iter().find(|v| v.name == version)
    }

    /// A resource of a version.
    pub fn resource(&self, group: &str, version: &str, plural: &str) -> Option<&Arc<ServedResource>> {
        self.version(group, version)?.resources.iter().find(|r| &*r.plural == plural)
    }

    /// Every resource in every version.
    pub fn resources(&self) -> impl Iterator<Item = &Arc<ServedResource>> {
        self.groups.iter().flat_map(|g| &g.versions).flat_map(|v| &v.resources)
    }
}

/// One fixed catalog for every partition; enough for tests and for hosts without CRDs.
#[derive(Clone)]
pub struct FixedApis(pub Arc<Catalog>);

impl ApiSets for FixedApis {
    fn lookup(
        &self,
        _scope: &Scope,
        group: &str,
        version: &str,
        resource: &str,
        _identity: Option<&str>,
    ) -> Result<Arc<ServedResource>, ApiError> {
        self.0.resource(group, version, resource).cloned().ok_or_else(ApiError::no_such_resource)
    }

    fn catalog(&self, _scope: &Scope) -> Arc<Catalog> {
        self.0.clone()
    }
}
