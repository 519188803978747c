//! The types and reasons of conditions that kcp writes.

/// Condition types.
pub mod types {
    /// Summary of the conditions that matter.
    pub const READY: &str = "Ready";

    /// APIExport: `status.identityHash` equals the hash of the secret's key.
    pub const IDENTITY_VALID: &str = "IdentityValid";
    /// APIExport (deprecated gate) and WorkspaceType: virtual workspace URLs are in the status.
    pub const VIRTUAL_WORKSPACE_URLS_READY: &str = "VirtualWorkspaceURLsReady";

    /// APIBinding and endpoint slice: the export is there and has an identity.
    pub const API_EXPORT_VALID: &str = "APIExportValid";
    /// APIBinding: every resource was served once; never goes back.
    pub const INITIAL_BINDING_COMPLETED: &str = "InitialBindingCompleted";
    /// APIBinding: the export's latest schemas are served.
    pub const BINDING_UP_TO_DATE: &str = "BindingUpToDate";
    /// APIBinding, while deleting: instances are gone.
    pub const BINDING_RESOURCE_DELETE_SUCCESS: &str = "BindingResourceDeleteSuccess";
    /// APIBinding: accepted claims are what the export asks.
    pub const PERMISSION_CLAIMS_VALID: &str = "PermissionClaimsValid";
    /// APIBinding: claimed objects carry their labels.
    pub const PERMISSION_CLAIMS_APPLIED: &str = "PermissionClaimsApplied";

    /// Endpoint slice: the partition is there.
    pub const PARTITION_VALID: &str = "PartitionValid";
    /// Endpoint slice, deprecated: endpoints are in the status.
    pub const ENDPOINT_URLS_READY: &str = "EndpointURLsReady";

    /// Workspace and LogicalCluster: it has a place.
    pub const WORKSPACE_SCHEDULED: &str = "WorkspaceScheduled";
    /// Workspace and LogicalCluster: its content is gone.
    pub const WORKSPACE_CONTENT_DELETED: &str = "WorkspaceContentDeleted";
    /// Workspace and LogicalCluster: no initializer is left.
    pub const WORKSPACE_INITIALIZED: &str = "WorkspaceInitialized";
    /// Workspace and LogicalCluster: default bindings were made.
    pub const API_BINDINGS_INITIALIZED: &str = "APIBindingsInitialized";
    /// Workspace and LogicalCluster: default bindings follow their types.
    pub const API_BINDINGS_RECONCILED: &str = "APIBindingsReconciled";
    /// Workspace: its mount answers.
    pub const WORKSPACE_MOUNT_READY: &str = "WorkspaceMountReady";

    /// PartitionSet: its selector is valid.
    pub const PARTITION_SET_VALID: &str = "PartitionSetValid";
    /// PartitionSet: its partitions exist.
    pub const PARTITIONS_READY: &str = "PartitionsReady";
}

/// Condition reasons.
pub mod reasons {
    /// The identity secret is missing, empty, or hashes to something else.
    pub const IDENTITY_VERIFICATION_FAILED: &str = "IdentityVerificationFailed";
    /// No identity secret could be made.
    pub const IDENTITY_GENERATION_FAILED: &str = "IdentityGenerationFailed";
    /// URLs of virtual workspaces could not be computed.
    pub const ERROR_GENERATING_URLS: &str = "ErrorGeneratingURLs";

    /// The reference has no export or no name.
    pub const API_EXPORT_INVALID_REFERENCE: &str = "APIExportInvalidReference";
    /// No such export.
    pub const API_EXPORT_NOT_FOUND: &str = "APIExportNotFound";
    /// The export has no identity yet.
    pub const MISSING_IDENTITY_HASH: &str = "MissingIdentityHash";
    /// kcp itself failed.
    pub const INTERNAL_ERROR: &str = "InternalError";
    /// Bound resources are not served yet.
    pub const WAITING_FOR_ESTABLISHED: &str = "WaitingForEstablished";
    /// The logical cluster object is missing.
    pub const LOGICAL_CLUSTER_NOT_FOUND: &str = "LogicalClusterNotFound";
    /// Another binding or a CustomResourceDefinition has the name.
    pub const NAMING_CONFLICTS: &str = "NamingConflicts";
    /// A schema is missing or broken.
    pub const API_RESOURCE_SCHEMA_INVALID: &str = "APIResourceSchemaInvalid";
    /// Instances could not be deleted.
    pub const RESOURCE_DELETION_FAILED: &str = "ResourceDeletionFailed";
    /// Instances are left.
    pub const SOME_RESOURCES_REMAIN: &str = "SomeResourcesRemain";
    /// Instances wait for finalizers.
    pub const SOME_FINALIZERS_REMAIN: &str = "SomeFinalizersRemain";
    /// An accepted claim is not asked by the export.
    pub const INVALID_PERMISSION_CLAIMS: &str = "InvalidPermissionClaims";
    /// Verbs or selector differ from what the export asks.
    pub const PERMISSION_CLAIMS_MISMATCH: &str = "PermissionClaimsMismatch";
    /// The partition reference leads nowhere.
    pub const PARTITION_INVALID_REFERENCE: &str = "PartitionInvalidReference";

    /// No shard fits.
    pub const UNSCHEDULABLE: &str = "Unschedulable";
    /// Nobody can tell.
    pub const UNKNOWN: &str = "Unknown";
    /// Discovery failed while deleting content.
    pub const DISCOVERY_FAILED: &str = "DiscoveryFailed";
    /// A group version could not be parsed while deleting content.
    pub const GROUP_VERSION_PARSING_FAILED: &str = "GroupVersionParsingFailed";
    /// Content could not be deleted.
    pub const CONTENT_DELETION_FAILED: &str = "ContentDeletionFailed";
    /// Initializers are left.
    pub const INITIALIZER_EXISTS: &str = "InitializerExists";
    /// The logical cluster vanished.
    pub const WORKSPACE_DISAPPEARED: &str = "WorkspaceDisappeared";
    /// Default bindings are not complete.
    pub const WAITING_ON_API_BINDINGS: &str = "WaitingOnAPIBindings";
    /// A type or one that it extends cannot be resolved.
    pub const WORKSPACE_TYPES_INVALID: &str = "WorkspaceTypesInvalid";
    /// Default bindings could not be made.
    pub const API_BINDING_ERRORS: &str = "APIBindingErrors";
    /// The mount annotation cannot be read.
    pub const MOUNT_ANNOTATION_INVALID: &str = "MountAnnotationInvalid";
    /// The mount object is missing.
    pub const MOUNT_OBJECT_NOT_FOUND: &str = "MountObjectNotFound";
    /// The mount object is not ready.
    pub const MOUNT_OBJECT_NOT_READY: &str = "MountObjectNotReady";

    /// A label selector cannot be read.
    pub const INVALID_SELECTOR: &str = "InvalidSelector";
    /// Partitions could not be made.
    pub const ERROR_GENERATING_PARTITIONS: &str = "ErrorGeneratingPartitions";
}
