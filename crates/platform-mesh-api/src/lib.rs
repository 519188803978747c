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

mod kind; // what every kind has: metadata, spec, status, and room for fields not known here
pub mod names; // finalizers, labels, fixed names: the strings that other processes rely on

mod account; // what a person creates
mod account_info; // what every account workspace holds
mod api_export_policy;
mod authorization_model; // what one bound API adds to them
mod identity_provider_configuration; // realm and clients of an organisation
mod invite; // a person asked to join
mod store; // the relationships of one organisation // who may bind an export

mod definition; // kind to CustomResourceDefinition and APIResourceSchema
mod neighbours;
pub mod schema; // structural schemas, written as Rust // kinds of other groups that the exports also carry

pub mod bootstrap; // everything an empty kcp needs, in order

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
pub use definition::{Definition, PrinterColumn, definition, definitions};
pub use identity_provider_configuration::{
    ClientType, IDENTITY_PROVIDER_CONFIGURATION, IdentityProviderClient, IdentityProviderConfiguration,
    IdentityProviderConfigurationSpec, IdentityProviderConfigurationStatus, ManagedClient, SecretRef,
};
pub use invite::{INVITE, Invite, InviteSpec, InviteStatus};
pub use kind::{Condition, Extra, condition_is_true, find_condition};
pub use store::{STORE, Store, StoreSpec, StoreStatus, Tuple};
