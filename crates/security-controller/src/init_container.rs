//! The first clients of an empty identity provider: made with the administrator's password, their secrets put where the
//! operators look for them. Runs once before them, and as often as one likes.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use identity_provider::Transport;
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
};
use platform_mesh_api::{SecretRef, names};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{error::RunError, write::has_code};

/// The configuration file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootstrapConfig {
    /// URL of the identity provider, with its path.
    #[serde(rename = "keycloakBaseURL", default)]
    pub base_url: String,
    /// Client that the administrator logs in with.
    #[serde(rename = "keycloakClientID", default = "admin_cli")]
    pub client_id: String,
    /// Name of the administrator.
    #[serde(rename = "keycloakUser", default = "admin")]
    pub user: String,
    /// File of the administrator's password.
    #[serde(rename = "passwordFile", default = "password_file")]
    pub password_file: PathBuf,
    /// Clients that must be there.
    #[serde(default)]
    pub clients: Vec<BootstrapClient>,
}

/// A client of realm `master`, and the Secret for its credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootstrapClient {
    /// Id of the client.
    pub name: String,
    /// Secret in the runtime cluster.
    #[serde(rename = "secretRef")]
    pub secret_ref: SecretRef,
}

fn admin_cli() -> String {
    "admin-cli".to_owned()
}

fn admin() -> String {
    "admin".to_owned()
}

fn password_file() -> PathBuf {
    PathBuf::from("/secrets/keycloak-password")
}

impl BootstrapConfig {
    /// Reads YAML.
    ///
    /// # Errors
    /// What does not read, or what is missing.
    pub fn parse(text: &str) -> Result<Self, RunError> {
        let config: Self =
            serde_saphyr::from_str(text).map_err(|error| failed(format!("configuration: {error}")))?;
        if config.base_url.is_empty() {
            return Err(failed("configuration: keycloakBaseURL is missing"));
        }
        if config.clients.is_empty() {
            return Err(failed("configuration: clients are missing"));
        }
        let incomplete = |reference: &SecretRef| reference.name.is_none() || reference.namespace.is_none();
        if let Some(client) = config.clients.iter().find(|client| incomplete(&client.secret_ref)) {
            return Err(failed(format!(
                "configuration: secretRef of client {} needs name and namespace",
                client.name
            )));
        }
        Ok(config)
    }
}

/// Makes the clients and their Secrets.
///
/// # Errors
/// The first step that failed; all steps may be repeated.
pub async fn init_container(
    config: &BootstrapConfig,
    password: &str,
    transport: Arc<dyn Transport>,
    runtime: &Client,
) -> Result<(), RunError> {
    let form = [
        ("grant_type", "password"),
        ("client_id", config.client_id.as_str()),
        ("username", config.user.as_str()),
        ("password", password.trim()),
    ];
    let mut admin =
        Admin { base: config.base_url.trim_end_matches('/').to_owned(), transport, token: String::new() };
    admin.token = admin.token(&form).await?;
    let role = admin.call(Method::GET, "/admin/realms/master/roles/admin", None, &[200]).await?;
    let clients = admin.call(Method::GET, "/admin/realms/master/clients", None, &[200]).await?;
    for client in &config.clients {
        let known =
            clients.as_array().into_iter().flatten().find(|known| known["clientId"] == client.name.as_str());
        let id = match known.and_then(|known| known["id"].as_str()) {
            Some(id) => id.to_owned(),
            None => admin.create(&client.name).await?,
        };
        let path = format!("/admin/realms/master/clients/{id}/client-secret");
        let secret = text(&admin.call(Method::GET, &path, None, &[200]).await?, "value")?;
        let path = format!("/admin/realms/master/clients/{id}/service-account-user");
        let user = text(&admin.call(Method::GET, &path, None, &[200]).await?, "id")?;
        let path = format!("/admin/realms/master/users/{user}/role-mappings/realm");
        let roles = json!([{"id": role["id"], "name": role["name"]}]);
        admin.call(Method::POST, &path, Some(roles), &[200, 204]).await?;
        keep(runtime, client, &secret).await?;
        tracing::info!(client = client.name, "client is there");
    }
    Ok(())
}

struct Admin {
    base: String,
    transport: Arc<dyn Transport>,
    token: String,
}

impl Admin {
    async fn token(&self, form: &[(&str, &str)]) -> Result<String, RunError> {
        let body: Vec<String> = form.iter().map(|(key, value)| format!("{key}={}", encoded(value))).collect();
        let request = Request::post(format!("{}/realms/master/protocol/openid-connect/token", self.base))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Bytes::from(body.join("&")))
            .map_err(|error| failed(error.to_string()))?;
        let answer = self.transport.send(request).await.map_err(failed)?;
        if answer.status() != StatusCode::OK {
            return Err(failed(format!("the administrator's login was refused with {}", answer.status())));
        }
        text(&parsed(answer.body())?, "access_token")
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        accepted: &[u16],
    ) -> Result<http::Response<Bytes>, RunError> {
        let mut request = Request::builder()
            .method(method.clone())
            .uri(format!("{}{path}", self.base))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let request = request.body(body).map_err(|error| failed(error.to_string()))?;
        let answer =
            self.transport.send(request).await.map_err(|why| failed(format!("{method} {path}: {why}")))?;
        if accepted.contains(&answer.status().as_u16()) {
            return Ok(answer);
        }
        let said = String::from_utf8_lossy(answer.body()).chars().take(4096).collect::<String>();
        Err(failed(format!("{method} {path}: {} {said}", answer.status())))
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        accepted: &[u16],
    ) -> Result<Value, RunError> {
        let answer = self.send(method, path, body, accepted).await?;
        if answer.body().is_empty() { Ok(Value::Null) } else { parsed(answer.body()) }
    }

    /// Makes a confidential client with a service account; its key is the last part of its address.
    async fn create(&self, name: &str) -> Result<String, RunError> {
        let client = json!({
            "clientId": name, "name": name, "enabled": true, "serviceAccountsEnabled": true, "publicClient": false,
        });
        let answer = self.send(Method::POST, "/admin/realms/master/clients", Some(client), &[201]).await?;
        let location = answer.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        let id = location.and_then(|location| location.rsplit('/').next()).filter(|id| !id.is_empty());
        id.map(str::to_owned)
            .ok_or_else(|| failed(format!("the answer for new client {name} names no address")))
    }
}

/// Puts the credentials where the operators look for them.
async fn keep(runtime: &Client, client: &BootstrapClient, value: &str) -> Result<(), RunError> {
    let name = client.secret_ref.name.as_deref().unwrap_or_default();
    let namespace = client.secret_ref.namespace.as_deref().unwrap_or_default();
    let data = BTreeMap::from([
        ("client_id".to_owned(), ByteString(client.name.clone().into_bytes())),
        ("client_secret".to_owned(), ByteString(value.as_bytes().to_vec())),
    ]);
    let mut secret = Secret { data: Some(data), type_: Some("Opaque".to_owned()), ..Secret::default() };
    secret.metadata.name = Some(name.to_owned());
    let api: Api<Secret> = Api::namespaced(runtime.clone(), namespace);
    let manager = Some(names::SECURITY_OPERATOR.to_owned());
    let params = PostParams { field_manager: manager.clone(), ..PostParams::default() };
    let written = match api.create(&params, &secret).await {
        Err(error) if has_code(&error, &[409]) => {
            let params = PatchParams { field_manager: manager, ..PatchParams::default() };
            api.patch(name, &params, &Patch::Merge(json!({ "data": secret.data }))).await
        }
        other => other,
    };
    written.map(drop).map_err(|error| failed(format!("writing Secret {namespace}/{name}: {error}")))
}

fn failed(why: impl Into<String>) -> RunError {
    RunError::Bootstrap(why.into())
}

fn parsed(body: &[u8]) -> Result<Value, RunError> {
    serde_json::from_slice(body).map_err(|error| failed(format!("the answer is not JSON: {error}")))
}

fn text(value: &Value, field: &str) -> Result<String, RunError> {
    value[field].as_str().map(str::to_owned).ok_or_else(|| failed(format!("the answer has no `{field}`")))
}

/// A value in a form: everything but letters, digits and `-._~` as percent signs and digits.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b_25_defaults_of_the_file_count_and_what_is_missing_is_named() {
        let text = "keycloakBaseURL: https://k/keycloak\nclients:\n- name: security-operator\n  secretRef: {name: s, namespace: n}\n";
        let config = BootstrapConfig::parse(text).unwrap();
        assert_eq!((config.client_id.as_str(), config.user.as_str()), ("admin-cli", "admin"));
        assert_eq!(config.password_file, PathBuf::from("/secrets/keycloak-password"));
        for (text, missing) in [
            ("clients: []", "keycloakBaseURL"),
            ("keycloakBaseURL: x", "clients"),
            ("keycloakBaseURL: x\nclients: [{name: a, secretRef: {name: b}}]", "namespace"),
        ] {
            let error = BootstrapConfig::parse(text).unwrap_err().to_string();
            assert!(error.contains(missing), "{error}");
        }
        assert_eq!(encoded("a b&c=ö"), "a%20b%26c%3D%C3%B6");
    }
}
