//! Permission claims at work: which objects of a consumer a provider may see, shown by a label on each of them.

mod admission; // labels on every write
mod apply; // labels on what is there already; conditions of the binding

use std::collections::BTreeMap;

use apiserver::{Partition, store::ObjectKey};
use kcp_api::{ClusterName, builtins, keys, labels};
use serde_json::Value;

pub use self::admission::ClaimLabels;
pub(crate) use self::apply::apply;
use crate::bound::Bound;

/// The label that shows a provider its claimed objects, for a claim.
pub(crate) fn label_of(
    export: &ObjectKey,
    group: &str,
    resource: &str,
    identity: &str,
) -> Option<(String, String)> {
    let cluster: ClusterName = export.partition().as_str().parse().ok()?;
    let key = labels::claim_label_key(&cluster, export.name());
    Some((key, labels::claim_label_value(group, resource, identity)))
}

/// All claim labels an object must carry; every other label with the claim prefix is wrong.
pub(crate) fn labels_for(
    bound: &Bound,
    cluster: &Partition,
    group: &str,
    resource: &str,
    object: &Value,
) -> BTreeMap<String, String> {
    let (group, resource) = builtins::normalized(group, resource);
    let mut wanted = BTreeMap::new();
    let mut own_labels = None;
    for binding in bound.bindings.of_cluster(cluster) {
        let Some(export) = binding.export() else { continue };
        for (key, grant) in binding.granted.iter() {
            let claimed = key.normalized();
            if claimed.group != group || claimed.resource != resource {
                continue;
            }
            let object_labels = own_labels.get_or_insert_with(|| labels_of(object));
            if grant.selector.matches(object_labels)
                && let Some((key, value)) = label_of(&export, group, resource, &key.identity_hash)
            {
                wanted.insert(key, value);
            }
        }
    }
    if group == "apis.kcp.io" && resource == "apibindings" {
        reflexive(bound, cluster, object, &mut wanted);
    }
    wanted
}

fn labels_of(object: &Value) -> BTreeMap<String, String> {
    let labels = object["metadata"]["labels"].as_object().into_iter().flatten();
    labels.filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect()
}

/// A provider always sees the bindings to its own export, claim or not.
fn reflexive(bound: &Bound, cluster: &Partition, object: &Value, wanted: &mut BTreeMap<String, String>) {
    let Some(export) = bound.resolve_export(cluster, &object["spec"]["reference"]["export"]) else { return };
    if let Some((key, _)) = label_of(&export.key, "apis.kcp.io", "apibindings", "") {
        wanted.entry(key).or_insert_with(|| keys::REFLEXIVE_CLAIM.to_owned());
    }
}

/// Puts the wanted claim labels on an object and takes every other one off. Says whether that changed anything.
pub(crate) fn set_labels(object: &mut Value, wanted: &BTreeMap<String, String>) -> bool {
    let before = object["metadata"]["labels"].clone();
    let mut labels = before.as_object().cloned().unwrap_or_default();
    labels.retain(|key, _| !key.starts_with(keys::CLAIMED_PREFIX));
    labels.extend(wanted.iter().map(|(k, v)| (k.clone(), Value::from(v.clone()))));
    if labels.is_empty() && before.as_object().is_none_or(serde_json::Map::is_empty) {
        return false;
    }
    if before.as_object() == Some(&labels) {
        return false;
    }
    match (labels.is_empty(), object["metadata"].as_object_mut()) {
        (true, Some(metadata)) => {
            metadata.remove("labels");
        }
        (_, Some(metadata)) => {
            metadata.insert("labels".to_owned(), Value::Object(labels));
        }
        (_, None) => return false,
    }
    true
}
