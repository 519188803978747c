//! What clusters serve because they bound it: exports, schemas and bindings put together.

use std::{collections::HashMap, sync::Arc};

use apiserver::{ApiError, Partition, ServedResource, Verb, store::ObjectKey};
use parking_lot::RwLock;
use serde_json::Value;

use crate::{
    api_sets::BoundResources,
    authorization::BoundPolicy,
    bindings::Bindings,
    exports::Exports,
    feeds::{Feeds, Sink},
    kinds,
    schemas::Schemas,
    tree::Tree,
};

/// The indexes behind bound resources. Fed by the store; all questions are look-ups.
pub struct Bound {
    /// APIExports.
    pub exports: Arc<Exports>,
    /// APIResourceSchemas.
    pub schemas: Arc<Schemas>,
    /// APIBindings.
    pub bindings: Arc<Bindings>,
    /// APIExportEndpointSlices by the export they speak of.
    pub slices: Arc<Slices>,
    tree: Arc<Tree>,
}

impl Bound {
    /// Indexes that follow `feeds`. `changed` is called when the resources of any cluster may have changed.
    pub fn new(tree: Arc<Tree>, feeds: &Feeds, changed: impl Fn() + Send + Sync + 'static) -> Self {
        let bound = Self {
            exports: Arc::default(),
            schemas: Arc::default(),
            bindings: Arc::default(),
            slices: Arc::new(Slices { by_key: RwLock::default(), tree: tree.clone() }),
            tree,
        };
        let changed: Arc<dyn Fn() + Send + Sync> = Arc::new(changed);
        let telling = |sink: Arc<dyn Sink>| Arc::new(Telling { sink, changed: changed.clone() });
        feeds.add(kinds::api_exports(), telling(bound.exports.clone()));
        feeds.add(kinds::api_resource_schemas(), telling(bound.schemas.clone()));
        feeds.add(kinds::api_bindings(), telling(bound.bindings.clone()));
        feeds.add(kinds::api_export_endpoint_slices(), bound.slices.clone());
        bound
    }

    /// The export that a reference `{path, name}` in `cluster` means; an empty path is the own cluster.
    pub fn resolve_export(
        &self,
        cluster: &Partition,
        reference: &Value,
    ) -> Option<Arc<crate::exports::ExportEntry>> {
        let path = reference["path"].as_str().unwrap_or_default();
        let name = reference["name"].as_str()?;
        let home = if path.is_empty() { cluster.clone() } else { self.tree.find(path)?.name.clone() };
        self.exports.find(&home, name)
    }

    fn served(
        &self,
        uid: &str,
        identity: &str,
        deleting: bool,
    ) -> Result<Vec<Arc<ServedResource>>, ApiError> {
        let all = self.schemas.served(uid, identity)?;
        if !deleting {
            return Ok(all.to_vec());
        }
        // While its binding goes away, nothing new may be made of it.
        let closing = all.iter().map(|resource| {
            let mut resource = ServedResource::clone(resource);
            resource.verbs.retain(|verb| *verb != Verb::Create);
            Arc::new(resource)
        });
        Ok(closing.collect())
    }
}

impl BoundResources for Bound {
    fn lookup(
        &self,
        cluster: &Partition,
        group: &str,
        version: &str,
        resource: &str,
    ) -> Option<Result<Arc<ServedResource>, ApiError>> {
        let (binding, bound) = self.bindings.resource(cluster, group, resource)?;
        match self.served(&bound.schema_uid, &bound.identity, binding.deleting) {
            Ok(versions) => versions.into_iter().find(|r| &*r.gvk.version == version).map(Ok),
            Err(error) => Some(Err(error)),
        }
    }

    fn by_identity(
        &self,
        group: &str,
        version: &str,
        resource: &str,
        identity: &str,
    ) -> Option<Arc<ServedResource>> {
        // Exports first: their schema is the newest. Bindings cover schemas that no export names any more.
        let exported = self.exports.of_identity(identity).into_iter().find_map(|export| {
            let offered = export.resources.iter().find(|r| r.group == group && r.name == resource)?;
            Some(self.schemas.find(export.cluster(), &offered.schema)?.uid.clone())
        });
        let uids = exported.into_iter().chain(self.bindings.uids_of_identity(identity, group, resource));
        uids.filter_map(|uid| self.schemas.served(&uid, identity).ok())
            .find_map(|versions| versions.iter().find(|r| &*r.gvk.version == version).cloned())
    }

    fn served(&self, cluster: &Partition) -> Vec<Arc<ServedResource>> {
        let bindings = self.bindings.of_cluster(cluster);
        let bound = bindings.iter().flat_map(|binding| binding.bound.iter().map(|b| (binding.deleting, b)));
        bound
            .filter_map(|(deleting, b)| Bound::served(self, &b.schema_uid, &b.identity, deleting).ok())
            .flatten()
            .collect()
    }

    fn policy(&self, cluster: &Partition, group: &str, resource: &str) -> BoundPolicy {
        let Some((binding, _)) = self.bindings.resource(cluster, group, resource) else {
            return BoundPolicy::Unlimited;
        };
        match binding.export().and_then(|key| self.exports.get(&key)) {
            Some(export) if export.has_local_policy => BoundPolicy::Local(export.cluster().clone()),
            _ => BoundPolicy::Unlimited,
        }
    }

    fn provider(&self, cluster: &Partition, group: &str, resource: &str) -> Option<Partition> {
        self.bindings
            .resource(cluster, group, resource)
            .and_then(|(binding, _)| binding.export_cluster.clone())
    }
}

/// A sink that says when something changed.
struct Telling {
    sink: Arc<dyn Sink>,
    changed: Arc<dyn Fn() + Send + Sync>,
}

impl Sink for Telling {
    fn upsert(&self, key: &ObjectKey, object: &Value) {
        self.sink.upsert(key, object);
        (self.changed)();
    }

    fn remove(&self, key: &ObjectKey) {
        self.sink.remove(key);
        (self.changed)();
    }

    fn clear(&self) {
        self.sink.clear();
        (self.changed)();
    }
}

/// Endpoint slices and the exports they refer to.
pub struct Slices {
    by_key: RwLock<HashMap<ObjectKey, (String, String)>>,
    tree: Arc<Tree>,
}

impl Slices {
    /// Slices that speak of an export.
    pub fn of_export(&self, export: &ObjectKey) -> Vec<ObjectKey> {
        let fits = |key: &ObjectKey, (path, name): &(String, String)| {
            name == export.name()
                && if path.is_empty() {
                    key.partition() == export.partition()
                } else {
                    self.tree.find(path).is_some_and(|c| c.name == *export.partition())
                }
        };
        self.by_key
            .read()
            .iter()
            .filter(|(key, reference)| fits(key, reference))
            .map(|(key, _)| key.clone())
            .collect()
    }
}

impl Sink for Slices {
    fn upsert(&self, key: &ObjectKey, object: &Value) {
        let export = &object["spec"]["export"];
        let text = |field: &str| export[field].as_str().unwrap_or_default().to_owned();
        self.by_key.write().insert(key.clone(), (text("path"), text("name")));
    }

    fn remove(&self, key: &ObjectKey) {
        self.by_key.write().remove(key);
    }

    fn clear(&self) {
        self.by_key.write().clear();
    }
}
