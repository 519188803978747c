//! Conversion of an export with 50 schemas and 20 claims, both ways.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};

fn export() -> Value {
    let resources: Vec<Value> = (0..50)
        .map(|n| {
            json!({
                "group": "example.io", "name": format!("things{n}"),
                "schema": format!("v260126-7c674ee.things{n}.example.io"), "storage": {"crd": {}},
            })
        })
        .collect();
    let claims: Vec<Value> = (0..20)
        .map(|n| match n % 2 {
            0 => json!({"group": "", "resource": format!("r{n}"), "verbs": ["*"], "identityHash": ""}),
            _ => json!({"group": "example.io", "resource": format!("r{n}"), "verbs": ["get", "list"], "identityHash": "h"}),
        })
        .collect();
    json!({
        "apiVersion": "apis.kcp.io/v1alpha2", "kind": "APIExport", "metadata": {"name": "x"},
        "spec": {"resources": resources, "permissionClaims": claims},
    })
}

fn conversion(criterion: &mut Criterion) {
    let newer = export();
    let older = kcp_api::convert(newer.clone(), "apis.kcp.io/v1alpha1").unwrap_or_default();
    for (name, object, to) in [
        ("export 50 schemas 20 claims, v1alpha2 to v1alpha1", newer, "apis.kcp.io/v1alpha1"),
        ("export 50 schemas 20 claims, v1alpha1 to v1alpha2", older, "apis.kcp.io/v1alpha2"),
    ] {
        criterion.bench_function(name, |bencher| {
            bencher.iter_batched(
                || object.clone(),
                |object| kcp_api::convert(black_box(object), to),
                BatchSize::SmallInput,
            );
        });
    }
}

criterion_group!(benches, conversion);
criterion_main!(benches);
