//! Whose tokens are accepted, and for which audiences.

/// An OpenID Connect issuer, with the fields of Kubernetes' structured authentication configuration.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Issuer {
    /// The issuer URL, compared with the `iss` claim letter by letter.
    pub url: String,
    /// Where the discovery document lies when it is not below `url`.
    pub discovery_url: Option<String>,
    /// Accepted audiences; a token needs one of them (`MatchAny`). An empty list accepts nothing.
    pub audiences: Vec<String>,
    /// PEM certificates that the issuer's server certificate must lead to; `None` takes the system's roots.
    pub certificate_authority: Option<String>,
}

impl Issuer {
    /// An issuer that is found by discovery below its URL.
    pub fn new(url: impl Into<String>, audiences: impl IntoIterator<Item = String>) -> Self {
        Self {
            url: url.into(),
            discovery_url: None,
            audiences: audiences.into_iter().collect(),
            certificate_authority: None,
        }
    }

    /// The URL of the discovery document (OpenID Connect Discovery 1.0, section 4).
    pub fn discovery_document(&self) -> String {
        match &self.discovery_url {
            Some(url) => url.clone(),
            None => format!("{}/.well-known/openid-configuration", self.url.trim_end_matches('/')),
        }
    }
}
