//! Leases.

use serde_json::Value;

use super::row::{age, built_in, column};
use crate::error::Cause;
use crate::resource::ServedResource;
use crate::strategy::ResourceStrategy;

pub(super) fn resources() -> Vec<ServedResource> {
    vec![ServedResource {
        columns: vec![column("Holder", "string", ".spec.holderIdentity"), age()],
        ..built_in("coordination.k8s.io", "v1", "Lease", "leases", true, Leases)
    }]
}

struct Leases;

impl ResourceStrategy for Leases {
    fn allows_create_on_update(&self) -> bool {
        true
    }

    fn counts_generation(&self) -> bool {
        false
    }

    fn validate(&self, object: &Value, _old: Option<&Value>) -> Vec<Cause> {
        let number = |field: &str| object.pointer(&format!("/spec/{field}")).and_then(Value::as_i64);
        let mut causes = Vec::new();
        if let Some(seconds) = number("leaseDurationSeconds").filter(|n| *n <= 0) {
            causes.push(Cause::invalid(
                "spec.leaseDurationSeconds",
                &seconds.into(),
                "must be greater than 0",
            ));
        }
        if let Some(count) = number("leaseTransitions").filter(|n| *n < 0) {
            causes.push(Cause::invalid(
                "spec.leaseTransitions",
                &count.into(),
                "must be greater than or equal to 0",
            ));
        }
        causes
    }
}
