//! Strings that other processes, other languages and stored objects rely on. They never change.

/// The API group of accounts, stores, models, invites, realms and policies.
pub const GROUP: &str = "core.platform-mesh.io";
/// The API group of what the portal shows.
pub const UI_GROUP: &str = "ui.platform-mesh.io";
/// The API group of providers and their permissions.
pub const PROVIDERS_GROUP: &str = "providers.platform-mesh.io";
/// The only version of these groups.
pub const VERSION: &str = "v1alpha1";
/// Group and version as objects of [`GROUP`] carry them.
pub fn api_version() -> String {
    format!("{GROUP}/{VERSION}")
}

/// Account type of an organisation: an Account in `root:orgs`.
pub const ACCOUNT_TYPE_ORG: &str = "org";
/// Account type of everything below an organisation.
pub const ACCOUNT_TYPE_ACCOUNT: &str = "account";
/// The one AccountInfo of an account workspace.
pub const ACCOUNT_INFO_NAME: &str = "account";
/// The one LogicalCluster of a workspace (kcp).
pub const LOGICAL_CLUSTER_NAME: &str = "cluster";
/// Store of the workspace of organisations.
pub const ORGS_STORE: &str = "orgs";
/// Realm, and IdentityProviderConfiguration, of people who have no organisation yet.
pub const WELCOME_REALM: &str = "welcome";
/// Client of kubectl in the realm of an organisation.
pub const KUBECTL_CLIENT: &str = "kubectl";
/// WorkspaceAuthenticationConfiguration of the workspace of organisations.
pub const ORGS_AUTHENTICATION: &str = "orgs-authentication";

/// Path of the root workspace.
pub const ROOT: &str = "root";
/// Workspace of organisations: Accounts of type org, their workspaces, types, stores and authentication.
pub const ORGS: &str = "root:orgs";
/// Workspace that exports the platform's APIs.
pub const SYSTEM: &str = "root:platform-mesh-system";
/// Workspace of providers.
pub const PROVIDERS: &str = "root:providers";
/// Workspace that stands in for a runtime cluster where there is none: leases, secrets.
pub const RUNTIME: &str = "root:runtime";
/// Namespace of the platform's service accounts, leases and secrets.
pub const SYSTEM_NAMESPACE: &str = "platform-mesh-system";

/// APIExport, and endpoint slice, of accounts, stores, models and invites.
pub const CORE_EXPORT: &str = "core.platform-mesh.io";
/// APIExport of identity provider configurations and export policies.
pub const SYSTEM_EXPORT: &str = "system.platform-mesh.io";
/// APIExport of providers.
pub const PROVIDERS_EXPORT: &str = "providers.platform-mesh.io";

/// WorkspaceType whose initializer and terminator the security operator serves; its marker is `root:security`.
pub const SECURITY_TYPE: &str = "security";
/// Initializer and terminator of [`SECURITY_TYPE`].
pub const SECURITY_MARKER: &str = "root:security";

/// On every Account, until its Workspace is gone.
pub const ACCOUNT_FINALIZER: &str = "account.core.platform-mesh.io/finalizer";
/// On Accounts of type org, until their WorkspaceTypes are gone.
pub const WORKSPACE_TYPE_FINALIZER: &str = "workspacetype.core.platform-mesh.io/finalizer";
/// On AccountInfo, until no child Account is left beside it (account operator).
pub const ACCOUNT_INFO_FINALIZER: &str = "account.core.platform-mesh.io/info";
/// On AccountInfo, until no APIBinding beside it needs it (security operator).
pub const SECURITY_ACCOUNT_INFO_FINALIZER: &str = "security.platform-mesh.io/accountinfo-finalizer";
/// On Store, until the relationship store is gone.
pub const STORE_FINALIZER: &str = "core.platform-mesh.io/fga-store";
/// On Store and AuthorizationModel, until their tuples are gone.
pub const TUPLES_FINALIZER: &str = "core.platform-mesh.io/fga-tuples";
/// On APIBinding, until its share of the organisation's model is gone.
pub const API_BINDING_FINALIZER: &str = "core.platform-mesh.io/apibinding-finalizer";
/// On IdentityProviderConfiguration, until realm and clients are gone.
pub const IDENTITY_PROVIDER_FINALIZER: &str = "core.platform-mesh.io/idp-finalizer";
/// On APIExportPolicy, until its tuples are gone.
pub const API_EXPORT_POLICY_FINALIZER: &str = "system.platform-mesh.io/apiexportpolicy-finalizer";

/// On WorkspaceTypes of an organisation: the organisation's name.
pub const ORG_LABEL: &str = "core.platform-mesh.io/org";
/// On client Secrets: the IdentityProviderConfiguration's name.
pub const IDP_NAME_LABEL: &str = "core.platform-mesh.io/idp-name";
/// On client Secrets: the client's name.
pub const CLIENT_NAME_LABEL: &str = "core.platform-mesh.io/client-name";
/// Selects which instance of an operator handles an object.
pub const DEBUG_LABEL: &str = "debug.platform-mesh.io";
/// Asks for one reconcile out of turn.
pub const REFRESH_LABEL: &str = "platform-mesh.io/refresh-reconcile";
/// On Invites made by the access management service: SHA-1 of the mail address.
pub const INVITE_EMAIL_HASH_LABEL: &str = "platform-mesh.io/invite-email-hash";

/// The component that made an object; stamped once, never taken over.
pub const OWNED_BY_ANNOTATION: &str = "core.platform-mesh.io/owned-by";

/// The condition that sums up all others.
pub const READY: &str = "Ready";

/// Service account of the account operator.
pub const ACCOUNT_OPERATOR: &str = "account-operator";
/// Service account of the security operator.
pub const SECURITY_OPERATOR: &str = "security-operator";
/// Service account of the authorization webhook.
pub const REBAC_AUTHZ_WEBHOOK: &str = "rebac-authz-webhook";

/// Path of the mutating admission of Accounts.
pub const ACCOUNT_MUTATE_PATH: &str = "/mutate-core-platform-mesh-io-v1alpha1-account";
/// Path of the validating admission of Accounts.
pub const ACCOUNT_VALIDATE_PATH: &str = "/validate-core-platform-mesh-io-v1alpha1-account";
/// Path of the validating admission of IdentityProviderConfigurations.
pub const IDENTITY_PROVIDER_VALIDATE_PATH: &str =
    "/validate-core-platform-mesh-io-v1alpha1-identityproviderconfiguration";
