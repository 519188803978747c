//! The seam between API sets and bindings: what a cluster serves because it bound it.

use std::sync::Arc;

use apiserver::{ApiError, Partition, ServedResource};

use crate::authorization::BoundPolicy;

/// Resources that clusters bound from exports.
pub trait BoundResources: Send + Sync {
    /// The bound resource in a cluster; `None` if no binding brings it.
    ///
    /// The inner error is 503 for a resource that is bound while its schema is missing.
    fn lookup(
        &self,
        cluster: &Partition,
        group: &str,
        version: &str,
        resource: &str,
    ) -> Option<Result<Arc<ServedResource>, ApiError>>;

    /// The resource of an export identity, for requests over all clusters.
    fn by_identity(
        &self,
        group: &str,
        version: &str,
        resource: &str,
        identity: &str,
    ) -> Option<Arc<ServedResource>>;

    /// Everything the cluster's bindings bring, in every served version.
    fn served(&self, cluster: &Partition) -> Vec<Arc<ServedResource>>;

    /// The maximal permission policy of the export that provides a bound resource.
    fn policy(&self, cluster: &Partition, group: &str, resource: &str) -> BoundPolicy;

    /// The cluster of the export that provides a bound resource, for webhooks that stand beside it.
    fn provider(&self, cluster: &Partition, group: &str, resource: &str) -> Option<Partition>;
}

/// No binding anywhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct NothingBound;

impl BoundResources for NothingBound {
    fn lookup(
        &self,
        _cluster: &Partition,
        _group: &str,
        _version: &str,
        _resource: &str,
    ) -> Option<Result<Arc<ServedResource>, ApiError>> {
        None
    }

    fn by_identity(
        &self,
        _group: &str,
        _version: &str,
        _resource: &str,
        _id: &str,
    ) -> Option<Arc<ServedResource>> {
        None
    }

    fn served(&self, _cluster: &Partition) -> Vec<Arc<ServedResource>> {
        Vec::new()
    }

    fn policy(&self, _cluster: &Partition, _group: &str, _resource: &str) -> BoundPolicy {
        BoundPolicy::Unlimited
    }

    fn provider(&self, _cluster: &Partition, _group: &str, _resource: &str) -> Option<Partition> {
        None
    }
}
