//! Service accounts: the issuer of their tokens, and what the tokens depend on, read from the store.

use std::sync::Arc;

use apiserver::{
    ApiError, Partition, StoragePrefix, Store,
    store::ObjectKey,
    tokens::{SignedToken, TokenClaims, TokenIssuer},
};
use async_trait::async_trait;
use jiff::Timestamp;

use crate::authentication::service_accounts::{
    ISSUER, ServiceAccountGetter, ServiceAccountTokens, TokenRequest,
};

fn accounts() -> StoragePrefix {
    StoragePrefix::new("", "serviceaccounts")
}

fn secrets() -> StoragePrefix {
    StoragePrefix::new("", "secrets")
}

/// Reads accounts and secrets from the store.
pub struct StoredAccounts(pub Store);

impl StoredAccounts {
    fn uid(
        &self,
        prefix: &StoragePrefix,
        cluster: &Partition,
        namespace: &str,
        name: &str,
    ) -> Option<String> {
        let object = self.0.get(prefix, &ObjectKey::new(cluster.clone(), namespace, name))?.value();
        let deleting = object["metadata"]["deletionTimestamp"].is_string();
        object["metadata"]["uid"].as_str().filter(|_| !deleting).map(str::to_owned)
    }
}

impl ServiceAccountGetter for StoredAccounts {
    fn account_uid(&self, cluster: &Partition, namespace: &str, name: &str) -> Option<String> {
        self.uid(&accounts(), cluster, namespace, name)
    }

    fn secret_uid(&self, cluster: &Partition, namespace: &str, name: &str) -> Option<String> {
        self.uid(&secrets(), cluster, namespace, name)
    }
}

/// Signs what subresource `serviceaccounts/token` asks for.
pub struct Issuer(pub Arc<ServiceAccountTokens>);

#[async_trait]
impl TokenIssuer for Issuer {
    async fn issue(&self, claims: &TokenClaims) -> Result<SignedToken, ApiError> {
        let request = TokenRequest {
            cluster: claims.partition.as_str(),
            namespace: &claims.namespace,
            name: &claims.name,
            uid: &claims.uid,
            audiences: claims.audiences.clone(),
            seconds: claims.seconds.unwrap_or(3600),
            secret: claims.secret.as_ref().map(|(name, uid)| (name.as_str(), uid.as_str())),
        };
        if claims.seconds.is_none() {
            let token = self.0.issue_for_secret(&request).map_err(ApiError::internal)?;
            return Ok(SignedToken { token, expires: Timestamp::MAX, audiences: vec![ISSUER.to_owned()] });
        }
        let issued = self.0.issue(&request).map_err(ApiError::internal)?;
        let expires = issued.expires.parse().map_err(ApiError::internal)?;
        let audiences =
            if claims.audiences.is_empty() { vec![ISSUER.to_owned()] } else { claims.audiences.clone() };
        Ok(SignedToken { token: issued.token, expires, audiences })
    }
}
