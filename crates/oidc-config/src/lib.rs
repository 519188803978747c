//! Who may log in and who decides: AuthenticationConfiguration, WorkspaceAuthenticationConfiguration and
//! AuthorizationConfiguration, generated, validated and linted. Never speaks HTTP, never reads a file.
//!
//! Equal input gives byte-equal output, so that a controller which compares before it writes never writes twice.
//!
//! ```
//! use oidc_config::{Realm, lint_jwt, validate_jwt};
//!
//! let realm = Realm::new("https://portal.example.org/keycloak/realms/acme", ["kubectl-id", "acme-id"]);
//! let configuration = realm.workspace_authentication("acme");
//! assert_eq!(configuration.spec.jwt[0].issuer.audiences.as_deref(), Some(&["acme-id".to_owned(), "kubectl-id".to_owned()][..]));
//! assert!(validate_jwt("spec.jwt", &configuration.spec.jwt).is_empty());
//! for finding in lint_jwt("spec.jwt", &configuration.spec.jwt) {
//!     println!("{finding}");
//! }
//! ```

mod read; // text from strangers: bounded, and refused with the field

mod authentication; // the file for the whole server
mod authentication_rules; // what a server refuses in it, and what one should not want
mod authorization; // the chain of authorizers, with the webhook
mod authorization_rules; // what a server refuses in it, and what one should not want
mod configuration; // any of the three kinds
mod duration; // 30s, 5m0s
mod expressions; // whether they compile, feature `expressions`
mod finding; // a field, what is wrong or risky, what to do
mod jwt_lint; // issuers: what a server takes and one should not want
mod jwt_rules; // issuers: what a server refuses
mod realm; // the authentication of one realm, generated

pub use authentication::{AnonymousAuthentication, AnonymousCondition, AuthenticationConfiguration};
pub use authentication_rules::{lint_authentication, validate_authentication};
pub use authorization::{
    AuthorizationConfiguration, Authorizer, ConnectionInfo, MatchCondition, WebhookAuthorizer, WebhookSource,
};
pub use authorization_rules::{lint_authorization, validate_authorization};
pub use configuration::Configuration;
pub use duration::{DurationError, parse_duration};
pub use finding::{Fault, Finding};
pub use jwt_lint::{Reach, lint_jwt, lint_jwt_of};
pub use jwt_rules::validate_jwt;
pub use read::{ReadError, TEXT_BYTES_MAX, read_workspace_authentication};
pub use realm::{Realm, UNVERIFIED_EMAIL_MESSAGE, UNVERIFIED_EMAIL_RULE, authentication_reference};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
