//! HTTPS to one webhook. Clients are kept, so connections are.

use std::{collections::HashMap, time::Duration};

use parking_lot::Mutex;

use super::{configurations::Webhook, review::ReviewError};

/// Most clients kept; beyond that all are made anew.
const CLIENTS_MAX: usize = 256;
/// Longest answer that is read, in bytes.
const ANSWER_MAX: usize = 4 << 20;

/// Clients by certificate authority.
#[derive(Default)]
pub struct Calls {
    clients: Mutex<HashMap<Vec<u8>, reqwest::Client>>,
}

impl Calls {
    /// Posts a review and reads the answer within the webhook's timeout.
    pub(super) async fn post(&self, webhook: &Webhook, body: String) -> Result<Vec<u8>, ReviewError> {
        let Some(url) = &webhook.url else {
            let text = "a service reference cannot be resolved in a logical cluster; use clientConfig.url";
            return Err(ReviewError::Call(text.to_owned()));
        };
        if !url.starts_with("https://") {
            return Err(ReviewError::Call(format!("`{url}` is not an https URL")));
        }
        let failed = |e: reqwest::Error| ReviewError::Call(chain(&e));
        let request = self
            .client(webhook)?
            .post(url)
            .timeout(webhook.timeout)
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .body(body);
        let mut answer = request.send().await.map_err(failed)?;
        if !answer.status().is_success() {
            return Err(ReviewError::Call(format!(
                "the server answered status {}",
                answer.status().as_u16()
            )));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if bytes.len() + chunk.len() > ANSWER_MAX {
                return Err(ReviewError::Answer("larger than 4 MiB".into()));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    fn client(&self, webhook: &Webhook) -> Result<reqwest::Client, ReviewError> {
        let key = webhook.authority.clone().unwrap_or_default();
        if let Some(known) = self.clients.lock().get(&key) {
            return Ok(known.clone());
        }
        let mut builder = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .redirect(reqwest::redirect::Policy::none());
        if let Some(pem) = &webhook.authority {
            let roots = reqwest::Certificate::from_pem_bundle(pem)
                .map_err(|e| ReviewError::Call(format!("caBundle is not PEM: {e}")))?;
            builder = builder.tls_certs_only(roots);
        }
        let client = builder.build().map_err(|e| ReviewError::Call(e.to_string()))?;
        let mut clients = self.clients.lock();
        if clients.len() >= CLIENTS_MAX {
            clients.clear();
        }
        clients.insert(key, client.clone());
        Ok(client)
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
