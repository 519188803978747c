//! Where the kinds of kcp and the kinds its loops watch are stored, and how they are addressed.

use apiserver::{GroupVersionResource, StoragePrefix};

const APIS: &str = "apis.kcp.io";

/// APIExports.
pub fn api_exports() -> StoragePrefix {
    StoragePrefix::new(APIS, "apiexports")
}

/// APIBindings.
pub fn api_bindings() -> StoragePrefix {
    StoragePrefix::new(APIS, "apibindings")
}

/// APIResourceSchemas.
pub fn api_resource_schemas() -> StoragePrefix {
    StoragePrefix::new(APIS, "apiresourceschemas")
}

/// APIExportEndpointSlices.
pub fn api_export_endpoint_slices() -> StoragePrefix {
    StoragePrefix::new(APIS, "apiexportendpointslices")
}

/// LogicalClusters.
pub fn logical_clusters() -> StoragePrefix {
    StoragePrefix::new("core.kcp.io", "logicalclusters")
}

/// APIExportEndpointSlices as requested.
pub fn endpoint_slices_gvr() -> GroupVersionResource {
    GroupVersionResource::new(APIS, "v1alpha1", "apiexportendpointslices")
}

/// Namespaces as requested.
pub fn namespaces() -> GroupVersionResource {
    GroupVersionResource::new("", "v1", "namespaces")
}
