//! The kinds of `core.platform-mesh.io`, the manifests generated from them, and the ordered list of objects that
//! makes a Platform Mesh of an empty kcp. Never talks to anything: no client, no clock, no files.
//!
//! ```
//! use platform_mesh_api::{Account, AccountSpec, names};
//!
//! let mut account = Account::new("acme", AccountSpec { kind: names::ACCOUNT_TYPE_ORG.into(), display_name: "Acme".into(), ..Default::default() });
//! account.spec.creator = Some("ann@acme.test".into());
//! let text = serde_json::to_value(&account)?;
//! assert_eq!(text["spec"], serde_json::json!({"type": "org", "displayName": "Acme", "creator": "ann@acme.test"}));
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! | Feature | Adds |
//! | --- | --- |
//! | `testing` | arbitrary objects of every kind for property tests; brings proptest |

mod condition; // conditions of a status
mod kind; // what every kind has: metadata, spec, status, and room for fields not known here
pub mod names; // finalizers, labels, fixed names: the strings that other processes rely on
mod secret_ref; // a Secret by namespace and name

mod account; // what a person creates
mod account_info; // what every account workspace holds
mod api_export_policy; // who may bind an export
mod authorization_model; // what one bound API adds to the relationships of an organisation
mod identity_provider_configuration; // realm and clients of an organisation
mod invite; // a person asked to join
mod store; // the relationships of one organisation

// Kinds of other groups that the exports also carry:
mod content_configuration; // a piece of the portal
mod provider; // somebody who offers APIs
mod provider_metadata; // what people see of a provider
mod provider_permissions; // relations of an export's resources

mod definition; // kind to CustomResourceDefinition and APIResourceSchema
pub mod schema; // structural schemas, written as Rust

pub mod bootstrap; // everything an empty kcp needs, in order

#[cfg(feature = "testing")]
pub mod testing; // arbitrary objects of every kind

pub use account::{ACCOUNT, Account, AccountExtension, AccountSpec, AccountStatus};
pub use account_info::{
    ACCOUNT_INFO, AccountInfo, AccountInfoSpec, AccountInfoStatus, AccountLocation, ClusterInfo, FgaInfo,
    OidcClient, OidcInfo, StoreInfo,
};
pub use api_export_policy::{
    API_EXPORT_POLICY, ApiExportPolicy, ApiExportPolicySpec, ApiExportPolicyStatus, ApiExportRef,
};
pub use authorization_model::{
    AUTHORIZATION_MODEL, AuthorizationModel, AuthorizationModelSpec, AuthorizationModelStatus, StoreRef,
};
pub use condition::{
    Condition, condition_is_true, find_condition, is_ready, remove_condition, set_condition,
};
pub use content_configuration::{
    CONTENT_CONFIGURATION, ContentAuthentication, ContentConfiguration, ContentConfigurationSpec,
    ContentConfigurationStatus, ContentType, InlineContent, LocalSecretRef, RemoteContent,
};
pub use definition::{Definition, PrinterColumn, definition, definitions};
pub use identity_provider_configuration::{
    ClientType, IDENTITY_PROVIDER_CONFIGURATION, IdentityProviderClient, IdentityProviderConfiguration,
    IdentityProviderConfigurationSpec, IdentityProviderConfigurationStatus, ManagedClient,
};
pub use invite::{INVITE, Invite, InviteSpec, InviteStatus};
pub use kind::Extra;
pub use provider::{KubeconfigSecret, PROVIDER, Provider, ProviderSpec, ProviderStatus};
pub use provider_metadata::{
    PROVIDER_METADATA, ProviderContact, ProviderIcon, ProviderLink, ProviderMetadata, ProviderMetadataSpec,
    ProviderMetadataStatus, ProviderPicture,
};
pub use provider_permissions::{
    DefaultPermissions, ExportName, ExportOfPermissions, PROVIDER_PERMISSIONS, ProviderPermissions,
    ProviderPermissionsSpec, ProviderPermissionsStatus, ResourcePermissions, ResourceRole, ResourceRoles,
};
pub use secret_ref::SecretRef;
pub use store::{STORE, Store, StoreSpec, StoreStatus, Tuple};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
