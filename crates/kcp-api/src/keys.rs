//! Annotation, label, finalizer and user-extra keys of kcp, and the names that kcp reserves.

/// Annotation on every object read from kcp: name of its logical cluster. Synthetic, never stored.
pub const CLUSTER: &str = "kcp.io/cluster";
/// Annotation: canonical path; on logical clusters, exports, bindings and workspace types.
pub const PATH: &str = "kcp.io/path";
/// Annotation on a LogicalCluster: `<type path>:<type name>`.
pub const WORKSPACE_TYPE: &str = "internal.tenancy.kcp.io/type";
/// Annotation on Workspace and LogicalCluster: JSON of the creator's user info.
pub const OWNER: &str = "experimental.tenancy.kcp.io/owner";
/// Annotation: groups that a request needs; `a,b;c` means both a and b, or c.
pub const REQUIRED_GROUPS: &str = "authorization.kcp.io/required-groups";
/// Annotation on Workspace and LogicalCluster: name of the shard.
pub const SHARD: &str = "core.kcp.io/shard";
/// Annotation on a Workspace: hash of the chosen shard, committed before the LogicalCluster exists.
pub const SCHEDULED_SHARD: &str = "internal.tenancy.kcp.io/shard";
/// Annotation on a Workspace: chosen cluster name, committed before the LogicalCluster exists.
pub const SCHEDULED_CLUSTER: &str = "internal.tenancy.kcp.io/cluster";
/// Annotation on a LogicalCluster: `true` switches it off.
pub const INACTIVE: &str = "core.kcp.io/inactive";
/// Older spelling of [`INACTIVE`].
pub const INACTIVE_LEGACY: &str = "internal.kcp.io/inactive";
/// Annotation on a LogicalCluster: largest number of objects.
pub const MAX_TOTAL_OBJECTS: &str = "core.kcp.io/max-total-objects";
/// Annotation: comma-separated reasons to copy an object into the cache server.
pub const REPLICATE: &str = "internal.kcp.io/replicate";
/// Annotation on a LogicalCluster: migration lock.
pub const MIGRATING: &str = "internal.kcp.io/migrating";
/// Annotation on a LogicalCluster: JSON of who holds which `<resource>.<group>`.
pub const RESOURCE_BINDINGS: &str = "internal.apis.kcp.io/resource-bindings";
/// Prefix of annotations that keep what a conversion between versions of apis.kcp.io cannot express.
pub const CONVERSION_PREFIX: &str = "apis.v1alpha2.kcp.io/";
/// Prefix of annotations that kcp copies from an APIExport to its bindings.
pub const EXTRA_PREFIX: &str = "extra.apis.kcp.io/";
/// Annotation on an APIExport whose presence suppresses the default endpoint slice.
pub const SKIP_ENDPOINT_SLICE: &str = "apiexports.apis.kcp.io/skip-endpointslice";
/// Marker annotation of CustomResourceDefinitions made from schemas; empty value.
pub const BOUND_CRD: &str = "apis.kcp.io/bound-crd";
/// Annotation of bound CustomResourceDefinitions: cluster of the schema.
pub const SCHEMA_CLUSTER: &str = "apis.kcp.io/schema-cluster";
/// Annotation of bound CustomResourceDefinitions: name of the schema.
pub const SCHEMA_NAME: &str = "apis.kcp.io/schema-name";
/// Annotation in memory: identity hash of a bound resource.
pub const IDENTITY: &str = "apis.kcp.io/identity";
/// Annotation in memory: `virtual:<hash>` for resources that are not stored.
pub const SCHEMA_STORAGE: &str = "apis.kcp.io/schema-storage";
/// Annotation in memory: only metadata is served.
pub const PARTIAL_METADATA: &str = "crd.kcp.io/partial-metadata";
/// Annotation on system CustomResourceDefinitions: `path-segment` loosens names of instances.
pub const VALIDATE_NAME: &str = "internal.kcp.io/validate-name";
/// Annotation of kube-apiextensions: why a definition may use a protected group.
pub const API_APPROVED: &str = "api-approved.kubernetes.io";
/// Annotation on a WorkspaceType: older spelling of the default binding life cycle.
pub const DEFAULT_API_BINDING_LIFECYCLE: &str = "experimental.tenancy.kcp.io/default-api-binding-lifecycle";
/// Annotation on a Workspace: older spelling of the mount.
pub const MOUNT: &str = "experimental.tenancy.kcp.io/mount";
/// Annotation on mount CustomResourceDefinitions.
pub const IS_MOUNT: &str = "experimental.tenancy.kcp.io/is-mount";
/// Annotation on a Shard: `true` takes it out of scheduling.
pub const UNSCHEDULABLE: &str = "experimental.core.kcp.io/unschedulable";
/// Prefix of annotations that keep values which a custom conversion cannot express; followed by a version.
pub const PRESERVE_PREFIX: &str = "preserve.conversion.apis.kcp.io/";

/// Label on an APIBinding: hash of the bound export, see [`crate::labels::export_label`].
pub const EXPORT_LABEL: &str = "internal.apis.kcp.io/export";
/// Prefix of labels on claimed objects, followed by the hash of the claiming export.
pub const CLAIMED_PREFIX: &str = "claimed.internal.apis.kcp.io/";
/// Prefix of labels on logical clusters, one per remaining initializer.
pub const INITIALIZER_PREFIX: &str = "initializer.internal.kcp.io/";
/// Prefix of labels on logical clusters, one per remaining terminator.
pub const TERMINATOR_PREFIX: &str = "terminator.internal.kcp.io/";
/// Label on Workspace and LogicalCluster: the phase.
pub const PHASE: &str = "tenancy.kcp.io/phase";
/// Label on a Shard and a Workspace: region.
pub const REGION: &str = "region";
/// Value of a claim label on a binding of the claiming export itself: always visible to it.
pub const REFLEXIVE_CLAIM: &str = "LstvmbbzVDDOn90ZbhzSQO5U3DMCf88h1pZ";

/// Finalizer on the Workspace: its LogicalCluster still exists.
pub const LOGICAL_CLUSTER_FINALIZER: &str = "core.kcp.io/logicalcluster";
/// Finalizer on the LogicalCluster: content is left.
pub const LOGICAL_CLUSTER_DELETION_FINALIZER: &str = "core.kcp.io/logicalcluster-deletion";
/// Finalizer on the LogicalCluster: terminators are left.
pub const TERMINATORS_FINALIZER: &str = "kcp.io/has-terminators";
/// Finalizer on an APIBinding: instances are left.
pub const API_BINDING_FINALIZER: &str = "apis.kcp.io/apibinding-finalizer";
/// Finalizer on a ClusterCachedResource.
pub const CACHED_RESOURCE_FINALIZER: &str = "cache.kcp.io/clustercachedresource";

/// User extra: clusters that an identity is limited to.
pub const SCOPES_EXTRA: &str = "authentication.kcp.io/scopes";
/// User extra: cluster that an identity comes from.
pub const CLUSTER_NAME_EXTRA: &str = "authentication.kcp.io/cluster-name";
/// User extra: JSON of another identity whose rights count, too.
pub const WARRANT_EXTRA: &str = "authorization.kcp.io/warrant";
/// User extra: user name before it was rewritten.
pub const ORIGINAL_USERNAME_EXTRA: &str = "experimental.authorization.kcp.io/original-username";
/// User extra: groups before they were rewritten.
pub const ORIGINAL_GROUPS_EXTRA: &str = "experimental.authorization.kcp.io/original-groups";

/// Field manager of the naming lock on logical clusters.
pub const LOCKS_FIELD_MANAGER: &str = "apibinding-reconciler-locks";
/// Field manager of objects that kcp's binding controller applies.
pub const BINDING_FIELD_MANAGER: &str = "kcp-apibinding";

/// Namespace of identity secrets, in the cluster of the export.
pub const IDENTITY_NAMESPACE: &str = "kcp-system";
/// Key of the identity inside its secret.
pub const IDENTITY_SECRET_KEY: &str = "key";
/// Name of the one LogicalCluster object.
pub const LOGICAL_CLUSTER_NAME: &str = "cluster";
/// Initializer of a logical cluster whose types have default bindings.
pub const API_BINDINGS_INITIALIZER: &str = "system:apibindings";

/// The root logical cluster.
pub const ROOT_CLUSTER: &str = "root";
/// Logical cluster of bootstrap RBAC.
pub const ADMIN_CLUSTER: &str = "system:admin";
/// Logical cluster of CustomResourceDefinitions that every cluster serves.
pub const SYSTEM_CRDS_CLUSTER: &str = "system:system-crds";
/// Logical cluster of CustomResourceDefinitions made from schemas.
pub const BOUND_CRDS_CLUSTER: &str = "system:bound-crds";
/// Logical cluster of shard-local configuration.
pub const SHARD_CLUSTER: &str = "system:shard";
/// Logical cluster of the cache server.
pub const CACHE_CLUSTER: &str = "system:cache:server";

/// Root export of workspaces and their types.
pub const TENANCY_EXPORT: &str = "tenancy.kcp.io";
/// Root export of partitions.
pub const TOPOLOGY_EXPORT: &str = "topology.kcp.io";
/// Root export of shards.
pub const SHARDS_EXPORT: &str = "shards.core.kcp.io";

/// Prefix of users and groups in a maximal permission policy.
pub const BINDING_SUBJECT_PREFIX: &str = "apis.kcp.io:binding:";
