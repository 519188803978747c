//! The schemas of every kind as data: what a server installs, and what an operator applies.
//!
//! Lists, keys, defaults, patterns, rules and columns are exactly kcp's, because defaulting, server-side apply
//! and refusals depend on them; descriptions are our own.
//!
//! ```
//! let crds = kcp_api::schemas::system_crds();
//! assert!(crds.iter().any(|crd| crd["metadata"]["name"] == "apiexports.apis.kcp.io"));
//! ```

mod admission; // what kcp wants of a schema besides its shape
mod apis; // apis.kcp.io: bindings and exports
mod apis_v1alpha1; // apis.kcp.io: the kinds of one version
mod compatibility; // what changes between two schemas of a resource
mod convert_crd; // CustomResourceDefinition to APIResourceSchema and back
mod core; // core.kcp.io
mod name; // `<prefix>.<plural>.<group>`
mod notation; // builders that keep schemas readable
mod shared; // pieces that several kinds have
mod tenancy; // tenancy.kcp.io: workspaces and their types
mod tenancy_authentication; // tenancy.kcp.io: token issuers
mod topology; // topology.kcp.io

use serde_json::Value;

pub use admission::{
    SELECTABLE_FIELDS_MAX, SchemaFault, check_resource_schema, check_resource_schema_update,
};
pub use compatibility::{SchemaChange, SchemaChangeKind, compare_resource_schemas, compare_schemas};
pub use convert_crd::{SchemaConversionError, crd_of, resource_schema_of};
pub(crate) use name::split as split_name;
pub use name::{SchemaName, SchemaNameError, content_prefix, dated_prefix};

/// CustomResourceDefinitions that every logical cluster serves without a binding.
pub fn system_crds() -> Vec<Value> {
    vec![
        apis::api_bindings(),
        apis_v1alpha1::api_conversions(),
        apis_v1alpha1::api_export_endpoint_slices(),
        apis::api_exports(),
        apis_v1alpha1::api_resource_schemas(),
        core::logical_clusters(),
    ]
}

/// CustomResourceDefinitions of the kinds that root exports; other workspaces bind them.
pub fn exported_crds() -> Vec<Value> {
    vec![
        core::shards(),
        tenancy_authentication::workspace_authentication_configurations(),
        tenancy::workspaces(),
        tenancy::workspace_types(),
        topology::partitions(),
        topology::partition_sets(),
    ]
}

/// CustomResourceDefinitions of every kind in this library, in the order of their names.
pub fn crds() -> Vec<Value> {
    let mut all = system_crds();
    all.extend(exported_crds());
    all.sort_by_key(|crd| crd["metadata"]["name"].as_str().map(str::to_owned));
    all
}

/// The CustomResourceDefinition of a resource; `None` for resources that are not kcp's.
pub fn crd(group: &str, resource: &str) -> Option<Value> {
    crds().into_iter().find(|crd| crd["spec"]["group"] == group && crd["spec"]["names"]["plural"] == resource)
}

/// An export that root has when kcp is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RootExport {
    /// Name of the APIExport.
    pub name: &'static str,
    /// Its resources.
    pub resources: &'static [RootResource],
    /// Whether it carries a maximal permission policy in root's own RBAC.
    pub maximal_permission_policy: bool,
}

/// A resource of a root export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RootResource {
    /// API group.
    pub group: &'static str,
    /// Plural resource name.
    pub resource: &'static str,
    /// Name of the APIResourceSchema, with kcp's generation prefix.
    pub schema: &'static str,
}

/// The exports of root that every mesh needs, with kcp's schema names.
pub const ROOT_EXPORTS: &[RootExport] = &[
    RootExport {
        name: crate::keys::TENANCY_EXPORT,
        resources: &[
            RootResource {
                group: "tenancy.kcp.io",
                resource: "workspaceauthenticationconfigurations",
                schema: "v250827-717cfea84.workspaceauthenticationconfigurations.tenancy.kcp.io",
            },
            RootResource {
                group: "tenancy.kcp.io",
                resource: "workspaces",
                schema: "v260522-2bf05df66.workspaces.tenancy.kcp.io",
            },
            RootResource {
                group: "tenancy.kcp.io",
                resource: "workspacetypes",
                schema: "v260519-96f2749.workspacetypes.tenancy.kcp.io",
            },
        ],
        maximal_permission_policy: true,
    },
    RootExport {
        name: crate::keys::TOPOLOGY_EXPORT,
        resources: &[
            RootResource {
                group: "topology.kcp.io",
                resource: "partitions",
                schema: "v240903-d6797056a.partitions.topology.kcp.io",
            },
            RootResource {
                group: "topology.kcp.io",
                resource: "partitionsets",
                schema: "v240903-d6797056a.partitionsets.topology.kcp.io",
            },
        ],
        maximal_permission_policy: false,
    },
    RootExport {
        name: crate::keys::SHARDS_EXPORT,
        resources: &[RootResource {
            group: "core.kcp.io",
            resource: "shards",
            schema: "v260302-ae9fdd9c1.shards.core.kcp.io",
        }],
        maximal_permission_policy: false,
    },
];

/// The APIResourceSchemas behind [`ROOT_EXPORTS`], as root holds them.
pub fn root_export_schemas() -> Vec<Value> {
    let resources = ROOT_EXPORTS.iter().flat_map(|export| export.resources);
    resources
        .filter_map(|row| {
            let prefix = row.schema.split('.').next()?;
            resource_schema_of(&crd(row.group, row.resource)?, prefix).ok()
        })
        .collect()
}
