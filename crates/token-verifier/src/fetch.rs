//! The one seam to the network: a GET that answers JSON.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

/// Why a document could not be fetched.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Not an `https` URL; Kubernetes accepts no other issuer.
    #[error("`{0}` is not an https URL")]
    NotHttps(String),
    /// The certificate authority of the configuration is not PEM.
    #[error("certificate authority is not PEM: {0}")]
    Authority(String),
    /// No connection, or it broke.
    #[error("GET {url}: {cause}")]
    Transport {
        /// The URL.
        url: String,
        /// What the network said.
        cause: String,
    },
    /// An answer that is not a success.
    #[error("GET {url}: status {status}")]
    Status {
        /// The URL.
        url: String,
        /// HTTP status code.
        status: u16,
    },
    /// An answer that is no JSON or too long.
    #[error("GET {url}: {cause}")]
    Body {
        /// The URL.
        url: String,
        /// What is wrong with it.
        cause: String,
    },
}

/// Fetches discovery documents and key sets.
#[async_trait]
pub trait Fetch: Send + Sync {
    /// The JSON document at `url`, over a connection that leads to `authority` (PEM) where one is given.
    async fn get(&self, url: &str, authority: Option<&str>) -> Result<Value, FetchError>;
}

/// Longest document that is read, in bytes; key sets of real issuers have a few KiB.
const DOCUMENT_MAX: usize = 1 << 20;

/// [`Fetch`] over HTTPS, with a deadline of ten seconds for a document.
#[derive(Clone, Debug)]
pub struct HttpsFetch {
    deadline: Duration,
}

impl Default for HttpsFetch {
    fn default() -> Self {
        Self { deadline: Duration::from_secs(10) }
    }
}

impl HttpsFetch {
    /// The same with another deadline for each document.
    pub fn with_deadline(deadline: Duration) -> Self {
        Self { deadline }
    }

    fn client(&self, authority: Option<&str>) -> Result<reqwest::Client, FetchError> {
        let mut builder = reqwest::Client::builder()
            .timeout(self.deadline)
            .redirect(reqwest::redirect::Policy::none())
            .https_only(true);
        if let Some(pem) = authority {
            let bad = |e: reqwest::Error| FetchError::Authority(e.to_string());
            let roots = reqwest::Certificate::from_pem_bundle(pem.as_bytes()).map_err(bad)?;
            if roots.is_empty() {
                return Err(FetchError::Authority("it holds no certificate".into()));
            }
            builder = builder.tls_certs_only(roots);
        }
        builder.build().map_err(|e| FetchError::Authority(e.to_string()))
    }
}

#[async_trait]
impl Fetch for HttpsFetch {
    async fn get(&self, url: &str, authority: Option<&str>) -> Result<Value, FetchError> {
        if !url.starts_with("https://") {
            return Err(FetchError::NotHttps(url.to_owned()));
        }
        let transport =
            |cause: reqwest::Error| FetchError::Transport { url: url.to_owned(), cause: chain(&cause) };
        let mut answer = self.client(authority)?.get(url).send().await.map_err(transport)?;
        if !answer.status().is_success() {
            return Err(FetchError::Status { url: url.to_owned(), status: answer.status().as_u16() });
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(transport)? {
            if body.len() + chunk.len() > DOCUMENT_MAX {
                let cause = format!("longer than {DOCUMENT_MAX} bytes");
                return Err(FetchError::Body { url: url.to_owned(), cause });
            }
            body.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&body)
            .map_err(|e| FetchError::Body { url: url.to_owned(), cause: format!("not JSON: {e}") })
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
