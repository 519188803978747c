//! HTTPS calls to a webhook that a kubeconfig file describes.

use std::time::Duration;

use base64::Engine as _;
use serde::Deserialize;

/// Largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// Why a webhook cannot be used or did not answer.
#[derive(Debug, thiserror::Error)]
pub enum WebhookClientError {
    /// The kubeconfig cannot be read.
    #[error("webhook kubeconfig is not valid: {0}")]
    Kubeconfig(String),
    /// A file the kubeconfig refers to cannot be read.
    #[error("file `{path}` of the webhook kubeconfig cannot be read")]
    File {
        /// Path of the file.
        path: String,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// The HTTP client cannot be built from it.
    #[error("webhook kubeconfig gives no usable client: {0}")]
    Client(String),
    /// No answer.
    #[error("the webhook did not answer: {0}")]
    Transport(String),
    /// An answer with a failure status.
    #[error("the webhook answered status {0}")]
    Status(u16),
    /// An answer that is not what was asked for.
    #[error("the webhook's answer is not valid: {0}")]
    Answer(String),
}

impl WebhookClientError {
    /// Whether asking again may help.
    pub fn may_pass(&self) -> bool {
        match self {
            WebhookClientError::Transport(_) => true,
            WebhookClientError::Status(code) => *code == 429 || *code >= 500,
            _ => false,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Kubeconfig {
    clusters: Vec<NamedCluster>,
    users: Vec<NamedUser>,
    contexts: Vec<NamedContext>,
    current_context: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NamedCluster {
    name: String,
    cluster: Cluster,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Cluster {
    server: String,
    certificate_authority: Option<String>,
    certificate_authority_data: Option<String>,
    insecure_skip_tls_verify: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NamedUser {
    name: String,
    user: User,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct User {
    client_certificate: Option<String>,
    client_certificate_data: Option<String>,
    client_key: Option<String>,
    client_key_data: Option<String>,
    token: Option<String>,
    #[serde(rename = "tokenFile")]
    token_file: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NamedContext {
    name: String,
    context: Context,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Context {
    cluster: String,
    user: String,
}

/// A client for one webhook.
#[derive(Clone, Debug)]
pub struct WebhookClient {
    http: reqwest::Client,
    url: String,
    token: Option<String>,
    basic: Option<(String, Option<String>)>,
}

impl WebhookClient {
    /// A client as the current context of a kubeconfig describes it.
    ///
    /// # Errors
    /// [`WebhookClientError`] if the text is no kubeconfig, or names no server, or its certificates cannot be used.
    pub fn from_kubeconfig(text: &str) -> Result<Self, WebhookClientError> {
        let config: Kubeconfig = serde_saphyr::from_str(text)
            .map_err(|error| WebhookClientError::Kubeconfig(error.to_string()))?;
        let context = config.contexts.iter().find(|c| c.name == config.current_context).ok_or_else(|| {
            WebhookClientError::Kubeconfig(format!("no context `{}`", config.current_context))
        })?;
        let cluster = config
            .clusters
            .iter()
            .find(|c| c.name == context.context.cluster)
            .map(|c| &c.cluster)
            .filter(|c| !c.server.is_empty())
            .ok_or_else(|| {
                WebhookClientError::Kubeconfig(format!("no server for cluster `{}`", context.context.cluster))
            })?;
        let nobody = User::default();
        let user = config.users.iter().find(|u| u.name == context.context.user).map_or(&nobody, |u| &u.user);

        let mut builder = reqwest::Client::builder().connect_timeout(Duration::from_secs(5));
        let ca =
            pem(cluster.certificate_authority.as_deref(), cluster.certificate_authority_data.as_deref())?;
        if let Some(ca) = ca {
            let certificates = reqwest::Certificate::from_pem_bundle(&ca)
                .map_err(|error| WebhookClientError::Client(error.to_string()))?;
            builder = builder.tls_certs_only(certificates);
        }
        if cluster.insecure_skip_tls_verify {
            builder = builder.tls_danger_accept_invalid_certs(true);
        }
        let certificate = pem(user.client_certificate.as_deref(), user.client_certificate_data.as_deref())?;
        let key = pem(user.client_key.as_deref(), user.client_key_data.as_deref())?;
        if let (Some(mut identity), Some(key)) = (certificate, key) {
            identity.push(b'\n');
            identity.extend_from_slice(&key);
            let identity = reqwest::Identity::from_pem(&identity)
                .map_err(|error| WebhookClientError::Client(error.to_string()))?;
            builder = builder.identity(identity);
        }
        let token = match (&user.token, &user.token_file) {
            (Some(token), _) => Some(token.clone()),
            (None, Some(path)) => Some(String::from_utf8_lossy(&read(path)?).trim().to_owned()),
            (None, None) => None,
        };
        Ok(Self {
            http: builder.build().map_err(|error| WebhookClientError::Client(error.to_string()))?,
            url: cluster.server.clone(),
            token,
            basic: user.username.clone().map(|name| (name, user.password.clone())),
        })
    }

    /// Posts a JSON body and returns the answer's body of a 2xx status.
    ///
    /// # Errors
    /// [`WebhookClientError`] if there is no answer in time, a failure status, or an answer above 4 MiB.
    ///
    /// # Cancellation
    /// The request may still have reached the webhook.
    pub async fn post(&self, body: String, timeout: Duration) -> Result<Vec<u8>, WebhookClientError> {
        let mut request = self
            .http
            .post(&self.url)
            .timeout(timeout)
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .body(body);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        } else if let Some((name, password)) = &self.basic {
            request = request.basic_auth(name, password.as_ref());
        }
        let mut answer =
            request.send().await.map_err(|error| WebhookClientError::Transport(chain(&error)))?;
        if !answer.status().is_success() {
            return Err(WebhookClientError::Status(answer.status().as_u16()));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) =
            answer.chunk().await.map_err(|error| WebhookClientError::Transport(chain(&error)))?
        {
            if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(WebhookClientError::Answer("larger than 4 MiB".to_owned()));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

/// An error with its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

fn read(path: &str) -> Result<Vec<u8>, WebhookClientError> {
    std::fs::read(path).map_err(|source| WebhookClientError::File { path: path.to_owned(), source })
}

fn pem(path: Option<&str>, data: Option<&str>) -> Result<Option<Vec<u8>>, WebhookClientError> {
    match (data, path) {
        (Some(data), _) if !data.is_empty() => {
            base64::engine::general_purpose::STANDARD.decode(data.trim()).map(Some).map_err(|error| {
                WebhookClientError::Kubeconfig(format!("certificate data is not base64: {error}"))
            })
        }
        (_, Some(path)) if !path.is_empty() => read(path).map(Some),
        _ => Ok(None),
    }
}
