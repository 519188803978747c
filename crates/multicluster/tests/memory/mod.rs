//! What tests of memory share: the allocator's live bytes, and objects as kcp writes them.

use std::alloc::System;

use serde_json::{Value, json};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes that the process holds and has not given back. The allocator counts for all threads: one test, one process.
pub fn live_bytes() -> usize {
    // What a reallocation adds or takes is in these two already.
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)
}

/// Allocations so far.
#[allow(dead_code, reason = "not every test counts them")]
pub fn allocations() -> usize {
    let stats = ALLOCATOR.stats();
    stats.allocations + stats.reallocations
}

/// An object of 2.3 KB, 1.4 KB of it without managed fields: the shape of an APIBinding.
pub fn object(name: &str, version: u64) -> Value {
    let owned = |letter: &str| json!({format!("f:{letter}"): {".": {}, "f:apiVersion": {}, "f:kind": {}, "f:name": {}, "f:uid": {}}});
    let managed = |manager: &str| {
        let fields =
            json!({"f:annotations": owned("a"), "f:labels": owned("b"), "f:ownerReferences": owned("c")});
        json!({"apiVersion": "v1", "fieldsType": "FieldsV1", "manager": manager, "operation": "Update",
            "time": "2024-01-01T00:00:00Z", "fieldsV1": {"f:metadata": fields}})
    };
    let text =
        |length: usize| "{\"name\":\"storage.example.io\"}".chars().cycle().take(length).collect::<String>();
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "namespace": "default", "name": name,
            "labels": {"internal.apis.kcp.io/export": text(36), "claimed.internal.apis.kcp.io/hG7": "9kK2"},
            "annotations": {"kcp.io/path": "root:orgs:acme:development:team", "owner": text(40)},
            "finalizers": ["apis.kcp.io/apibinding-finalizer"],
            "managedFields": [managed("kcp-apibinder"), managed("platform-mesh-operator")],
        },
        "data": {"v": version.to_string(), "reference": text(90), "bound": text(260), "conditions": text(330)},
    })
}
