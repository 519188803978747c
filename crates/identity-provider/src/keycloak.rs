//! The seam over Keycloak's admin REST API and dynamic client registration.

mod admin; // realms, clients, users, mail
mod call; // one HTTP call: address, token, accepted answers
mod registration; // RFC 7591 and 7592, with lost tokens replaced

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{IdentityError, Transport};
use call::Call;

/// A Keycloak server (or one that answers like it), as an admin client of realm `master`.
pub struct Keycloak {
    base: String,
    client_id: String,
    client_secret: String,
    transport: Arc<dyn Transport>,
    token: Mutex<Option<AdminToken>>,
}

struct AdminToken {
    value: String,
    good_until: Instant,
}

impl std::fmt::Debug for Keycloak {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keycloak")
            .field("base", &self.base)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl Keycloak {
    /// `base` is the server's URL with its path, for example `https://portal.example.io/keycloak`.
    pub fn new(base: &str, client_id: &str, client_secret: &str, transport: Arc<dyn Transport>) -> Self {
        Self {
            base: base.trim_end_matches('/').to_owned(),
            client_id: client_id.to_owned(),
            client_secret: client_secret.to_owned(),
            transport,
            token: Mutex::new(None),
        }
    }

    /// The issuer URL of a realm.
    pub fn issuer(&self, realm: &str) -> String {
        format!("{}/realms/{realm}", self.base)
    }

    /// A token of the admin client, by client credentials; kept until shortly before it ends.
    async fn admin_token(&self) -> Result<String, IdentityError> {
        if let Some(token) = self.token.lock().as_ref().filter(|t| t.good_until > Instant::now()) {
            return Ok(token.value.clone());
        }
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", self.client_id.as_str()),
            ("client_secret", self.client_secret.as_str()),
        ];
        let answer =
            Call::post("/realms/master/protocol/openid-connect/token").form(&form).send(self).await?;
        let answer = answer.expect_json(&[200])?;
        let value = answer.text("access_token")?;
        let life = answer.number("expires_in").unwrap_or(60);
        let good_until = Instant::now() + Duration::from_secs(life.saturating_sub(10).max(1));
        *self.token.lock() = Some(AdminToken { value: value.clone(), good_until });
        Ok(value)
    }

    /// A token that knows a realm made a moment ago: one from before is refused there.
    fn forget_token(&self) {
        *self.token.lock() = None;
    }
}
