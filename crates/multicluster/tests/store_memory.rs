//! What an engaged cluster, a stored object and a change of one cost, in live bytes and allocations. Alone in its process.
#![allow(clippy::unwrap_used, missing_docs)]

mod memory;

use std::sync::Arc;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::ObjectMeta;
use memory::{allocations, live_bytes, object};
use multicluster::{ClusterId, Fleet, Seen, testing::HandFed};
use serde_json::json;

const CLUSTERS: usize = 2000;
const OBJECTS: usize = 5;

/// As a watch hands it on: without managed fields.
fn map(cluster: &str, name: &str, version: u64) -> Seen<ConfigMap> {
    let mut object = object(name, version);
    object["metadata"]["annotations"]["kcp.io/cluster"] = json!(cluster);
    object["metadata"]["resourceVersion"] = json!(version.to_string());
    let mut map: ConfigMap = serde_json::from_value(object).unwrap();
    map.metadata.managed_fields = None;
    Seen::Applied(Box::new(map))
}

/// Bytes for each cluster, bytes for each object, allocations for each change of one.
fn measure(compact: bool) -> [usize; 3] {
    let fleet = Fleet::empty();
    let store = if compact { fleet.compact_store::<ConfigMap>() } else { fleet.store::<ConfigMap>() };
    let read = |meta: &ObjectMeta| {
        meta.annotations.as_ref()?.get("kcp.io/cluster").map(|id| ClusterId::from(id.as_str()))
    };
    let mut scope = HandFed::open(&fleet, &store, "core", "shard", Arc::new(read));
    let names: Vec<String> = (0..CLUSTERS).map(|at| format!("{at:016}")).collect();

    let before = live_bytes();
    names.iter().for_each(|name| scope.up(name));
    assert_eq!(fleet.clusters_engaged(), CLUSTERS);
    let for_cluster = live_bytes().saturating_sub(before) / CLUSTERS;

    let before = live_bytes();
    scope.tell(Seen::ListBegin);
    for name in &names {
        for at in 0..OBJECTS {
            scope.tell(map(name, &format!("o{at}"), 1));
        }
    }
    scope.tell(Seen::ListEnd);
    assert_eq!(store.len() as usize, CLUSTERS * OBJECTS);
    let for_object = live_bytes().saturating_sub(before) / (CLUSTERS * OBJECTS);

    let changes: Vec<Seen<ConfigMap>> = names.iter().map(|name| map(name, "o0", 2)).collect();
    let before = allocations();
    changes.into_iter().for_each(|change| scope.tell(change));
    [for_cluster, for_object, (allocations() - before) / CLUSTERS]
}

#[test]
fn mcr_engaged_clusters_and_stored_objects_stay_small() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _inside = runtime.enter();
    let [cluster, whole, change] = measure(false);
    let [_, compact, _] = measure(true);
    println!(
        "a cluster {cluster}, a typed object {whole}, a compact object {compact} bytes; a change {change} allocations"
    );
    assert!(cluster <= 1024, "{cluster} bytes for an engaged cluster");
    assert!(whole <= 4500, "{whole} bytes for a typed object");
    assert!(compact <= 1800, "{compact} bytes for a compact object");
    // Its place, its key, its shared value; nothing for each subscriber, since there is none.
    assert!(change <= 10, "{change} allocations for a change");
}
