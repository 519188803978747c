//! Issuers of a workspace: what the WorkspaceType of the target workspace names in `spec.authenticationConfigurations`.
//!
//! The configurations are read at each use, so a change counts at once; an issuer that fails, or a reference that leads
//! nowhere, disables itself alone. Extended types are not consulted.

use std::{collections::BTreeMap, sync::Arc};

use apiserver::{Partition, UserInfo};
use async_trait::async_trait;
use base64::Engine as _;
use serde_json::Value;

use super::{AuthenticationError, TokenAuthenticator};
use crate::identity::{EXTRA_CLUSTER_NAME, EXTRA_SCOPES, GROUP_AUTHENTICATED};

/// What a verified token says of its bearer, mapped by the authenticator's claim mappings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MappedUser {
    /// User name.
    pub name: String,
    /// User id, empty where none is mapped.
    pub uid: String,
    /// Groups.
    pub groups: Vec<String>,
    /// Extras.
    pub extra: BTreeMap<String, Vec<String>>,
}

/// Verifies tokens against one issuer. The token verifier implements it; discovery and keys are its concern.
#[async_trait]
pub trait JwtVerifier: Send + Sync {
    /// Verifies `token` against one JWTAuthenticator, as `spec.jwt[]` of a WorkspaceAuthenticationConfiguration or
    /// `jwt[]` of an AuthenticationConfiguration writes it.
    ///
    /// # Errors
    /// A sentence for the log if the authenticator or the token is not valid, or the issuer cannot be reached.
    async fn verify(&self, authenticator: &Value, token: &str) -> Result<MappedUser, String>;
}

/// Finds the JWTAuthenticators of a cluster.
pub trait WorkspaceIssuers: Send + Sync {
    /// The authenticators that the cluster's WorkspaceType names, in order; references that lead nowhere are skipped.
    fn authenticators(&self, cluster: &Partition) -> Vec<Value>;
}

/// Authenticates against the issuers of the target workspace.
pub struct WorkspaceOidc {
    issuers: Arc<dyn WorkspaceIssuers>,
    verifier: Arc<dyn JwtVerifier>,
}

impl WorkspaceOidc {
    /// Issuers from one source, verification by another.
    pub fn new(issuers: Arc<dyn WorkspaceIssuers>, verifier: Arc<dyn JwtVerifier>) -> Self {
        Self { issuers, verifier }
    }
}

#[async_trait]
impl TokenAuthenticator for WorkspaceOidc {
    async fn authenticate(
        &self,
        token: &str,
        cluster: Option<&Partition>,
    ) -> Result<Option<UserInfo>, AuthenticationError> {
        let (Some(cluster), Some(issuer)) = (cluster, unverified_issuer(token)) else { return Ok(None) };
        match first_valid(self.verifier.as_ref(), &self.issuers.authenticators(cluster), &issuer, token)
            .await?
        {
            Some(user) => workspace_user(user, cluster).map(Some),
            None => Ok(None),
        }
    }
}

/// Authenticates against the server-wide AuthenticationConfiguration: identities without scope, valid everywhere.
pub struct GlobalOidc {
    authenticators: Vec<Value>,
    verifier: Arc<dyn JwtVerifier>,
}

impl GlobalOidc {
    /// The `jwt` entries of the configuration.
    pub fn new(authenticators: Vec<Value>, verifier: Arc<dyn JwtVerifier>) -> Self {
        Self { authenticators, verifier }
    }
}

#[async_trait]
impl TokenAuthenticator for GlobalOidc {
    async fn authenticate(
        &self,
        token: &str,
        _cluster: Option<&Partition>,
    ) -> Result<Option<UserInfo>, AuthenticationError> {
        let Some(issuer) = unverified_issuer(token) else { return Ok(None) };
        let user = first_valid(self.verifier.as_ref(), &self.authenticators, &issuer, token).await?;
        user.map(outside_user).transpose()
    }
}

async fn first_valid(
    verifier: &dyn JwtVerifier,
    authenticators: &[Value],
    issuer: &str,
    token: &str,
) -> Result<Option<MappedUser>, AuthenticationError> {
    let mut refusal = None;
    for authenticator in authenticators.iter().filter(|a| a["issuer"]["url"].as_str() == Some(issuer)) {
        match verifier.verify(authenticator, token).await {
            Ok(user) => return Ok(Some(user)),
            Err(why) => {
                tracing::info!(issuer, error = why.as_str(), "token refused by an issuer of the workspace");
                refusal = Some(AuthenticationError::InvalidToken(why));
            }
        }
    }
    refusal.map_or(Ok(None), Err)
}

/// The mapped user without what belongs to the system.
fn outside_user(user: MappedUser) -> Result<UserInfo, AuthenticationError> {
    let MappedUser { name, uid, mut groups, mut extra } = user;
    if name.is_empty() || name.starts_with("system:") {
        return Err(AuthenticationError::InvalidToken(
            "the user name is empty or begins with `system:`".to_owned(),
        ));
    }
    groups.retain(|group| !group.starts_with("system:"));
    groups.push(GROUP_AUTHENTICATED.to_owned());
    extra.retain(|key, _| !key.contains("kcp.io"));
    Ok(UserInfo { name, uid, groups, extra })
}

/// The user as it counts in its workspace only.
fn workspace_user(user: MappedUser, cluster: &Partition) -> Result<UserInfo, AuthenticationError> {
    let mut user = outside_user(user)?;
    user.extra.insert(EXTRA_SCOPES.to_owned(), vec![format!("cluster:{cluster}")]);
    user.extra.insert(EXTRA_CLUSTER_NAME.to_owned(), vec![cluster.as_str().to_owned()]);
    Ok(user)
}

/// Claim `iss` of a token that nobody verified yet: only good for choosing who shall verify it.
fn unverified_issuer(token: &str) -> Option<String> {
    let payload = token.split('.').nth(1)?;
    let bytes =
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    let claims: Value = serde_json::from_slice(&bytes).ok()?;
    claims["iss"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    struct Fixed(Vec<Value>);
    impl WorkspaceIssuers for Fixed {
        fn authenticators(&self, _cluster: &Partition) -> Vec<Value> {
            self.0.clone()
        }
    }

    struct Says(&'static str);
    #[async_trait]
    impl JwtVerifier for Says {
        async fn verify(&self, authenticator: &Value, _token: &str) -> Result<MappedUser, String> {
            if authenticator["broken"] == true {
                return Err("no keys".into());
            }
            Ok(MappedUser {
                name: self.0.into(),
                groups: vec!["developers".into(), "system:masters".into()],
                extra: BTreeMap::from([
                    (EXTRA_SCOPES.into(), vec!["cluster:root".into()]),
                    ("a/b".into(), vec!["c".into()]),
                ]),
                ..MappedUser::default()
            })
        }
    }

    fn token(issuer: &str) -> String {
        let payload =
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json!({"iss": issuer}).to_string());
        format!("e30.{payload}.sig")
    }

    fn oidc(name: &'static str, jwt: Vec<Value>) -> WorkspaceOidc {
        WorkspaceOidc::new(Arc::new(Fixed(jwt)), Arc::new(Says(name)))
    }

    #[tokio::test]
    async fn wac_03_workspace_user_is_scoped_and_loses_what_belongs_to_the_system() {
        let oidc = oidc("alice@example.io", vec![json!({"issuer": {"url": "https://i"}})]);
        let cluster = Partition::from("c1");
        let user = oidc.authenticate(&token("https://i"), Some(&cluster)).await.unwrap().unwrap();
        assert_eq!(user.groups, ["developers", "system:authenticated"]);
        assert_eq!(user.extra[EXTRA_SCOPES], ["cluster:c1"]);
        assert_eq!(user.extra.keys().filter(|k| k.contains("kcp.io")).count(), 2);
        assert_eq!(oidc.authenticate(&token("https://other"), Some(&cluster)).await, Ok(None));
        assert_eq!(oidc.authenticate(&token("https://i"), None).await, Ok(None));
    }

    #[tokio::test]
    async fn wac_03_system_names_are_refused_and_one_broken_issuer_disables_only_itself() {
        let cluster = Partition::from("c1");
        let system = oidc("system:admin", vec![json!({"issuer": {"url": "https://i"}})]);
        assert!(system.authenticate(&token("https://i"), Some(&cluster)).await.is_err());
        let broken = json!({"issuer": {"url": "https://i"}, "broken": true});
        let both = oidc("bob", vec![broken.clone(), json!({"issuer": {"url": "https://i"}})]);
        assert!(both.authenticate(&token("https://i"), Some(&cluster)).await.unwrap().is_some());
        assert!(oidc("bob", vec![broken]).authenticate(&token("https://i"), Some(&cluster)).await.is_err());
    }
}
