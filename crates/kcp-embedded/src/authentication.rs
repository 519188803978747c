//! Who is calling: client certificates, static tokens, service account tokens, issuers of the workspace, or nobody.
//!
//! A credential that is given but not valid is refused (401) wherever the request goes; no credential is anonymous.

pub mod certificates; // CN and O of a verified client certificate
pub mod issuers; // tokens of issuers verified, claims mapped
pub mod service_accounts; // RS256 tokens of service accounts, issued and checked
pub mod tokens; // static tokens and the token file
pub mod workspace_oidc; // issuers that the workspace's type names

use std::sync::Arc;

use apiserver::{Partition, UserInfo};
use async_trait::async_trait;
use runtime::PeerCertificate;

use crate::identity::{
    GROUP_AUTHENTICATED, GROUP_EXTERNAL_LOGICAL_CLUSTER_ADMIN, GROUP_LOGICAL_CLUSTER_ADMIN, GROUP_MASTERS,
    GROUP_UNAUTHENTICATED, anonymous,
};

/// Why credentials were refused. The caller sees 401 without the cause.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticationError {
    /// The token is of a form an authenticator knows, but not valid.
    #[error("token is not valid: {0}")]
    InvalidToken(String),
    /// No authenticator knows the token.
    #[error("no authenticator knows the token")]
    UnknownToken,
    /// The certificate names nobody.
    #[error("client certificate is not valid: {0}")]
    InvalidCertificate(String),
}

/// One way to authenticate a bearer token.
#[async_trait]
pub trait TokenAuthenticator: Send + Sync {
    /// The user of the token in a cluster; `None` if the token is of another kind.
    ///
    /// # Errors
    /// [`AuthenticationError`] if the token is of this kind but not valid.
    async fn authenticate(
        &self,
        token: &str,
        cluster: Option<&Partition>,
    ) -> Result<Option<UserInfo>, AuthenticationError>;
}

/// The credentials of one request.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// The verified client certificate.
    pub certificate: Option<PeerCertificate>,
    /// The bearer token.
    pub token: Option<String>,
}

impl Credentials {
    /// Reads the bearer token of an `Authorization` header value.
    pub fn bearer(header: Option<&str>) -> Option<String> {
        let (scheme, token) = header?.trim().split_once(' ')?;
        let token = token.trim();
        (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| token.to_owned())
    }
}

/// The authenticators in the order in which they are asked.
#[derive(Clone)]
pub struct Authentication {
    authenticators: Arc<[Arc<dyn TokenAuthenticator>]>,
    drop_privileged_groups: bool,
}

impl std::fmt::Debug for Authentication {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authentication")
            .field("authenticators", &self.authenticators.len())
            .finish_non_exhaustive()
    }
}

impl Authentication {
    /// Authenticators in order. `drop_privileged_groups` removes groups that no client certificate may claim, as the
    /// front proxy of an installation does.
    pub fn new(authenticators: Vec<Arc<dyn TokenAuthenticator>>, drop_privileged_groups: bool) -> Self {
        Self { authenticators: authenticators.into(), drop_privileged_groups }
    }

    /// The caller behind these credentials; anonymous without any.
    ///
    /// # Errors
    /// [`AuthenticationError`] for credentials that are given but not valid.
    pub async fn authenticate(
        &self,
        credentials: &Credentials,
        cluster: Option<&Partition>,
    ) -> Result<UserInfo, AuthenticationError> {
        if let Some(certificate) = &credentials.certificate {
            let mut user = certificates::user_of(certificate)?;
            if self.drop_privileged_groups {
                user.groups.retain(|group| !is_privileged_group(group));
            }
            return Ok(authenticated(user));
        }
        match &credentials.token {
            Some(token) => self.authenticate_token(token, cluster).await,
            None => Ok(anonymous()),
        }
    }

    /// The user of a bearer token as this cluster's authenticators see it.
    ///
    /// # Errors
    /// [`AuthenticationError`] if none accepts it.
    pub async fn authenticate_token(
        &self,
        token: &str,
        cluster: Option<&Partition>,
    ) -> Result<UserInfo, AuthenticationError> {
        let mut refusal = AuthenticationError::UnknownToken;
        for authenticator in self.authenticators.iter() {
            match authenticator.authenticate(token, cluster).await {
                Ok(Some(user)) => return Ok(authenticated(user)),
                Ok(None) => {}
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }
}

/// Groups that an outside identity may not bring along.
pub fn is_privileged_group(group: &str) -> bool {
    [GROUP_MASTERS, GROUP_LOGICAL_CLUSTER_ADMIN, GROUP_EXTERNAL_LOGICAL_CLUSTER_ADMIN].contains(&group)
        || group.starts_with("system:kcp:initializer:")
        || group.starts_with("system:kcp:terminator:")
}

fn authenticated(mut user: UserInfo) -> UserInfo {
    let known = user.groups.iter().any(|g| g == GROUP_AUTHENTICATED || g == GROUP_UNAUTHENTICATED);
    if !known {
        user.groups.push(GROUP_AUTHENTICATED.to_owned());
    }
    user
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dev_02_bearer_header_is_read_whatever_the_case_of_its_scheme() {
        assert_eq!(Credentials::bearer(Some("Bearer abc")).as_deref(), Some("abc"));
        assert_eq!(Credentials::bearer(Some("bearer  abc ")).as_deref(), Some("abc"));
        assert_eq!(Credentials::bearer(Some("Basic abc")), None);
        assert_eq!(Credentials::bearer(Some("Bearer ")), None);
    }
}
