//! Deletes what a logical cluster holds, in the order that lets everything finish: objects, then bindings, then RBAC.

use std::collections::{BTreeMap, HashSet};

use apiserver::{
    ApiError, ApiSets, Local, Partition, Scope, ServedResource, StoragePrefix, Verb, local::DeleteParams,
    store::Range,
};
use serde_json::Value;

use crate::{
    core::Core,
    logical_clusters,
    records::{self, strings},
};

const RBAC: &str = "rbac.authorization.k8s.io";

/// What is still there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remaining {
    /// Objects by `resource.group`.
    pub(crate) resources: BTreeMap<String, usize>,
    /// Objects by finalizer.
    pub(crate) finalizers: BTreeMap<String, usize>,
    /// Where they are stored.
    pub(crate) prefixes: Vec<StoragePrefix>,
    /// The revision at which they were counted.
    pub(crate) revision: u64,
}

impl Remaining {
    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.resources.is_empty()
    }
}

/// One pass: asks for the deletion of everything that may go now and reports what is left.
///
/// # Errors
/// The first deletion that is refused for a reason other than the object being gone or changed.
///
/// # Cancellation
/// Deletions asked for stand; a repetition continues.
pub(crate) async fn delete_content(core: &Core, cluster: &Partition) -> Result<Remaining, ApiError> {
    let local = core.controller(cluster, "logical-cluster-deletion");
    let served = served(core, cluster);
    for stage in [Stage::Content, Stage::Bindings, Stage::Rbac] {
        let revision = core.store().revision();
        let mut remaining = Remaining { revision, ..Remaining::default() };
        for resource in served.iter().filter(|resource| stage.takes(resource)) {
            delete_all(core, &local, cluster, resource).await?;
            count(core, cluster, resource, &mut remaining);
        }
        if stage == Stage::Content {
            count_namespaced(core, cluster, &served, &mut remaining);
        }
        if !remaining.is_empty() {
            return Ok(remaining);
        }
    }
    sweep(core, cluster)?;
    Ok(Remaining::default())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Content,
    Bindings,
    Rbac,
}

impl Stage {
    fn takes(self, resource: &ServedResource) -> bool {
        let (group, plural) = (resource.gvk.group.as_ref(), resource.plural.as_ref());
        let of = match (group, plural) {
            ("core.kcp.io", "logicalclusters") => return false,
            (RBAC, "clusterroles" | "clusterrolebindings") => Stage::Rbac,
            ("apis.kcp.io", "apibindings") => Stage::Bindings,
            _ => Stage::Content,
        };
        self == of && !resource.namespaced
    }
}

/// Stored resources of the cluster, each once, in its preferred version.
fn served(core: &Core, cluster: &Partition) -> Vec<std::sync::Arc<ServedResource>> {
    let catalog = core.apis.catalog(&Scope::One(cluster.clone()));
    let mut seen = HashSet::new();
    catalog
        .resources()
        .filter(|resource| resource.virtual_create.is_none() && resource.serves(Verb::Delete))
        .filter(|resource| seen.insert(resource.storage.clone()))
        .cloned()
        .collect()
}

async fn delete_all(
    core: &Core,
    local: &Local,
    cluster: &Partition,
    resource: &ServedResource,
) -> Result<(), ApiError> {
    let range = Range::scope(Scope::One(cluster.clone()));
    for stored in core.store().list_all(&resource.storage, &range).items {
        if stored.value()["metadata"]["deletionTimestamp"].is_string() {
            continue;
        }
        let key = &stored.key;
        match local.delete(&resource.gvr(), key.namespace(), key.name(), &DeleteParams::default()).await {
            Ok(_) => {}
            Err(error) if error.is_not_found() || error.is_conflict() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn count(core: &Core, cluster: &Partition, resource: &ServedResource, remaining: &mut Remaining) {
    let items = core.store().list_all(&resource.storage, &Range::scope(Scope::One(cluster.clone()))).items;
    if items.is_empty() {
        return;
    }
    remaining.prefixes.push(resource.storage.clone());
    remaining.resources.insert(resource.group_resource().to_string(), items.len());
    for stored in items {
        let object: Value = stored.value();
        for finalizer in
            records::finalizers(&object).into_iter().chain(strings(&object["spec"]["finalizers"]))
        {
            *remaining.finalizers.entry(finalizer.to_owned()).or_default() += 1;
        }
    }
}

/// Namespaced objects go with their namespace; they are reported while a namespace waits for them.
fn count_namespaced(
    core: &Core,
    cluster: &Partition,
    served: &[std::sync::Arc<ServedResource>],
    remaining: &mut Remaining,
) {
    if !remaining.resources.contains_key("namespaces") {
        return;
    }
    for resource in served.iter().filter(|resource| resource.namespaced) {
        count(core, cluster, resource, remaining);
    }
}

/// Removes what no API serves any more: nobody could.
fn sweep(core: &Core, cluster: &Partition) -> Result<(), ApiError> {
    for prefix in core.store().prefixes_of(cluster) {
        if prefix == logical_clusters::prefix() {
            continue;
        }
        for stored in core.store().list_all(&prefix, &Range::scope(Scope::One(cluster.clone()))).items {
            // A writer that gets in between is met by the next pass.
            let _ = core.store().delete(&prefix, &stored.key, stored.revision);
        }
    }
    Ok(())
}
