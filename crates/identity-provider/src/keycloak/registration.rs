//! Dynamic client registration (RFC 7591) and its management (RFC 7592).
//!
//! A registration access token rotates with every update, so the one we hold may be stale after a crash between
//! the update and its record. A 401 therefore asks the admin API for a new one and repeats the call once.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    Keycloak,
    call::{Answer, Call},
};
use crate::{ClientHandle, ClientMetadata, IdentityError, Registration};

/// Life of an initial access token, in seconds: it serves one registration that follows at once.
const INITIAL_TOKEN_LIFE: u32 = 60;

impl Keycloak {
    pub(super) async fn register(
        &self,
        realm: &str,
        client: &ClientMetadata,
    ) -> Result<Registration, IdentityError> {
        let body = json!({"expiration": INITIAL_TOKEN_LIFE, "count": 1});
        let path = format!("/admin/realms/{realm}/clients-initial-access");
        let token =
            Call::post(path).json(&body).as_admin(self).await?.expect_json(&[200, 201])?.text("token")?;
        let path = format!("/realms/{realm}/clients-registrations/openid-connect");
        let wanted = ClientMetadata { client_id: None, ..client.clone() };
        Call::post(path)
            .json(&to_value(&wanted)?)
            .with_bearer(self, Some(&token))
            .await?
            .expect_json(&[201])?
            .parse()
    }

    /// Sends a management call; `None` when the client is gone.
    pub(super) async fn manage(
        &self,
        method: Method,
        realm: &str,
        client: &ClientHandle,
        body: Option<&ClientMetadata>,
    ) -> Result<Option<Answer>, IdentityError> {
        let address = client.registration_client_uri.clone().unwrap_or_else(|| {
            format!("/realms/{realm}/clients-registrations/openid-connect/{}", client.client_id)
        });
        let mut call = Call::new(method, address);
        if let Some(metadata) = body {
            // Keycloak refuses an update that does not repeat the id.
            let metadata = ClientMetadata { client_id: Some(client.client_id.clone()), ..metadata.clone() };
            call = call.json(&to_value(&metadata)?);
        }
        let held = client.registration_access_token.as_deref();
        if let Some(token) = held {
            let answer = call.with_bearer(self, Some(token)).await?;
            match answer.status {
                StatusCode::UNAUTHORIZED => {}
                StatusCode::NOT_FOUND => return Ok(None),
                _ => return Ok(Some(answer)),
            }
        }
        let Some(token) = self.new_access_token(realm, &client.client_id).await? else { return Ok(None) };
        let answer = call.with_bearer(self, Some(&token)).await?;
        Ok((answer.status != StatusCode::NOT_FOUND).then_some(answer))
    }

    /// A fresh registration access token; `None` when the realm has no such client (or is gone).
    async fn new_access_token(&self, realm: &str, client_id: &str) -> Result<Option<String>, IdentityError> {
        let path = format!("/admin/realms/{realm}/clients");
        let answer = Call::get(path).query("clientId", client_id).as_admin(self).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let found = answer.expect_json(&[200])?;
        let Some(id) = found
            .value
            .as_array()
            .into_iter()
            .flatten()
            .find(|c| c["clientId"].as_str() == Some(client_id))
            .and_then(|c| c["id"].as_str())
        else {
            return Ok(None);
        };
        let path = format!("/admin/realms/{realm}/clients/{id}/registration-access-token");
        let answer = Call::post(path).as_admin(self).await?.expect_json(&[200, 201])?;
        answer.text("registrationAccessToken").map(Some)
    }
}

fn to_value(metadata: &ClientMetadata) -> Result<Value, IdentityError> {
    serde_json::to_value(metadata).map_err(|e| IdentityError::Configuration(e.to_string()))
}
