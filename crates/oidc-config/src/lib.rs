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

mod authentication; // the file for the whole server
mod authorization; // the chain of authorizers, with the webhook
mod authorization_rules; // what a server refuses, and what one should not want
mod duration;
mod finding; // a field, what is wrong or risky, what to do
mod jwt_lint; // what a server takes and one should not want
mod jwt_rules; // what a server refuses
mod realm; // the authentication of one realm // 30s, 5m0s

pub use authentication::{AuthenticationConfiguration, ReadError};
pub use authorization::{
    AuthorizationConfiguration, Authorizer, ConnectionInfo, MatchCondition, WebhookAuthorizer, WebhookSource,
};
pub use authorization_rules::{lint_authorization, validate_authorization};
pub use duration::{DurationError, parse_duration};
pub use finding::{Fault, Finding};
pub use jwt_lint::{Reach, lint_jwt, lint_jwt_of};
pub use jwt_rules::validate_jwt;
pub use realm::{Realm, UNVERIFIED_EMAIL_MESSAGE, UNVERIFIED_EMAIL_RULE, authentication_reference};
