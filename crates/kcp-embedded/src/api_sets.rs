//! Which resources a cluster serves: built-ins, system CRDs, then what it bound, then its own CRDs.

mod bound; // what bindings bring: the seam to exports
mod local_crds; // CustomResourceDefinitions of the cluster itself

use std::{
    collections::HashMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use apiserver::{ApiError, ApiSets, Catalog, Partition, Scope, ServedResource};
use parking_lot::Mutex;

pub use bound::{BoundResources, NothingBound};
pub use local_crds::LocalCrds;

use crate::{
    authorization::{BoundPolicies, BoundPolicy},
    feeds::Feeds,
};

/// Catalogs kept at once; a catalog is built in microseconds and shared by the requests of a discovery burst.
const CATALOGS_MAX: usize = 64;

/// Group, version and plural.
type Name = (Arc<str>, Arc<str>, Arc<str>);

/// The API sets of all clusters.
pub struct KcpApis {
    everywhere: Vec<Arc<ServedResource>>,
    by_name: HashMap<Name, Arc<ServedResource>>,
    crds: Arc<LocalCrds>,
    bound: OnceLock<Arc<dyn BoundResources>>,
    feeds: Arc<Feeds>,
    catalogs: Mutex<(u64, HashMap<Scope, Arc<Catalog>>)>,
    generation: Arc<AtomicU64>,
}

impl KcpApis {
    /// API sets over `everywhere`, what every cluster serves: built-ins and system CRDs, the former first.
    pub fn new(everywhere: Vec<Arc<ServedResource>>, feeds: Arc<Feeds>) -> Self {
        let by_name = everywhere
            .iter()
            .map(|r| ((r.gvk.group.clone(), r.gvk.version.clone(), r.plural.clone()), r.clone()))
            .collect();
        let generation = Arc::new(AtomicU64::new(1));
        let crds = Arc::new(LocalCrds::new(generation.clone()));
        crds.follow(&feeds);
        Self {
            everywhere,
            by_name,
            crds,
            bound: OnceLock::new(),
            feeds,
            catalogs: Mutex::default(),
            generation,
        }
    }

    /// Connects what bindings bring. The first call counts.
    pub fn connect_bound(&self, bound: Arc<dyn BoundResources>) {
        let _ = self.bound.set(bound);
    }

    /// Must be called when the set of bound resources of any cluster changed.
    pub fn changed(&self) {
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// A counter that [`KcpApis::changed`] moves, for sinks that cannot hold the sets.
    pub fn generation(&self) -> Arc<AtomicU64> {
        self.generation.clone()
    }

    /// The cluster's own CRDs.
    pub fn local_crds(&self) -> &Arc<LocalCrds> {
        &self.crds
    }

    /// Built-ins and system CRDs.
    pub fn everywhere(&self) -> &[Arc<ServedResource>] {
        &self.everywhere
    }

    /// Whether every cluster serves this resource.
    pub fn is_everywhere(&self, group: &str, resource: &str) -> bool {
        self.everywhere.iter().any(|r| &*r.gvk.group == group && &*r.plural == resource)
    }

    fn bound(&self) -> Option<&Arc<dyn BoundResources>> {
        self.bound.get()
    }

    fn in_cluster(
        &self,
        cluster: &Partition,
        group: &str,
        version: &str,
        resource: &str,
    ) -> Result<Arc<ServedResource>, ApiError> {
        if let Some(bound) = self.bound()
            && let Some(found) = bound.lookup(cluster, group, version, resource)
        {
            return found;
        }
        self.crds.lookup(cluster, group, version, resource).ok_or_else(ApiError::no_such_resource)
    }

    fn build(&self, scope: &Scope) -> Catalog {
        let mut resources = self.everywhere.clone();
        if let Scope::One(cluster) = scope {
            if let Some(bound) = self.bound() {
                resources.extend(bound.served(cluster));
            }
            resources.extend(self.crds.served(cluster));
        }
        Catalog::new(resources)
    }
}

impl ApiSets for KcpApis {
    fn lookup(
        &self,
        scope: &Scope,
        group: &str,
        version: &str,
        resource: &str,
        identity: Option<&str>,
    ) -> Result<Arc<ServedResource>, ApiError> {
        self.feeds.catch_up();
        let key = (Arc::from(group), Arc::from(version), Arc::from(resource));
        if identity.is_none()
            && let Some(found) = self.by_name.get(&key)
        {
            return Ok(found.clone());
        }
        match (scope, identity) {
            (Scope::One(cluster), None) => self.in_cluster(cluster, group, version, resource),
            (Scope::One(cluster), Some(identity)) => {
                let found = self.in_cluster(cluster, group, version, resource)?;
                let same = found.storage.identity.as_deref() == Some(identity);
                if same { Ok(found) } else { Err(ApiError::no_such_resource()) }
            }
            (Scope::All, Some(identity)) => self
                .bound()
                .and_then(|bound| bound.by_identity(group, version, resource, identity))
                .ok_or_else(ApiError::no_such_resource),
            (Scope::All, None) => Err(ApiError::no_such_resource()),
        }
    }

    fn catalog(&self, scope: &Scope) -> Arc<Catalog> {
        self.feeds.catch_up();
        let generation = self.generation.load(Ordering::Acquire);
        let mut cache = self.catalogs.lock();
        if cache.0 != generation || cache.1.len() >= CATALOGS_MAX {
            *cache = (generation, HashMap::new());
        }
        cache.1.entry(scope.clone()).or_insert_with(|| Arc::new(self.build(scope))).clone()
    }
}

impl BoundPolicies for KcpApis {
    fn policy(&self, cluster: &Partition, group: &str, resource: &str) -> BoundPolicy {
        self.bound().map_or(BoundPolicy::Unlimited, |bound| bound.policy(cluster, group, resource))
    }
}
