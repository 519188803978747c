//! The naming lock: an annotation on the logical cluster says which binding (or CRD) owns `<resource>.<group>`.

use std::collections::BTreeMap;

use apiserver::{ApiError, Partition, store::ObjectKey};
use kcp_api::keys;
use serde::{Deserialize, Serialize};

use crate::{
    core::Core,
    kinds,
    records::{annotation, modify, set_annotation},
};

/// Who owns a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Owner {
    /// Name of the binding.
    #[serde(rename = "n", default, skip_serializing_if = "String::is_empty")]
    pub(super) binding: String,
    /// Whether a CustomResourceDefinition owns it.
    #[serde(rename = "c", default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) crd: bool,
    /// End of a CRD's lock.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub(super) expiry: Option<String>,
}

type Locks = BTreeMap<String, Owner>;

fn lock_name(group: &str, resource: &str) -> String {
    format!("{resource}.{}", if group.is_empty() { "core" } else { group })
}

fn locks_of(object: &serde_json::Value) -> Locks {
    annotation(object, keys::RESOURCE_BINDINGS)
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}

/// Takes the locks of all `resources` for a binding, or none of them.
///
/// Answers the first name that somebody else owns.
///
/// # Errors
/// 404 if the cluster is gone.
pub(super) fn take(
    core: &Core,
    cluster: &Partition,
    binding: &str,
    resources: &[(&str, &str)],
) -> Result<Option<(String, Owner)>, ApiError> {
    let mut taken = None;
    let key = ObjectKey::new(cluster.clone(), "", keys::LOGICAL_CLUSTER_NAME);
    let found = modify(core, &kinds::logical_clusters(), &key, |object| {
        taken = None;
        let mut locks = locks_of(object);
        let mut differs = false;
        for (group, resource) in resources {
            let name = lock_name(group, resource);
            match locks.get(&name) {
                Some(owner) if owner.binding == binding => {}
                Some(owner) if !owner.crd || has_own_crd(core, cluster, group, resource) => {
                    taken = Some((name, owner.clone()));
                    return Ok(());
                }
                _ => {
                    locks.insert(name, Owner { binding: binding.to_owned(), ..Owner::default() });
                    differs = true;
                }
            }
        }
        if differs {
            let text = serde_json::to_string(&locks).map_err(ApiError::internal)?;
            set_annotation(object, keys::RESOURCE_BINDINGS, text);
        }
        Ok(())
    })?;
    match found {
        Some(_) => Ok(taken),
        None => Err(ApiError::new(404, "NotFound", format!("logical cluster `{cluster}` not found"))),
    }
}

fn has_own_crd(core: &Core, cluster: &Partition, group: &str, resource: &str) -> bool {
    core.apis.local_crds().served(cluster).iter().any(|r| *r.gvk.group == *group && *r.plural == *resource)
}

/// Gives back every lock of a binding.
///
/// # Errors
/// As the store.
pub(super) fn release(core: &Core, cluster: &Partition, binding: &str) -> Result<(), ApiError> {
    let key = ObjectKey::new(cluster.clone(), "", keys::LOGICAL_CLUSTER_NAME);
    modify(core, &kinds::logical_clusters(), &key, |object| {
        let mut locks = locks_of(object);
        let before = locks.len();
        locks.retain(|_, owner| owner.binding != binding);
        if locks.len() < before {
            let text = serde_json::to_string(&locks).map_err(ApiError::internal)?;
            set_annotation(object, keys::RESOURCE_BINDINGS, text);
        }
        Ok(())
    })
    .map(drop)
}
