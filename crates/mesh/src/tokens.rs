//! Documents of issuers, by which the control plane verifies tokens of people: those of the issuer in this process
//! without a socket, those of others over HTTPS.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use identity_provider::{ServiceTransport, Transport as _};
use serde_json::Value;
use token_verifier::{Fetch, FetchError, HttpsFetch};

/// Near or far, by URL.
pub(crate) struct IssuerDocuments {
    base: String,
    near: ServiceTransport,
    far: HttpsFetch,
}

impl IssuerDocuments {
    /// Documents below `base` come from `issuer`.
    pub(crate) fn new(base: &str, issuer: axum::Router) -> Self {
        Self {
            base: format!("{}/", base.trim_end_matches('/')),
            near: ServiceTransport::new(issuer),
            far: HttpsFetch::with_deadline(Duration::from_secs(5)),
        }
    }
}

#[async_trait]
impl Fetch for IssuerDocuments {
    async fn get(&self, url: &str, authority: Option<&str>) -> Result<Value, FetchError> {
        if !url.starts_with(&self.base) {
            return self.far.get(url, authority).await;
        }
        let transport = |cause: String| FetchError::Transport { url: url.to_owned(), cause };
        let request = Request::get(url).body(Bytes::new()).map_err(|error| transport(error.to_string()))?;
        let answer = self.near.send(request).await.map_err(transport)?;
        if !answer.status().is_success() {
            return Err(FetchError::Status { url: url.to_owned(), status: answer.status().as_u16() });
        }
        serde_json::from_slice(answer.body())
            .map_err(|error| FetchError::Body { url: url.to_owned(), cause: format!("not JSON: {error}") })
    }
}

#[cfg(test)]
mod tests {
    use identity_provider::{DevelopmentIssuer, RealmSettings};

    use super::*;

    #[tokio::test]
    async fn wac_03_documents_of_the_own_issuer_need_no_socket_and_no_plain_text_is_trusted() {
        let base = "https://127.0.0.1:1/keycloak";
        let issuer = DevelopmentIssuer::new(base, runtime::Clock::system(), runtime::Ids::seeded(1)).unwrap();
        issuer.add_realm(&RealmSettings::new("acme")).unwrap();
        let documents = IssuerDocuments::new(base, issuer.router());
        let url = format!("{base}/realms/acme/.well-known/openid-configuration");
        let found = documents.get(&url, None).await.unwrap();
        assert_eq!(found["issuer"], format!("{base}/realms/acme"));
        let missing = documents.get(&url.replace("acme", "other"), None).await.unwrap_err();
        assert!(matches!(missing, FetchError::Status { status: 404, .. }), "{missing}");
        assert!(documents.get("http://127.0.0.1:1/keycloak/x", None).await.is_err());
    }
}
