//! The API sets of a host whose partitions have built-in resources and their own CustomResourceDefinitions.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::catalog::{ApiSets, Catalog};
use crate::crd;
use crate::error::ApiError;
use crate::partition::{Partition, Scope};
use crate::resource::{ServedResource, StoragePrefix};
use crate::store::{Range, Store, Stored};

/// A definition compiled: where it stands, at which revision, and what it serves.
struct Compiled {
    revision: u64,
    resources: Vec<Arc<ServedResource>>,
}

#[derive(Default)]
struct Cache {
    // By definition name; only the definitions of one partition.
    compiled: HashMap<String, Compiled>,
    catalog: Arc<Catalog>,
    revisions: Vec<u64>,
}

/// Built-in resources everywhere, established definitions where they are.
pub struct DefinedApis {
    store: Store,
    built_ins: Vec<Arc<ServedResource>>,
    everywhere: Arc<Catalog>,
    caches: Mutex<HashMap<Partition, Cache>>,
}

impl DefinedApis {
    /// Serves the built-ins and whatever definitions the store holds.
    pub fn new(store: Store, built_ins: Vec<Arc<ServedResource>>) -> Self {
        let everywhere = Arc::new(Catalog::new(built_ins.clone()));
        Self { store, built_ins, everywhere, caches: Mutex::default() }
    }

    fn catalog_of(&self, partition: &Partition) -> Arc<Catalog> {
        let prefix = StoragePrefix::new("apiextensions.k8s.io", "customresourcedefinitions");
        let definitions = self.store.list_all(&prefix, &Range::scope(Scope::One(partition.clone()))).items;
        if definitions.is_empty() {
            self.caches.lock().remove(partition);
            return self.everywhere.clone();
        }
        let revisions: Vec<u64> = definitions.iter().map(|d| d.revision).collect();
        let mut caches = self.caches.lock();
        let cache = caches.entry(partition.clone()).or_default();
        if cache.revisions != revisions {
            cache.compiled.retain(|name, _| definitions.iter().any(|d| d.key.name() == name));
            for stored in &definitions {
                let fresh =
                    cache.compiled.get(stored.key.name()).is_some_and(|c| c.revision == stored.revision);
                if !fresh {
                    let compiled = Compiled { revision: stored.revision, resources: compile(stored) };
                    cache.compiled.insert(stored.key.name().to_owned(), compiled);
                }
            }
            let mut own: Vec<&Compiled> = cache.compiled.values().collect();
            own.sort_by_key(|c| c.resources.first().map(|r| r.gvk.group.clone()));
            let own = own.into_iter().flat_map(|c| c.resources.iter().cloned());
            cache.catalog = Arc::new(Catalog::new(self.built_ins.iter().cloned().chain(own)));
            cache.revisions = revisions;
        }
        cache.catalog.clone()
    }
}

fn compile(stored: &Stored) -> Vec<Arc<ServedResource>> {
    let definition = stored.value();
    if crd::condition_status(&definition, "Established") != Some("True") {
        return Vec::new();
    }
    let text = |path: &str| definition.pointer(path).and_then(serde_json::Value::as_str).unwrap_or_default();
    let prefix = StoragePrefix::new(text("/spec/group"), text("/spec/names/plural"));
    match crd::served_resources(&definition, &prefix) {
        Ok(resources) => resources.into_iter().map(Arc::new).collect(),
        Err(faults) => {
            let faults: Vec<String> = faults.iter().map(|f| format!("{}: {}", f.field, f.message)).collect();
            tracing::error!(
                object = stored.key.name(),
                error = faults.join("; "),
                "definition is not served"
            );
            Vec::new()
        }
    }
}

impl ApiSets for DefinedApis {
    fn lookup(
        &self,
        scope: &Scope,
        group: &str,
        version: &str,
        resource: &str,
        identity: Option<&str>,
    ) -> Result<Arc<ServedResource>, ApiError> {
        if identity.is_some() {
            return Err(ApiError::no_such_resource());
        }
        if let Some(found) = self.everywhere.resource(group, version, resource) {
            return Ok(found.clone());
        }
        self.catalog(scope).resource(group, version, resource).cloned().ok_or_else(ApiError::no_such_resource)
    }

    fn catalog(&self, scope: &Scope) -> Arc<Catalog> {
        match scope {
            Scope::One(partition) => self.catalog_of(partition),
            Scope::All => self.everywhere.clone(),
        }
    }
}
