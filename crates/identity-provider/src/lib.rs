//! Identity providers: realms, clients, users and mail of an organisation, and a development issuer.
//!
//! [`IdentityProvider`] is the seam; [`Keycloak`] speaks Keycloak's admin REST and dynamic client registration;
//! [`DevelopmentIssuer`] answers the same calls in memory, signs OpenID Connect tokens and has a login page.
//! Never touches Kubernetes objects, and never decides what a token means.
//!
//! ```
//! use std::sync::Arc;
//! use identity_provider::{DevelopmentIssuer, IdentityProvider, Keycloak, RealmSettings, ServiceTransport};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), identity_provider::IdentityError> {
//! let issuer = DevelopmentIssuer::new("https://mesh.example.io/keycloak", runtime::Clock::system(), runtime::Ids::random())?;
//! let secret = issuer.add_admin_client("security-operator");
//! let keycloak = Keycloak::new(
//!     "https://mesh.example.io/keycloak",
//!     "security-operator",
//!     &secret,
//!     Arc::new(ServiceTransport::new(issuer.router())),
//! );
//! keycloak.ensure_realm(&RealmSettings::new("acme")).await?;
//! assert!(keycloak.realm_exists("acme").await?);
//! # Ok(()) }
//! ```

mod client; // metadata, registrations and handles of OpenID Connect clients
mod development_issuer; // the issuer for development: the same calls, in memory
mod error;
mod keycloak; // the seam over Keycloak's HTTP APIs
mod login; // a person's login without a browser: authorization code with PKCE
mod provider; // the seam: what an identity provider can be asked to do
mod realm; // settings of a realm, its mail server
mod transport; // how requests travel: HTTPS, or straight into a service
mod user; // users and what they must do at their next login // what went wrong, and who acts

pub use client::{
    ClientHandle, ClientMetadata, ClientSummary, RegisteredMetadata, Registration, TokenEndpointAuth,
};
pub use development_issuer::{DevelopmentIssuer, KEYCLOAK_PATH, MailMessage};
pub use error::{Category, IdentityError};
pub use keycloak::Keycloak;
pub use login::{Login, LoginError, Tokens};
pub use provider::IdentityProvider;
pub use realm::{MailServer, RealmChange, RealmSettings};
pub use transport::{HttpsTransport, ServiceTransport, Transport};
pub use user::{Credential, NewUser, RequiredAction, User};
