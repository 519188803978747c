//! Any of the three configurations, told apart by its kind: what a reviewer or a command line has before it.

use kcp_api::{Kind as _, Lossless, tenancy::v1alpha1::WorkspaceAuthenticationConfiguration};

use crate::{
    authentication::AuthenticationConfiguration,
    authentication_rules::{lint_authentication, validate_authentication},
    authorization::AuthorizationConfiguration,
    authorization_rules::{lint_authorization, validate_authorization},
    finding::{Fault, Finding},
    jwt_lint::lint_jwt,
    jwt_rules::validate_jwt,
    read::{
        ReadError, check_file, check_jwt_fields, no_configuration, read_value, typed, version_and_kind,
        workspace_authentication,
    },
};

/// One of the three configurations.
///
/// ```
/// use oidc_config::Configuration;
///
/// let text = br#"
/// apiVersion: apiserver.config.k8s.io/v1
/// kind: AuthenticationConfiguration
/// jwt:
/// - issuer: {url: "http://portal.example.org", audiences: [kubectl]}
///   claimMappings: {username: {claim: email, prefix: "portal:"}}
/// "#;
/// let configuration = Configuration::read(text)?;
/// assert_eq!(configuration.validate()[0].to_string(), "jwt[0].issuer.url: URL scheme must be https");
/// assert_eq!(configuration.lint()[0].field, "jwt[0].issuer.url");
/// # Ok::<(), oidc_config::ReadError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Configuration {
    /// The issuers that a whole server trusts.
    Authentication(AuthenticationConfiguration),
    /// The issuers that workspaces of a type trust.
    WorkspaceAuthentication(Box<Lossless<WorkspaceAuthenticationConfiguration>>),
    /// The chain of authorizers of a server.
    Authorization(AuthorizationConfiguration),
}

impl Configuration {
    /// Reads YAML or JSON of whichever kind it says it is.
    ///
    /// # Errors
    /// Text that is too large or cannot be read, none of the three kinds, a field of another type, and for the files of
    /// a server an unknown field.
    pub fn read(text: &[u8]) -> Result<Self, ReadError> {
        let value = read_value(text)?;
        match version_and_kind(&value).1 {
            AuthenticationConfiguration::KIND => {
                let value = check_file(value, AuthenticationConfiguration::KIND)?;
                let read = typed(&value)?;
                check_jwt_fields(&value["jwt"])?;
                Ok(Self::Authentication(read))
            }
            AuthorizationConfiguration::KIND => {
                typed(&check_file(value, AuthorizationConfiguration::KIND)?).map(Self::Authorization)
            }
            WorkspaceAuthenticationConfiguration::KIND => {
                workspace_authentication(value).map(|read| Self::WorkspaceAuthentication(Box::new(read)))
            }
            _ => Err(no_configuration(&value)),
        }
    }

    /// Everything that keeps a server from using it.
    pub fn validate(&self) -> Vec<Fault> {
        match self {
            Self::Authentication(file) => validate_authentication(file),
            Self::WorkspaceAuthentication(object) => validate_jwt("spec.jwt", &object.spec.jwt),
            Self::Authorization(file) => validate_authorization(file),
        }
    }

    /// What a server takes, and one should not want.
    pub fn lint(&self) -> Vec<Finding> {
        match self {
            Self::Authentication(file) => lint_authentication(file),
            Self::WorkspaceAuthentication(object) => lint_jwt("spec.jwt", &object.spec.jwt),
            Self::Authorization(file) => lint_authorization(file),
        }
    }
}
