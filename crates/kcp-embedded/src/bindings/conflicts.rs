//! Two APIs that want one name in a cluster: bound ones and the cluster's own definitions share one name space a group.

use std::sync::Arc;

use apiserver::Partition;

use crate::{
    core::Core,
    schemas::{Names, SchemaEntry},
};

/// Why a schema cannot be bound beside what the cluster serves already; `None` if it can.
pub(super) fn conflict(
    core: &Core,
    cluster: &Partition,
    binding: &str,
    schema: &Arc<SchemaEntry>,
) -> Option<String> {
    for other in core.bound.bindings.of_cluster(cluster) {
        if other.key.name() == binding {
            continue;
        }
        for bound in other.bound.iter().filter(|b| *b.group == *schema.group) {
            let Some(theirs) = core.bound.schemas.by_uid(&bound.schema_uid) else { continue };
            if let Some(clash) = schema.names.clash(&theirs.names) {
                return Some(format!("naming conflict with APIBinding \"{}\", {clash}", other.key.name()));
            }
        }
    }
    let own = core.apis.local_crds().served(cluster);
    own.iter().filter(|resource| *resource.gvk.group == *schema.group).find_map(|resource| {
        let clash = schema.names.clash(&Names::of_served(resource))?;
        let crd = resource.group_resource();
        Some(format!("naming conflict with CustomResourceDefinition \"{crd}\", {clash}"))
    })
}
